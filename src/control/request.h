/* One request of one peer: what a command's handler sees. Handlers know neither sockets nor the loop. */
#ifndef PINDISPATCH_CONTROL_REQUEST_H
#define PINDISPATCH_CONTROL_REQUEST_H

#include <pindispatch/audit.h>
#include <pindispatch/buffer.h>
#include <pindispatch/control.h>
#include <pindispatch/delivery.h>
#include <pindispatch/json.h>
#include <pindispatch/problem.h>
#include <pindispatch/uuid.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    REQUEST_MOST = 64 * 1024,        /* bytes of one request */
    REQUEST_ITEMS_MOST = 512 * 1024, /* bytes of items made in one step */
    REQUEST_ITEMS_PAGE = 32 * 1024,  /* a step ends when it has made this many */
    REQUEST_IDS_MOST = 1024,         /* ids in one "states" */
    REQUEST_LIMIT_MOST = 10 * 1000 * 1000,
    REQUEST_REASON_MOST = 500,
};

/* What a step came to; a negative errno means that the store failed. */
enum step {
    STEP_DONE,    /* answer is set */
    STEP_MORE,    /* items are made and more will come: call again when they are on their way */
    STEP_COMMIT,  /* answer is set, and is given after the commit */
    STEP_REFUSED, /* problem is set */
};

struct request {
    const struct site *site;
    const struct control_host *host;
    const struct command *command;
    json_t *arguments; /* owned: the whole request */
    uid_t uid;         /* the peer's */

    json_t *answer;         /* out, owned: {"ok":true,…} */
    struct buffer items;    /* out: whole {"item":…} lines */
    struct problem problem; /* out: code and message */

    struct uuid id;     /* out: the delivery that an operator's verb is about */
    const char *result; /* out: what became of it, static */

    bool begun; /* the cursor below is set */
    bool has_before;
    struct uuid before; /* list: ids below this one come next */
    uint64_t after;     /* audit-export: rows above this one come next */
    uint64_t first;     /* … and this was the first of them, less one */
    uint64_t anchor;    /* … then anchors above this number */
    bool rows_done;
    struct audit_check *check; /* audit-verify: owned */
    struct audit_key *key;     /* … with it; owned, may be NULL */
    json_int_t left;           /* list: how many may still come */
};

/* Who may: by what is given away or changed. Whoever can open the socket may watch; more is asked of the host. */
enum privilege {
    PRIVILEGE_WATCH = CONTROL_WATCH,     /* numbers and states */
    PRIVILEGE_READ = CONTROL_READ,       /* holders' data and the audit trail */
    PRIVILEGE_OPERATE = CONTROL_OPERATE, /* changes; the peer must be known */
};

struct command {
    const char *name;
    enum privilege privilege;
    const char *const *arguments; /* the members it takes beside "command"; ends with NULL */
    int (*run)(struct request *q);
};

/* The table (control.c); ends with a NULL name. */
extern const struct command commands[];

/* Parses one line: a known command with known members only. 0; 1 with P; -ENOMEM. */
int request_parse(const char *line, size_t size, const struct command **ret_command, json_t **ret_arguments,
                  struct problem *p);
void request_release(struct request *q);

/* Arguments. 0; STEP_REFUSED with q->problem ("usage"). */
int request_id(struct request *q, struct uuid *ret);
int request_states(struct request *q, unsigned *ret_mask); /* absent: all */
int request_number(struct request *q, const char *name, json_int_t least, json_int_t most, json_int_t standard,
                   json_int_t *ret);
int request_reason(struct request *q, const char **ret); /* absent: NULL */

/* Always STEP_REFUSED. */
int request_refuse(struct request *q, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Gives away ANSWER (NULL: out of memory) with "ok":true. STEP_DONE or -ENOMEM. */
int request_answer(struct request *q, json_t *answer);
/* Adds {"item":ITEM}, giving ITEM away (NULL: out of memory). 0; 1: it does not fit after what is there, end the
 * step without it; -ENOMEM, -EMSGSIZE. */
int request_item(struct request *q, json_t *item);
static inline bool request_page_is_full(const struct request *q)
{
    return buffer_size(&q->items) >= REQUEST_ITEMS_PAGE;
}

/* The handlers, one file a family. */
int command_status(struct request *q);
int command_reload(struct request *q);
int command_metrics(struct request *q);
int command_list(struct request *q);
int command_show(struct request *q);
int command_states(struct request *q);
int command_retry(struct request *q);
int command_cancel(struct request *q);
int command_hold(struct request *q);
int command_release(struct request *q);
int command_resolve(struct request *q);
int command_audit_verify(struct request *q);
int command_audit_export(struct request *q);

/* Tells the log what an operator's verb came to: after the commit, or when it was refused. */
void operator_log(const struct request *q);

/* Shared by families. NULL: out of memory. */
struct audit_row;
json_t *audit_row_to_json(const struct audit_row *r);
json_t *status_to_json(const struct request *q);
/* Sets KEY to a time in RFC 3339; 0 leaves it out. 0 or -ENOMEM. */
int put_time(json_t *object, const char *key, int64_t microseconds);

#endif

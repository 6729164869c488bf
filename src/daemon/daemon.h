/* The daemon: all rooms wired together. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>
#include <pindispatch/problem.h>
#include <pindispatch/settings.h>
#include <pindispatch/site.h>

#include <stdbool.h>

struct audit_key;
struct auditor;
struct control;
struct dispatch;
struct intake;

struct daemon_options {
    const char *config; /* the file */
    bool dry_run, once;
};

struct daemon {
    struct daemon_options options;
    struct site site;
    struct settings *settings; /* owned; site.settings */
    struct seal_ring *keys;
    struct store *store;
    struct commit *commit;
    struct intake *intake;
    struct control *control;
    struct dispatch *dispatch;
    char *worker_program;
    int64_t started;
    int64_t refused_at; /* the last reload, when that was refused; 0: it was not */
    struct problem refused;
    sd_event_source *drain;      /* how long a stop may take */
    sd_event_source *upkeep;     /* what time does to the store */
    sd_event_source *settled;    /* after each turn: is everything done? (a stop, --once) */
    int64_t clock_offset;        /* from the time since boot to the wall clock, when it was looked at last */
    int64_t erase_after;         /* since boot: until then nothing is erased by its age; 0: the clock is trusted */
    int64_t jumped;              /* when the clock was seen to have gone far ahead, by itself */
    bool hasten;                 /* the clock went back */
    struct audit_key *audit_key; /* NULL: the audit trail is not anchored */
    struct auditor *auditor;
    sd_event_source *anchor; /* when the next anchor is due */
    bool anchor_failed;      /* then that timer tries again, and not each turn */
    bool stopping;
    int status; /* of its end */
};

/* Reads the configuration and says on standard error what is wrong with it. 0; 1; -errno. */
int daemon_load_settings(const struct daemon_options *o, struct settings **ret);

/* Says on standard error why a start would refuse the public key. 0; 1; -ENOMEM. */
int daemon_check_keys(const struct settings *s);

/* 0; 1 or -errno after saying why on the log. */
int daemon_start(struct daemon *d, const struct daemon_options *o);
/* Until a signal (or, with --once, until everything due is done). The exit status. */
int daemon_run(struct daemon *d);
void daemon_release(struct daemon *d);

/* Old settings stay when the new ones have errors: 1 with P. */
int daemon_reload(struct daemon *d, struct problem *p);

/* upkeep.c */
int upkeep_start(struct daemon *d);
void upkeep_soon(struct daemon *d);
/* guard.c */
void guard_start(struct daemon *d);
void guard_clock(struct daemon *d); /* has it jumped? */
bool guard_hasten(struct daemon *d);
bool guard_may_erase(const struct daemon *d);
/* anchor.c */
int anchor_start(struct daemon *d, struct problem *p); /* 0; 1 with P; -errno */
void anchor_look(struct daemon *d);
void anchor_stop(struct daemon *d);
void anchor_release(struct daemon *d);
/* sockets.c: activated by systemd, else made here. */
int sockets_open(struct daemon *d);
/* status.c: for struct control_host. */
struct json_t *daemon_status(void *userdata);

#endif

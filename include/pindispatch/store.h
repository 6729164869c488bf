/* The store: a seam of few verbs at the level of deliveries. Nothing above it knows SQL.
 *
 * Writing verbs open a transaction by themselves and join the one that is open; nothing is durable, and nobody
 * may be told, before store_commit() returned 0 (see commit.h for the loop's group commit). Each change of state
 * writes its audit row, hash-chained, in the same transaction, and a final state erases the sealed secret in it.
 *
 * Errors: 0; the positive conditions below where a verb documents them; -ENOMEM, -EIO, -ENOSPC, -EROFS, -EAGAIN
 * (another process is in the way), -EUCLEAN (the file is damaged) … from the backend. The transaction is then lost:
 * every writing verb says so until store_abort(). After a sync that failed nobody knows what is on disk: all verbs
 * return -EIO until the store is opened anew (store_revive() does that). A callback calls no verb of the store. One
 * thread. */
#ifndef PINDISPATCH_STORE_H
#define PINDISPATCH_STORE_H

#include <pindispatch/clock.h>
#include <pindispatch/delivery.h>
#include <pindispatch/event.h>
#include <pindispatch/outcome.h>
#include <pindispatch/parcel.h>
#include <pindispatch/problem.h>
#include <pindispatch/uuid.h>

#include <stdint.h>

enum store_condition { STORE_DUPLICATE = 1, STORE_CONFLICT, STORE_UNKNOWN, STORE_STALE };
enum { STORE_METHOD = 16 }; /* bytes of a method's name with its NUL */

struct store;

const char *store_backend_name(size_t i); /* NULL after the last one */

/* BACKEND is a name of the table in store.c ("sqlite"). Creates the file (mode 0600) and its folder, migrates an
 * older schema, refuses a newer one and a store that another process has open. 0; 1 with P; -ENOMEM. */
int store_open(const char *backend, const char *path, struct store **ret, struct problem *p);
struct store *store_close(struct store *s);
DEFINE_CLEANUP(struct store, store, store_close)

/* Who and what caused a change, for the audit row. */
struct cause {
    const char *what;    /* "submit", "worker", "deadline", "recovery", "retry", "operator:cancel" … */
    const char *words;   /* an operator's reason; may be NULL */
    int64_t uid;         /* the peer's; -1: the dispatcher itself */
    uint64_t generation; /* of the configuration */
    int64_t now;         /* microseconds since 1970 */
};

/* put: one event with its deliveries. */
struct admission {
    const struct event *event;
    struct cause cause;
    bool is_new; /* set by recall: put, which comes next, need not look again */
    size_t n;
    struct admitted {
        enum secret_kind secret;
        char method[STORE_METHOD];
        enum delivery_state state; /* STATE_QUEUED or STATE_NOPIN; on a duplicate: today's */
        const char *sealed;        /* borrowed; NULL with STATE_NOPIN */
        bool stated;
        struct uuid id; /* out */
    } items[SECRET_KINDS];
};
/* What put would find, without changing anything: 0 when the event's identity is new, else STORE_DUPLICATE or
 * STORE_CONFLICT as put. Only A->event need be set. */
int store_recall(struct store *s, struct admission *a);
/* 0: accepted, ids filled. STORE_DUPLICATE: n and items are those that exist (method, state, id).
 * STORE_CONFLICT: the identity exists with another digest; nothing is changed. */
int store_put(struct store *s, struct admission *a);

/* A delivery as the store holds it. Texts are valid during the callback only. */
struct record {
    struct uuid id, job_uuid;
    enum secret_kind secret;
    enum delivery_state state;
    enum stage stage;
    char method[STORE_METHOD];
    unsigned attempts, copy;
    bool stated;
    int64_t created, updated, due; /* microseconds; due is 0 when nothing is scheduled */
    const char *source, *event_id; /* the event's identity */
    const char *event;             /* its body without secrets, JSON; NULL once retention erased it */
    const char *sealed;            /* NULL when erased, or where a verb does not give it */
    const char *outcome;           /* the last outcome as JSON; may be NULL */
    const char *mark;              /* evidence marked since that outcome, JSON; may be NULL */
};
typedef int store_each(void *userdata, const struct record *r); /* non-zero stops and is returned */

/* claim: up to LIMIT deliveries of METHOD (PIN and PUK) that are due by cause->now, oldest first, become
 * `sending` with stage begun and one attempt more; EACH gets them as they were handed out: with sealed, and with
 * the stage that they had BEFORE (fresh for a first attempt). */
int store_claim(struct store *s, const char *method, unsigned limit, const struct cause *cause, store_each *each,
                void *userdata);

/* mark: how far an attempt has come. STORE_UNKNOWN; STORE_STALE when the delivery is not `sending`. EVIDENCE: JSON,
 * may be NULL. */
int store_mark(struct store *s, const struct uuid *id, enum stage stage, const char *evidence,
               const struct cause *cause);

struct change {
    struct uuid id;
    unsigned from; /* STATE_BITs it may come from; all others: STORE_STALE */
    enum delivery_state to;
    int64_t due; /* with queued and deferred */
    enum stage stage;
    bool new_copy;                 /* a new letter: copy + 1, a new job-uuid, stage fresh */
    const struct outcome *outcome; /* may be NULL: the last one stands */
    const char *template_hash;     /* may be NULL */
    struct cause cause;
};
/* settle: one change of state. STORE_UNKNOWN, STORE_STALE, and STORE_CONFLICT when state_may_become() forbids it
 * or when it would need the sealed secret and that is erased. */
int store_settle(struct store *s, const struct change *c);

/* sweep: what time does to rows. Deliveries queued, deferred or held that were accepted before EXPIRE become
 * `expired`; those failed, in doubt or spooled since before RETENTION are erased to `expired`. The body of an event
 * (the holder's data) all of whose deliveries are final since before RETENTION is erased; that is no change of state
 * and has no audit row. 0 or the number of rows, at most LIMIT a call. */
int store_sweep(struct store *s, int64_t expire_before, int64_t retention_before, unsigned limit,
                const struct cause *cause);

/* hasten: the clock went back. Deliveries of METHOD that are queued for later than NOW, or deferred beyond LATEST,
 * become due NOW. 0 or their number, at most LIMIT a call. */
int store_hasten(struct store *s, const char *method, int64_t now, int64_t latest, unsigned limit);

struct store_stat {
    uint64_t by_state[STATE_COUNT]; /* kept counters, not a scan */
    uint64_t events;
    uint64_t audit_rows;
    unsigned schema;
};
int store_stat(struct store *s, struct store_stat *ret);
/* When the next delivery of METHOD is due; 0: none. */
int store_next_due(struct store *s, const char *method, int64_t *ret);

/* Reading. One delivery (with everything): 0, STORE_UNKNOWN. */
int store_find(struct store *s, const struct uuid *id, store_each *each, void *userdata);
/* Newest first, of the states in MASK, at most LIMIT, ids below BEFORE (NULL: from the newest). Without sealed. */
int store_list(struct store *s, unsigned mask, unsigned limit, const struct uuid *before, store_each *each,
               void *userdata);

struct audit_row {
    uint64_t seq;   /* 1, 2 … without gaps */
    uint64_t prior; /* seq of this delivery's row before; 0: none */
    int64_t time;
    struct uuid delivery;
    const char *from, *to; /* states; from is "" for the first row */
    const char *cause, *words;
    int64_t uid;
    uint64_t generation;
    const char *template_hash;
    const char *detail; /* JSON: outcome, mark, or {"copy","job_uuid"} of a new copy; may be NULL */
    const char *hash;   /* hex SHA-256 over the previous row's hash and this row */
};
typedef int audit_each(void *userdata, const struct audit_row *r);
/* Rows after AFTER, of one delivery when ID is not NULL. */
int store_audit(struct store *s, const struct uuid *id, uint64_t after, audit_each *each, void *userdata);
/* Walks the chain. 0 with the count; 1 with P (where = "audit row N"). */
int store_audit_verify(struct store *s, uint64_t *ret_rows, struct problem *p);

/* The same in steps, so that a long chain holds nobody up: W is zeroed at first. Walks at most LIMIT rows on, and
 * says whole when these were all. 0; 1 with P; negative. */
struct audit_walk {
    uint64_t rows;
    unsigned char hash[32];
    bool whole;
};
int store_audit_walk(struct store *s, struct audit_walk *w, uint64_t limit, struct problem *p);
enum { AUDIT_HASH_TEXT = 65 };
char *audit_walk_hash(const struct audit_walk *w, char text[AUDIT_HASH_TEXT]); /* hex, of the row it is at */
/* The newest row; 0 rows: zeros. Of the open transaction, if there is one. */
int store_audit_head(struct store *s, uint64_t *ret_seq, char hash[AUDIT_HASH_TEXT]);

/* What audit.h signs and checks; to the store these are texts. */
struct anchor {
    uint64_t number; /* 1, 2 … */
    uint64_t seq;    /* of the row that it is over */
    int64_t time;
    char hash[AUDIT_HASH_TEXT]; /* that row's */
    char key[64];               /* id of the key */
    char signature[129];        /* hex */
};
int store_anchor(struct store *s, const struct anchor *a); /* a writing verb */
typedef int anchor_each(void *userdata, const struct anchor *a);
int store_anchors(struct store *s, anchor_each *each, void *userdata); /* in order */

int store_commit(struct store *s); /* 0 when durable; on failure everything since the last commit is undone */
void store_abort(struct store *s);
bool store_is_dirty(const struct store *s);
/* After a failure: does the store take changes again? Where nobody knows any more what is on disk, or the file may be
 * damaged, it is opened anew in place and checked (the lock is kept, a file that is gone is not made again); then a
 * change of nothing is committed. 0; 1 with P; -EBUSY while a transaction is open; -ENOMEM. What was undone may be
 * there after all: the caller looks again at what it had in hand. */
int store_revive(struct store *s, struct problem *p);

/* An erased secret is out of every row at once, but older pages of the backend's log keep its sealed form until the
 * log is emptied. tidy empties it (some milliseconds): once it is quiet, not after each commit; not while a
 * transaction is open (-EBUSY). -EAGAIN: another process reads, try later. */
bool store_is_untidy(const struct store *s);
int store_tidy(struct store *s);

#endif

/* The SQLite backend's own border: what its files share. */
#ifndef PINDISPATCH_STORE_SQLITE_H
#define PINDISPATCH_STORE_SQLITE_H

#include "backend.h"
#include "chain.h"
#include "statement.h"
#include "wal.h"

#include <sqlite3.h>

enum { BUSY_TIMEOUT = 100 }; /* milliseconds to wait for another process that writes */

/* What a transaction adds to beside rows; kept in memory, written once by the commit. */
struct tally {
    uint64_t by_state[STATE_COUNT];
    uint64_t events;
    uint64_t recent_keys;
    uint64_t audit_rows;
    unsigned char audit_hash[CHAIN_HASH];
};

struct sqlite {
    struct store base;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct hasher hasher;
    struct wal wal;
    struct tally now, committed; /* with and without the open transaction */
    int64_t moved_to;            /* the key that moved to old_key last, committed or not */
    uint64_t last_id;            /* order of the newest delivery; never goes back, not even with an abort */
    char *path;                  /* absolute, without links */
    int lock;                    /* flock on the file beside the store */
    int failed;                  /* the open transaction is lost for this reason */
    int dead;                    /* nobody knows what is on disk: every verb says this */
    bool suspect;                /* the file looked damaged */
    int log_pages, log_next;     /* in the write-ahead log after the last commit; when to copy it */
    unsigned erased;             /* secrets erased in the open transaction */
};

static inline struct sqlite *sqlite_of(struct store *s)
{
    return (struct sqlite *)s;
}

/* sqlite_open.c */
int sqlite_open_store(const char *path, struct store **ret, struct problem *p);
struct store *sqlite_close_store(struct store *store);
/* Opens the database at s->path and loads what is kept in memory. 0; 1 with P; -ENOMEM; then call sqlite_stop(). */
int sqlite_start(struct sqlite *s, struct problem *p);
void sqlite_stop(struct sqlite *s);

/* sqlite_revive.c */
int sqlite_revive(struct store *store, struct problem *p);

/* sqlite_schema.c: brings an empty or older file to the newest schema. 0; 1 with P; -errno. */
int sqlite_migrate(sqlite3 *db, const char *path, struct problem *p);
unsigned sqlite_newest_schema(void);

/* sqlite_transaction.c */
int sqlite_errno(sqlite3 *db); /* the last error of DB as -errno */
int sqlite_load(struct sqlite *s);
/* Opens a transaction or joins the one that is open. 0 or why there can be none. */
int sqlite_join(struct sqlite *s);
/* The transaction is lost: remembers R, which is negative, and returns it. */
int sqlite_lose(struct sqlite *s, int r);
int sqlite_commit(struct store *store);
void sqlite_abort(struct store *store);
/* Commits a change that changes nothing, which is written and synced all the same. */
int sqlite_touch(struct sqlite *s);
/* Copies all of the log into the database and cuts it. 0; -EAGAIN: a reader is in the way; negative. */
int sqlite_empty_log(struct sqlite *s);
/* The same, and begins the log anew for the next commits. */
int sqlite_tidy(struct store *store);

/* A prepared statement, ready to be bound; scope resets it. */
sqlite3_stmt *sqlite_use(struct sqlite *s, enum statement which);
void sqlite_done(sqlite3_stmt **q);
/* 1: there is a row. 0: the end. Negative: failed, and so has the transaction that is open. */
int sqlite_step(struct sqlite *s, sqlite3_stmt *q);
/* To be asked after reading columns: 0, or -ENOMEM when a text that is there was given as NULL. */
int sqlite_columns(sqlite3_stmt *q);
/* Steps a statement that gives no rows. 0 or negative. */
int sqlite_run(struct sqlite *s, sqlite3_stmt *q);

static inline void bind_number(sqlite3_stmt *q, int at, int64_t n)
{
    sqlite3_bind_int64(q, at, n);
}
/* The text must outlive the step; NULL is NULL. */
static inline void bind_text(sqlite3_stmt *q, int at, const char *text)
{
    sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC);
}
static inline void bind_bytes(sqlite3_stmt *q, int at, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(q, at, bytes, size, SQLITE_STATIC);
}
static inline const char *column_text(sqlite3_stmt *q, int at)
{
    return (const char *)sqlite3_column_text(q, at);
}

/* sqlite_row.c: a delivery's row as the verbs change it. */
struct row {
    struct uuid id;
    int64_t event;
    enum delivery_state state;
    enum stage stage;
    unsigned attempts, copy;
    int64_t created, updated;
    bool sealed;
    uint64_t audit;
};

/* 0, STORE_UNKNOWN or negative. */
int row_read(struct sqlite *s, const struct uuid *id, struct row *ret);
/* By the ordered part of an id that is known to exist. */
int row_read_order(struct sqlite *s, int64_t order, struct row *ret);

struct row_change {
    enum delivery_state to;
    enum stage stage;
    unsigned attempts, copy;
    const struct uuid *job_uuid; /* NULL: as it is */
    int64_t due;                 /* with a waiting state */
    const char *outcome;         /* JSON; NULL: as it is */
    const char *detail;          /* JSON, for the audit row; NULL: the outcome */
    bool forget_mark;
    const char *template_hash;
    const struct cause *cause;
};
/* Writes the audit row, the row itself and the counters, and erases the secret when TO is final. */
int row_change(struct sqlite *s, const struct row *row, const struct row_change *c);

int64_t uuid_tail(const struct uuid *u);
struct uuid uuid_of_row(int64_t order, int64_t tail);
/* The state or whatever other number of an enum below MOST; -EUCLEAN when the file holds no such thing. */
int column_enum(sqlite3_stmt *q, int at, int most);

/* sqlite_audit.c: a row as it stands in the file; its texts are the statement's. */
struct found_row {
    struct audit_row row;
    unsigned char hash[CHAIN_HASH];
    char text[CHAIN_TEXT];
};
int audit_read(sqlite3_stmt *q, struct found_row *ret); /* 0, -ENOMEM, -EUCLEAN */
/* R gets its seq and hash here; from and to are of the enum, FROM is -1 for the first row. */
int audit_append(struct sqlite *s, const struct uuid *id, int from, enum delivery_state to, uint64_t prior,
                 const char *template_hash, const char *detail, const struct cause *cause);
int sqlite_audit(struct store *store, const struct uuid *id, uint64_t after, audit_each *each, void *userdata);

/* sqlite_walk.c */
int sqlite_audit_walk(struct store *store, struct audit_walk *w, uint64_t limit, struct problem *p);
int sqlite_audit_head(struct store *store, uint64_t *ret_seq, char hash[AUDIT_HASH_TEXT]);
int sqlite_anchor(struct store *store, const struct anchor *a);
int sqlite_anchors(struct store *store, anchor_each *each, void *userdata);

/* sqlite_put.c */
int sqlite_recall(struct store *store, struct admission *a);
int sqlite_put(struct store *store, struct admission *a);

/* sqlite_key.c: the way from an event's key to its number. Keys are not negative. */
enum { KEY_NONE = -1 };
int key_add(struct sqlite *s, int64_t key, int64_t event);
int key_count(struct sqlite *s, uint64_t *ret); /* of those in recent_key */
/* For each commit: those that are too many in recent_key move to old_key. */
int key_move(struct sqlite *s);

/* sqlite_change.c */
int sqlite_mark(struct store *store, const struct uuid *id, enum stage stage, const char *evidence,
                const struct cause *cause);
int sqlite_settle(struct store *store, const struct change *c);
int sqlite_sweep(struct store *store, int64_t expire_before, int64_t retention_before, unsigned limit,
                 const struct cause *cause);
int sqlite_hasten(struct store *store, const char *method, int64_t now, int64_t latest, unsigned limit);

/* sqlite_read.c */
int record_read(sqlite3_stmt *q, struct record *ret); /* 0, -ENOMEM or -EUCLEAN */
int sqlite_claim(struct store *store, const char *method, unsigned limit, const struct cause *cause, store_each *each,
                 void *userdata);
int sqlite_find(struct store *store, const struct uuid *id, store_each *each, void *userdata);
int sqlite_list(struct store *store, unsigned mask, unsigned limit, const struct uuid *before, store_each *each,
                void *userdata);
int sqlite_next_due(struct store *store, const char *method, int64_t *ret);
int sqlite_stat(struct store *store, struct store_stat *ret);

#endif

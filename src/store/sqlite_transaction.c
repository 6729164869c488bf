#include "sqlite.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <pindispatch/crashpoint.h>

enum {
    /* The log is copied into the database beyond this (24 MiB): a page that many events change is copied once. */
    LOG_PAGES = 6000,
    PURGE_MARGIN = 128, /* erased rows left between what is removed and the oldest living secret: some pages */
    PURGE_LEAST = 64,   /* erased rows removed by a commit that erases; at most, this or twice what it erased */
};

/* SQLite knows a full disk, but neither a full quota nor a file system that was made read-only under it. */
static int io_errno(sqlite3 *db)
{
    const char *path = sqlite3_db_filename(db, "main");
    int error = sqlite3_system_errno(db);
    struct statvfs s;

    if (error == EROFS || (path && statvfs(path, &s) == 0 && s.f_flag & ST_RDONLY))
        return -EROFS;
    return error == EDQUOT || error == ENOSPC ? -ENOSPC : -EIO;
}

int sqlite_errno(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);

    if (code == SQLITE_IOERR_NOMEM)
        return -ENOMEM;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EAGAIN;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_TOOBIG:
        return -E2BIG;
    case SQLITE_IOERR:
        return io_errno(db);
    default:
        return -EIO;
    }
}

/* The kernel tells of lost pages once and then takes them for clean: a second sync would say that all is well. */
static bool sync_failed(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);

    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

sqlite3_stmt *sqlite_use(struct sqlite *s, enum statement which)
{
    return s->statements[which];
}

void sqlite_done(sqlite3_stmt **q)
{
    sqlite3_reset(*q);
}

int sqlite_lose(struct sqlite *s, int r)
{
    if (s->base.dirty && s->failed == 0)
        s->failed = r;
    return r;
}

/* Without memory SQLite may roll back where nobody looks at a result, in a reset; what follows would then be
 * transactions of their own. */
static int check_transaction(struct sqlite *s)
{
    if (s->dead)
        return s->dead;
    if (!s->base.dirty || !sqlite3_get_autocommit(s->db))
        return 0;
    return s->failed ? s->failed : sqlite_lose(s, -ENOMEM);
}

int sqlite_step(struct sqlite *s, sqlite3_stmt *q)
{
    int r = check_transaction(s);

    if (r < 0)
        return r;
    r = sqlite3_step(q);
    if (r == SQLITE_ROW)
        return 1;
    if (r == SQLITE_DONE)
        return 0;
    r = sqlite_errno(s->db);
    if (sync_failed(s->db))
        s->dead = r = -EIO;
    s->suspect = s->suspect || r == -EUCLEAN;
    return sqlite_lose(s, r);
}

int sqlite_columns(sqlite3_stmt *q)
{
    return sqlite3_errcode(sqlite3_db_handle(q)) == SQLITE_NOMEM ? -ENOMEM : 0;
}

int sqlite_run(struct sqlite *s, sqlite3_stmt *q)
{
    int r = sqlite_step(s, q);

    sqlite3_reset(q);
    return r > 0 ? 0 : r;
}

static int load_head(struct sqlite *s)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_HEAD_READ);
    int r = sqlite_step(s, q);

    if (r < 0)
        return r;
    if (r == 0 || sqlite3_column_bytes(q, 2) != CHAIN_HASH)
        return -EUCLEAN;
    s->now.events = (uint64_t)sqlite3_column_int64(q, 0);
    s->now.audit_rows = (uint64_t)sqlite3_column_int64(q, 1);
    memcpy(s->now.audit_hash, sqlite3_column_blob(q, 2), CHAIN_HASH);
    return 0;
}

static int load_tally(struct sqlite *s)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_TALLY_READ);
    int r;

    while ((r = sqlite_step(s, q)) > 0) {
        int state = column_enum(q, 0, STATE_COUNT);

        if (state < 0)
            return state;
        s->now.by_state[state] = (uint64_t)sqlite3_column_int64(q, 1);
    }
    return r;
}

static int load_newest(struct sqlite *s)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_NEWEST_ID);
    int r = sqlite_step(s, q);

    if (r > 0 && (uint64_t)sqlite3_column_int64(q, 0) > s->last_id)
        s->last_id = (uint64_t)sqlite3_column_int64(q, 0);
    return r < 0 ? r : 0;
}

int sqlite_load(struct sqlite *s)
{
    int r;

    s->now = (struct tally){ .events = 0 };
    s->moved_to = KEY_NONE;
    r = load_head(s);
    if (r == 0)
        r = load_tally(s);
    if (r == 0)
        r = load_newest(s);
    if (r == 0)
        r = key_count(s, &s->now.recent_keys);
    s->committed = s->now;
    s->log_next = LOG_PAGES;
    return r;
}

int sqlite_join(struct sqlite *s)
{
    int r = s->dead ? s->dead : s->failed;

    if (r < 0 || s->base.dirty)
        return r;
    r = sqlite_run(s, sqlite_use(s, SQL_BEGIN));
    s->base.dirty = true;
    /* Lost before it began: whoever comes next in this turn need not wait as long for the same answer. */
    return r < 0 ? sqlite_lose(s, r) : 0;
}

static int write_head(struct sqlite *s)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_HEAD_WRITE);

    bind_number(q, 1, (int64_t)s->now.events);
    bind_number(q, 2, (int64_t)s->now.audit_rows);
    bind_bytes(q, 3, s->now.audit_hash, CHAIN_HASH);
    return sqlite_run(s, q);
}

static int write_tally(struct sqlite *s)
{
    int r = 0;

    for (int state = 0; r == 0 && state < STATE_COUNT; state++) {
        sqlite3_stmt *q = sqlite_use(s, SQL_TALLY_WRITE);

        if (s->now.by_state[state] == s->committed.by_state[state])
            continue;
        bind_number(q, 1, state);
        bind_number(q, 2, (int64_t)s->now.by_state[state]);
        r = sqlite_run(s, q);
    }
    return r;
}

/* The oldest delivery that has a secret, or the largest number. */
static int oldest_living(struct sqlite *s, int64_t *ret)
{
    *ret = INT64_MAX;
    for (int state = 0; state < STATE_COUNT; state++) {
        CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_STATE_ABOVE);
        int r;

        if (STATES_FINAL & STATE_BIT(state))
            continue;
        bind_number(q, 1, state);
        bind_number(q, 2, -1);
        r = sqlite_step(s, q);
        if (r < 0)
            return r;
        if (sqlite3_column_type(q, 0) != SQLITE_NULL && sqlite3_column_int64(q, 0) < *ret)
            *ret = sqlite3_column_int64(q, 0);
    }
    return 0;
}

/* Removes rows whose text was overwritten, at the pace at which that happens. */
static int purge(struct sqlite *s)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_SEALED_PURGE);
    int64_t oldest;
    int r;

    if (s->erased == 0)
        return 0;
    r = oldest_living(s, &oldest);
    if (r < 0)
        return r;
    bind_number(q, 1, oldest);
    bind_number(q, 2, PURGE_MARGIN);
    bind_number(q, 3, s->erased > PURGE_LEAST / 2 ? 2 * (int64_t)s->erased : PURGE_LEAST);
    return sqlite_run(s, q);
}

static int finish(struct sqlite *s)
{
    int r = s->failed;

    if (r == 0)
        r = purge(s);
    if (r == 0)
        r = key_move(s);
    if (r == 0 && memcmp(&s->now, &s->committed, sizeof(s->now)) != 0)
        r = write_head(s);
    if (r == 0)
        r = write_tally(s);
    return r < 0 ? r : sqlite_run(s, sqlite_use(s, SQL_COMMIT));
}

/* Errors do not matter here: the log stays what counts, and the copying is tried again. */
static void keep_log_short(struct sqlite *s)
{
    int pages = -1, copied = 0;

    if (s->log_pages < s->log_next)
        return;
    sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    /* All copied: the next transaction begins the log anew. Else a reader is in the way: not at every commit. */
    s->log_next = pages == copied ? LOG_PAGES : s->log_pages + LOG_PAGES;
}

int sqlite_commit(struct store *store)
{
    struct sqlite *s = sqlite_of(store);
    int r = s->dead;

    if (r == 0 && !store->dirty)
        return 0;
    if (r == 0)
        r = finish(s);
    if (r < 0) {
        sqlite_abort(store);
        return r;
    }
    store->dirty = false;
    store->untidy = store->untidy || s->erased > 0;
    s->erased = 0;
    s->committed = s->now;
    keep_log_short(s);
    return 0;
}

void sqlite_abort(struct store *store)
{
    struct sqlite *s = sqlite_of(store);

    /* Some errors have rolled back already. */
    if (s->db && !sqlite3_get_autocommit(s->db)) {
        sqlite3_step(sqlite_use(s, SQL_ROLLBACK));
        sqlite3_reset(sqlite_use(s, SQL_ROLLBACK));
        if (!sqlite3_get_autocommit(s->db))
            s->dead = -EIO;
    }
    s->now = s->committed;
    s->erased = 0;
    s->failed = 0;
    store->dirty = false;
}

/* A row that comes and goes: an update to the same value would not be written. */
int sqlite_touch(struct sqlite *s)
{
    static const char touch[] = "INSERT INTO tally VALUES (-1, 0); DELETE FROM tally WHERE state = -1";
    int r = sqlite_join(s);

    if (r == 0 && sqlite3_exec(s->db, touch, NULL, NULL, NULL) != SQLITE_OK)
        r = sqlite_errno(s->db);
    if (r == 0)
        return sqlite_commit(&s->base);
    sqlite_abort(&s->base);
    return r;
}

int sqlite_empty_log(struct sqlite *s)
{
    struct store *store = &s->base;
    int r;

    if (s->dead || store->dirty)
        return s->dead ? s->dead : -EBUSY;
    CRASH_POINT("store.tidying");
    sqlite3_busy_timeout(s->db, 0); /* a reader is not waited for */
    r = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    r = r == SQLITE_OK ? 0 : sqlite_errno(s->db);
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT);
    CRASH_POINT("store.tidied");
    if (r == 0)
        store->untidy = false;
    return r;
}

int sqlite_tidy(struct store *store)
{
    struct sqlite *s = sqlite_of(store);
    int r = sqlite_empty_log(s);

    /* The commit that begins a log anew syncs it twice: one that nobody waits for. */
    return r == 0 ? sqlite_touch(s) : r;
}

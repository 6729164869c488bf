#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/file.h>

/* One page of cache is 4 KiB and some; the dispatcher has 64 MiB in all. The log is emptied by ourselves, where
 * its cost is known and its errors are seen. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA secure_delete = ON;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA cache_size = -16384;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA wal_autocheckpoint = 0;"
                               "PRAGMA journal_size_limit = 33554432;";

static int cannot(struct problem *p, const char *path, const char *what, const char *why)
{
    return problem_set(p, "store", path, "the store cannot be %s: %s", what, why);
}

/* SQLite gives its log and index files the mode of the database; so the database gets its own first. */
static int create_file(const char *path, struct problem *p)
{
    CLEANUP(free_cleanup) char *folder = path_folder(path);
    CLEANUP(fd_cleanup) int fd = -1;
    int r;

    if (!folder)
        return -ENOMEM;
    r = folder_make(folder, 0700);
    if (r < 0)
        return cannot(p, path, "made", strerror(-r));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? cannot(p, path, "opened", strerror(errno)) : 0;
}

/* Whatever links lead there; and absolute, so that SQLite takes no name for a URI. */
static int find_file(const char *path, char **ret, struct problem *p)
{
    *ret = realpath(path, NULL);
    if (*ret)
        return 0;
    return errno == ENOMEM ? -ENOMEM : cannot(p, path, "opened", strerror(errno));
}

/* A lock of our own and not SQLite's exclusive mode: an operator may still read with other tools. It stays beside
 * the file: removing it would race with the next owner. */
static int lock_file(const char *path, int *ret, struct problem *p)
{
    CLEANUP(free_cleanup) char *name = NULL;
    CLEANUP(fd_cleanup) int fd = -1;

    if (asprintf(&name, "%s.lock", path) < 0)
        return -ENOMEM;
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cannot(p, name, "locked", strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return problem_set(p, "locked", path, "another process has this store open");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return cannot(p, name, "locked", strerror(errno));
    *ret = fd_take(&fd);
    return 0;
}

static int open_database(struct sqlite *s, struct problem *p)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const char *files = wal_register(&s->wal);
    int r = files ? sqlite3_open_v2(s->path, &s->db, flags, files) : SQLITE_NOMEM;

    if (!s->db)
        return -ENOMEM;
    if (r == SQLITE_OK)
        r = sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_busy_timeout(s->db, BUSY_TIMEOUT);
    if (r == SQLITE_OK)
        r = sqlite3_exec(s->db, settings, NULL, NULL, NULL);
    return r == SQLITE_OK ? 0 : cannot(p, s->path, "opened", sqlite3_errmsg(s->db));
}

/* Where the file system cannot share memory SQLite quietly keeps another journal, with other promises. */
static int check_journal(struct sqlite *s, struct problem *p)
{
    sqlite3_stmt *q = NULL;
    bool wal;

    if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode", -1, &q, NULL) != SQLITE_OK)
        return cannot(p, s->path, "opened", sqlite3_errmsg(s->db));
    wal = sqlite3_step(q) == SQLITE_ROW && sqlite3_stricmp(column_text(q, 0), "wal") == 0;
    sqlite3_finalize(q);
    return wal ? 0 : cannot(p, s->path, "opened", "its file system does not take a write-ahead log");
}

static int prepare_statements(struct sqlite *s)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(s->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL) !=
            SQLITE_OK)
            return sqlite_errno(s->db);
    return 0;
}

static int count_log(void *userdata, sqlite3 *db, const char *name, int pages)
{
    struct sqlite *s = userdata;

    (void)db;
    (void)name;
    s->log_pages = pages;
    return SQLITE_OK;
}

static int load(struct sqlite *s, struct problem *p)
{
    int r = sqlite_migrate(s->db, s->path, p);

    if (r == 0)
        r = prepare_statements(s);
    if (r == 0)
        r = hasher_init(&s->hasher);
    if (r == 0)
        r = sqlite_load(s);
    if (r == 0)
        r = sqlite_empty_log(s);
    sqlite3_wal_hook(s->db, count_log, s);
    /* A reader in the way keeps the log from being cut, but not from being copied and synced. */
    if (r == -EAGAIN)
        r = 0;
    if (r >= 0 || r == -ENOMEM)
        return r;
    return cannot(p, s->path, "opened", r == -EUCLEAN ? "it is damaged" : sqlite3_errmsg(s->db));
}

int sqlite_start(struct sqlite *s, struct problem *p)
{
    int r = open_database(s, p);

    if (r == 0)
        r = check_journal(s, p);
    return r == 0 ? load(s, p) : r;
}

void sqlite_stop(struct sqlite *s)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(TAKE(s->statements[i]));
    sqlite3_close(TAKE(s->db)); /* the last one out copies the log and removes it */
    wal_unregister(&s->wal);
    hasher_release(&s->hasher);
}

static void sqlite_cleanup(struct sqlite **s)
{
    if (*s)
        sqlite_close_store(&(*s)->base);
}

int sqlite_open_store(const char *path, struct store **ret, struct problem *p)
{
    CLEANUP(sqlite_cleanup) struct sqlite *s = calloc(1, sizeof(*s));
    int r;

    if (!s)
        return -ENOMEM;
    s->base.backend = &backend_sqlite;
    s->lock = -1;
    r = create_file(path, p);
    CRASH_POINT("store.created");
    if (r == 0)
        r = find_file(path, &s->path, p);
    if (r == 0)
        r = lock_file(s->path, &s->lock, p);
    if (r == 0)
        r = sqlite_start(s, p);
    if (r != 0)
        return r;
    CRASH_POINT("store.opened");
    *ret = &TAKE(s)->base;
    return 0;
}

struct store *sqlite_close_store(struct store *store)
{
    struct sqlite *s = sqlite_of(store);

    sqlite_abort(store);
    sqlite_stop(s);
    fd_close(s->lock);
    free(s->path);
    free(s);
    return NULL;
}

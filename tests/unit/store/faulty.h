/* A disk for SQLite that fails when it is told to: SQLite's own, with two of its calls watched. */
#ifndef PINDISPATCH_TEST_STORE_FAULTY_H
#define PINDISPATCH_TEST_STORE_FAULTY_H

#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

static struct faulty {
    sqlite3_vfs vfs, *real;
    const sqlite3_io_methods *real_methods; /* of the database; the log's differ in what this does not use */
    sqlite3_io_methods database, log;
    unsigned syncs;   /* since the start */
    unsigned writes;  /* since the start */
    bool full;        /* no write succeeds any more */
    bool sync_fails;  /* the next sync fails; later ones say that all is well, as the kernel does */
    unsigned fail_at; /* the write of this number fails, when it is not 0 */
    char order[32];   /* of the log's first calls since it was empty: 'h' its head is written, 'w' more, 's' a sync */
} faulty;

static inline void faulty_note(char what)
{
    size_t n = strlen(faulty.order);

    if (n + 1 < sizeof(faulty.order))
        faulty.order[n] = what;
}

static inline int faulty_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    faulty.writes++;
    if (faulty.full || faulty.writes == faulty.fail_at)
        return SQLITE_FULL;
    return faulty.real_methods->xWrite(file, bytes, size, at);
}

static inline int faulty_sync(sqlite3_file *file, int flags)
{
    faulty.syncs++;
    if (faulty.sync_fails) {
        faulty.sync_fails = false;
        return SQLITE_IOERR_FSYNC;
    }
    return faulty.real_methods->xSync(file, flags);
}

static inline int faulty_write_log(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    faulty_note(at == 0 ? 'h' : 'w');
    return faulty_write(file, bytes, size, at);
}

static inline int faulty_sync_log(sqlite3_file *file, int flags)
{
    faulty_note('s');
    return faulty_sync(file, flags);
}

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    bool is_log = flags & SQLITE_OPEN_WAL;
    sqlite3_io_methods *methods = is_log ? &faulty.log : &faulty.database;
    int r = faulty.real->xOpen(faulty.real, name, file, flags, ret_flags);

    (void)vfs;
    if (r != SQLITE_OK || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return r;
    faulty.real_methods = file->pMethods;
    *methods = *file->pMethods;
    methods->xWrite = is_log ? faulty_write_log : faulty_write;
    methods->xSync = is_log ? faulty_sync_log : faulty_sync;
    file->pMethods = methods;
    return r;
}

static inline void faulty_begin(void)
{
    faulty = (struct faulty){ .real = sqlite3_vfs_find(NULL) };
    faulty.vfs = *faulty.real;
    faulty.vfs.zName = "faulty";
    faulty.vfs.xOpen = faulty_open;
    sqlite3_vfs_register(&faulty.vfs, 1);
}

static inline void faulty_end(void)
{
    sqlite3_vfs_unregister(&faulty.vfs);
    sqlite3_vfs_register(faulty.real, 1);
}

#endif

#include "wal.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    HEAD = 4096,
    FIRST_ROOM = 1 << 20, /* bytes, for some dozens of small commits */
};

static struct wal *wal_of(sqlite3_file *file)
{
    return (struct wal *)((char *)(uintptr_t)file->pMethods - offsetof(struct wal, methods));
}

static int write_through(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    struct wal *w = wal_of(file);

    if (w->used < at + size)
        w->used = at + size;
    return w->system_methods->xWrite(file, bytes, size, at);
}

/* What could not be written is lost: SQLite is told so, and writes it again with what comes next. */
static int flush(sqlite3_file *file)
{
    struct wal *w = wal_of(file);
    int size = w->size;

    w->size = 0;
    return size > 0 ? write_through(file, w->bytes, size, w->at) : SQLITE_OK;
}

static int wal_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    struct wal *w = wal_of(file);
    int r = SQLITE_OK;

    if (w->size > 0 && (at != w->at + w->size || size > WAL_ROOM - w->size))
        r = flush(file);
    if (r != SQLITE_OK)
        return r;
    if (size > WAL_ROOM)
        return write_through(file, bytes, size, at);
    if (w->size == 0)
        w->at = at;
    memcpy(w->bytes + w->size, bytes, (size_t)size);
    w->size += size;
    return SQLITE_OK;
}

static int wal_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    int r = flush(file);

    return r == SQLITE_OK ? wal_of(file)->system_methods->xRead(file, bytes, size, at) : r;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    int r = flush(file);

    return r == SQLITE_OK ? wal_of(file)->system_methods->xSync(file, flags) : r;
}

/* Where the log need not grow, commits are faster; without room all works the same, slower. What waits are zeroes. */
static void make_room(sqlite3_file *file)
{
    struct wal *w = wal_of(file);
    sqlite3_int64 size = 0;
    int r = w->system_methods->xFileSize(file, &size);

    for (; r == SQLITE_OK && size < FIRST_ROOM; size += WAL_ROOM)
        r = w->system_methods->xWrite(file, w->bytes, WAL_ROOM, size);
}

/* Its head is gone from the disk before anything else is: a log without its later pages would put old ones into the
 * database. */
static int wipe(sqlite3_file *file)
{
    struct wal *w = wal_of(file);
    sqlite3_int64 used = w->used, at = HEAD;
    int r;

    w->size = 0;
    if (used == 0)
        return SQLITE_OK;
    memset(w->bytes, 0, sizeof(w->bytes));
    r = write_through(file, w->bytes, HEAD, 0);
    if (r == SQLITE_OK)
        r = w->system_methods->xSync(file, SQLITE_SYNC_NORMAL);
    for (; r == SQLITE_OK && at < used; at += WAL_ROOM)
        r = write_through(file, w->bytes, used - at < WAL_ROOM ? (int)(used - at) : WAL_ROOM, at);
    if (r != SQLITE_OK)
        return r;
    w->used = 0;
    make_room(file);
    return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int r;

    if (size == 0)
        return wipe(file);
    r = flush(file);
    return r == SQLITE_OK ? wal_of(file)->system_methods->xTruncate(file, size) : r;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    int r = flush(file);

    return r == SQLITE_OK ? wal_of(file)->system_methods->xFileSize(file, ret) : r;
}

static int wal_close(sqlite3_file *file)
{
    int r = flush(file), closed = wal_of(file)->system_methods->xClose(file);

    return r == SQLITE_OK ? closed : r;
}

/* The file below makes itself at home in FILE; only its table of methods is another one. */
static int wal_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct wal *w = (struct wal *)((char *)vfs - offsetof(struct wal, vfs));
    int r = w->system->xOpen(w->system, name, file, flags, ret_flags);

    if (r != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
        return r;
    w->size = 0;
    r = file->pMethods->xFileSize(file, &w->used);
    if (r != SQLITE_OK)
        return r;
    w->system_methods = file->pMethods;
    w->methods = *file->pMethods;
    w->methods.xWrite = wal_write;
    w->methods.xRead = wal_read;
    w->methods.xSync = wal_sync;
    w->methods.xTruncate = wal_truncate;
    w->methods.xFileSize = wal_size;
    w->methods.xClose = wal_close;
    file->pMethods = &w->methods;
    return r;
}

const char *wal_register(struct wal *w)
{
    w->system = sqlite3_vfs_find(NULL);
    if (!w->system)
        return NULL;
    snprintf(w->name, sizeof(w->name), "pindispatch-%p", (void *)w);
    w->vfs = *w->system;
    w->vfs.zName = w->name;
    w->vfs.xOpen = wal_open;
    return sqlite3_vfs_register(&w->vfs, 0) == SQLITE_OK ? w->name : NULL;
}

void wal_unregister(struct wal *w)
{
    sqlite3_vfs_unregister(&w->vfs);
}

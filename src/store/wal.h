/* The file of SQLite's write-ahead log, as a file system of SQLite's own kind (sqlite.org/vfs.html). All goes to the
 * one below, but for two things:
 *
 * - What is written piece by piece, one after the other, leaves together. SQLite writes each page of a commit by two
 *   calls, and even a single event changes ten. They wait until the log is synced, read or cut, or WAL_ROOM is full.
 *   With synchronous=FULL a commit is synced before another process may look at it, so nobody misses what waits.
 * - Where SQLite cuts the log to nothing it is overwritten with zeroes instead, which SQLite reads as no log, too. So
 *   what was in it is gone from the disk, and later commits write blocks that are there already: the file system's
 *   own journal has no part in them. A short one gets room for some dozens of commits. */
#ifndef PINDISPATCH_STORE_WAL_H
#define PINDISPATCH_STORE_WAL_H

#include <sqlite3.h>

enum { WAL_ROOM = 127 * 1024 }; /* 31 pages; SQLite's own file takes less than 128 KiB at once */

/* For one connection. It must not move while it is registered. */
struct wal {
    char name[32];
    sqlite3_vfs vfs, *system;
    sqlite3_io_methods methods;
    const sqlite3_io_methods *system_methods;
    sqlite3_int64 used; /* bytes of the file, up to the last that may not be zero */
    sqlite3_int64 at;   /* where in it the bytes below belong */
    int size;
    unsigned char bytes[WAL_ROOM];
};

/* For sqlite3_open_v2(): its name, until wal_unregister(). NULL: SQLite has no memory. */
const char *wal_register(struct wal *w);
void wal_unregister(struct wal *w);

#endif

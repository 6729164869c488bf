/* Rows by SQLite and nothing else: bench_peer_rows FILE NUMBER BATCH [SCHEMA…]
 *
 * Prepared inserts, BATCH events a commit, with the dispatcher's own settings: WAL, synchronous=FULL, secure_delete.
 * With the SCHEMA (src/store/sql/1.sql and those that follow) the same rows in the same tables as the dispatcher
 * writes of an event without delivery; without, one row that has all of it in a table with one index, for its
 * identity. Nothing is parsed, hashed or looked up. Prints the seconds; FILE is gone in the end. */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/file.h>

enum { DIGEST = 32, CHECKPOINT_PAGES = 4000, SCHEMA_MOST = 64 * 1024, INSERTS = 4 };

static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                               "PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;";

static const char one_table[] =
    "CREATE TABLE event (number INTEGER PRIMARY KEY, key INTEGER NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,"
    " digest BLOB NOT NULL, body TEXT, method TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL,"
    " cause TEXT NOT NULL, uid INTEGER NOT NULL, hash BLOB NOT NULL); CREATE INDEX event_key ON event (key);";

/* ?1 number, ?2 key, ?3 id, ?4 digest, ?5 body, ?6 time, ?7 the delivery's id. */
static const char *const one_row[INSERTS] = {
    "INSERT INTO event VALUES (?1, ?2, '/identity-manager/bench', ?3, ?4, ?5, 'nopin', 8, ?6, 'submit', 0, ?4)",
};

static const char *const same_rows[INSERTS] = {
    "INSERT INTO event VALUES (?1, ?2, '/identity-manager/bench', ?3, ?4, ?5, ?7, NULL)",
    "INSERT INTO recent_key VALUES (?2, ?1)",
    "INSERT INTO delivery (id, tail, event, secret, method, state, stage, attempts, copy, stated, created, updated,"
    " due, sealed, audit) VALUES (?7, ?2, ?1, 0, 'nopin', 8, 0, 0, 1, 1, ?6, ?6, NULL, 0, ?1)",
    "INSERT INTO audit VALUES (?1, ?6, ?7, ?2, NULL, 8, 'submit', NULL, 0, 1, NULL, NULL, 0, ?4)",
};

static _Noreturn void fail(sqlite3 *db)
{
    fprintf(stderr, "bench_peer_rows: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void must(sqlite3 *db, int result)
{
    if (result != SQLITE_OK && result != SQLITE_DONE)
        fail(db);
}

/* As an event stands in the dispatcher's store, with its keys sorted. */
static int make_body(char *body, size_t room, unsigned number)
{
    return snprintf(
        body, room,
        "{\"data\":{\"card\":{\"id\":\"C-%u\",\"type\":\"employee\"},\"holder\":{\"address\":[\"Storgatan "
        "1\",\"111 22 Stockholm\",\"Sweden\"],\"email\":\"asa.oberg.%u@example.com\",\"locale\":\"en\","
        "\"name\":\"Åsa Öberg\"}},\"datacontenttype\":\"application/json\",\"id\":\"bench-%u\","
        "\"source\":\"/identity-manager/bench\",\"specversion\":\"1.0\",\"subject\":\"card/C-%u\","
        "\"time\":\"2026-11-22T10:00:00Z\",\"type\":\"card.issued\"}",
        number, number, number, number);
}

/* As large as those of UUIDs of version 7: microseconds since 1970 and a few bits. */
static sqlite3_int64 make_id(unsigned number)
{
    static const sqlite3_int64 first = INT64_C(1795348800000000) << 8;

    return first + ((sqlite3_int64)number << 8);
}

/* As chance has it, like the hash of an identity. */
static sqlite3_int64 make_key(unsigned number)
{
    return (sqlite3_int64)((number + 1) * 0x9e3779b97f4a7c15U >> 16);
}

static void insert(sqlite3 *db, sqlite3_stmt *q, unsigned number)
{
    unsigned char digest[DIGEST] = { 0 };
    char body[512], id[32];
    int size = make_body(body, sizeof(body), number), id_size = snprintf(id, sizeof(id), "bench-%u", number);

    memcpy(digest, &number, sizeof(number));
    sqlite3_bind_int64(q, 1, (sqlite3_int64)number + 1);
    sqlite3_bind_int64(q, 2, make_key(number));
    sqlite3_bind_text(q, 3, id, id_size, SQLITE_STATIC);
    sqlite3_bind_blob(q, 4, digest, DIGEST, SQLITE_STATIC);
    sqlite3_bind_text(q, 5, body, size, SQLITE_STATIC);
    sqlite3_bind_int64(q, 6, (sqlite3_int64)now_ns());
    sqlite3_bind_int64(q, 7, make_id(number));
    must(db, sqlite3_step(q));
    sqlite3_reset(q);
}

static void insert_all(sqlite3 *db, const char *const *texts, unsigned number, unsigned batch)
{
    sqlite3_stmt *q[INSERTS] = { NULL };

    for (size_t k = 0; k < INSERTS && texts[k]; k++)
        must(db, sqlite3_prepare_v2(db, texts[k], -1, &q[k], NULL));
    for (unsigned i = 0; i < number; i++) {
        if (i % batch == 0)
            must(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
        for (size_t k = 0; k < INSERTS && q[k]; k++)
            insert(db, q[k], i);
        if (i % batch == batch - 1 || i == number - 1)
            must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
    }
    for (size_t k = 0; k < INSERTS; k++)
        sqlite3_finalize(q[k]);
}

static void run_file(sqlite3 *db, const char *path)
{
    struct buffer text = BUFFER(SCHEMA_MOST);

    if (file_read(path, &text) < 0 || buffer_terminate(&text) < 0) {
        perror(path);
        exit(1);
    }
    must(db, sqlite3_exec(db, buffer_bytes(&text), NULL, NULL, NULL));
    buffer_release(&text);
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db = NULL;

    must(db, sqlite3_open(path, &db));
    must(db, sqlite3_exec(db, settings, NULL, NULL, NULL));
    sqlite3_wal_autocheckpoint(db, CHECKPOINT_PAGES);
    return db;
}

int main(int argc, char **argv)
{
    unsigned number = argc >= 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    unsigned batch = argc >= 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    sqlite3 *db;
    uint64_t start;

    if (number == 0 || batch == 0) {
        fputs("usage: bench_peer_rows FILE NUMBER BATCH [SCHEMA…]\n", stderr);
        return 2;
    }
    db = open_file(argv[1]);
    for (int i = 4; i < argc; i++)
        run_file(db, argv[i]);
    if (argc == 4)
        must(db, sqlite3_exec(db, one_table, NULL, NULL, NULL));
    start = now_ns();
    insert_all(db, argc > 4 ? same_rows : one_row, number, batch);
    printf("%.6f\n", (double)(now_ns() - start) / 1e9);
    sqlite3_close(db);
    unlink(argv[1]);
    return 0;
}

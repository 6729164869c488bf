/* Rows by SQLite and nothing else: bench_peer_rows FILE NUMBER BATCH
 *
 * One row an event with all that the dispatcher keeps of one (identity, digest, body, delivery, state, the audit
 * row's hash), BATCH a commit, with the dispatcher's own settings: WAL, synchronous=FULL, secure_delete. The key
 * grows, as a UUID of version 7 does. Prints the seconds; FILE is gone in the end. */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { DIGEST = 32, CHECKPOINT_PAGES = 4000 };

static const char setup[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -16384;"
    "PRAGMA temp_store = MEMORY;"
    "CREATE TABLE event (number INTEGER PRIMARY KEY, uuid BLOB NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,"
    " digest BLOB NOT NULL, body TEXT, method TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL,"
    " cause TEXT NOT NULL, uid INTEGER NOT NULL, hash BLOB NOT NULL)";

static const char add[] =
    "INSERT INTO event VALUES (?, ?, '/identity-manager/bench', ?, ?, ?, 'nopin', 8, ?, 'submit',"
    " 0, ?)";

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

static void insert(sqlite3 *db, sqlite3_stmt *q, unsigned number)
{
    unsigned char digest[DIGEST] = { 0 };
    char body[512], id[32];
    int size = make_body(body, sizeof(body), number), id_size = snprintf(id, sizeof(id), "bench-%u", number);

    memcpy(digest, &number, sizeof(number));
    sqlite3_bind_int64(q, 1, (sqlite3_int64)number + 1);
    sqlite3_bind_blob(q, 2, digest, 16, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, id, id_size, SQLITE_STATIC);
    sqlite3_bind_blob(q, 4, digest, DIGEST, SQLITE_STATIC);
    sqlite3_bind_text(q, 5, body, size, SQLITE_STATIC);
    sqlite3_bind_int64(q, 6, (sqlite3_int64)now_ns());
    sqlite3_bind_blob(q, 7, digest, DIGEST, SQLITE_STATIC);
    must(db, sqlite3_step(q));
    sqlite3_reset(q);
}

static void insert_all(sqlite3 *db, unsigned number, unsigned batch)
{
    sqlite3_stmt *q = NULL;

    must(db, sqlite3_prepare_v2(db, add, -1, &q, NULL));
    for (unsigned i = 0; i < number; i++) {
        if (i % batch == 0)
            must(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
        insert(db, q, i);
        if (i % batch == batch - 1 || i == number - 1)
            must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
    }
    sqlite3_finalize(q);
}

int main(int argc, char **argv)
{
    unsigned number = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    unsigned batch = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    sqlite3 *db = NULL;
    uint64_t start;

    if (number == 0 || batch == 0) {
        fputs("usage: bench_peer_rows FILE NUMBER BATCH\n", stderr);
        return 2;
    }
    must(db, sqlite3_open(argv[1], &db));
    must(db, sqlite3_exec(db, setup, NULL, NULL, NULL));
    sqlite3_wal_autocheckpoint(db, CHECKPOINT_PAGES);
    start = now_ns();
    insert_all(db, number, batch);
    printf("%.6f\n", (double)(now_ns() - start) / 1e9);
    sqlite3_close(db);
    unlink(argv[1]);
    return 0;
}

/* The log's file, below SQLite itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/file.h>

#include "ask.h"
#include "faulty.h"
#include "wal.h"

enum { FILE_MOST = 64 * 1024 * 1024 };

struct fixture {
    char dir[64], path[96], log[128];
    struct wal wal;
    sqlite3 *db;
};

static void run(sqlite3 *db, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

static sqlite3 *open_database(const struct fixture *f, const char *files)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, files), SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    return db;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->dir, sizeof(f->dir), "/tmp/pindispatch-wal-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/store.db", f->dir);
    snprintf(f->log, sizeof(f->log), "%s-wal", f->path);
    faulty_begin();
    f->db = open_database(f, wal_register(&f->wal));
    run(f->db, "CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB)");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    faulty.fail_at = 0;
    assert_int_equal(sqlite3_close(f->db), SQLITE_OK);
    wal_unregister(&f->wal);
    faulty_end();
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

/* Rows of some pages each, in one transaction. */
static void add_rows(sqlite3 *db, int number)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < %d) "
             "INSERT INTO t (bytes) SELECT randomblob(10000) FROM i",
             number);
    run(db, sql);
}

/* By SQLite alone, as any other program: all rows are there, and the database is whole. */
static void others_find(const struct fixture *f, int64_t rows)
{
    sqlite3 *db = open_database(f, NULL);

    assert_int_equal(ask(db, "SELECT count(*) FROM t"), rows);
    assert_int_equal(ask(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int cut(const struct fixture *f)
{
    return sqlite3_wal_checkpoint_v2(f->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void a_commit_leaves_together(void **state)
{
    struct fixture *f = *state;
    unsigned before = faulty.writes;

    add_rows(f->db, 8); /* 24 pages and more */
    assert_in_range(faulty.writes - before, 1, 2);
    others_find(f, 8);
    before = faulty.writes;
    add_rows(f->db, 200); /* 2 MB */
    assert_in_range(faulty.writes - before, 16, 24);
    others_find(f, 208);
}

/* With few pages of memory SQLite writes before the commit, and reads again what it wrote. */
static void what_waits_is_read_too(void **state)
{
    struct fixture *f = *state;

    run(f->db, "PRAGMA cache_size = 10; BEGIN");
    for (int i = 0; i < 20; i++) {
        add_rows(f->db, 10);
        run(f->db, "UPDATE t SET bytes = randomblob(9000) WHERE n % 7 = 0");
        assert_int_equal(ask(f->db, "SELECT sum(length(bytes)) FROM t"),
                         10000 * (i + 1) * 10 - 1000 * ((i + 1) * 10 / 7));
    }
    run(f->db, "COMMIT");
    others_find(f, 200);
}

static void what_was_undone_is_not_there(void **state)
{
    struct fixture *f = *state;

    add_rows(f->db, 8);
    run(f->db, "PRAGMA cache_size = 10; BEGIN");
    add_rows(f->db, 50);
    run(f->db, "ROLLBACK");
    add_rows(f->db, 1);
    others_find(f, 9);
}

static bool is_zero(const char *path, size_t *ret_size)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(FILE_MOST);
    size_t n = 0;

    assert_int_equal(file_read(path, &b), 0);
    *ret_size = buffer_size(&b);
    while (n < *ret_size && buffer_bytes(&b)[n] == '\0')
        n++;
    return n == *ret_size;
}

static void a_log_that_is_cut_is_zeroes(void **state)
{
    struct fixture *f = *state;
    size_t size, before;

    add_rows(f->db, 200); /* 2 MB: more than what a short one is given */
    assert_false(is_zero(f->log, &before));
    memset(faulty.order, 0, sizeof(faulty.order));
    assert_int_equal(cut(f), SQLITE_OK);
    assert_true(is_zero(f->log, &size));
    assert_int_equal(size, before);
    /* Its head is on the disk before the rest is lost; what came before is of the checkpoint. */
    assert_non_null(strstr(faulty.order, "hsw"));
    assert_null(strchr(strstr(faulty.order, "hsw") + 3, 'h'));
    others_find(f, 200);
    add_rows(f->db, 3);
    others_find(f, 203);
}

static void a_short_log_has_room_when_it_is_cut(void **state)
{
    struct fixture *f = *state;
    size_t size;

    add_rows(f->db, 1);
    assert_int_equal(cut(f), SQLITE_OK);
    assert_true(is_zero(f->log, &size));
    assert_in_range(size, 1 << 20, 2 << 20);
    add_rows(f->db, 1);
    others_find(f, 2);
}

/* Wherever cutting fails, all is there; also for those who find the log as it was left. */
static void a_cut_that_fails_loses_nothing(void **state)
{
    struct fixture *f = *state;
    unsigned failures = 0;
    int r = SQLITE_FULL;

    add_rows(f->db, 20);
    for (unsigned i = 1; r != SQLITE_OK; i++) {
        faulty.fail_at = faulty.writes + i;
        r = cut(f);
        faulty.fail_at = 0;
        failures += r != SQLITE_OK;
        assert_true(r == SQLITE_OK || r == SQLITE_FULL);
        others_find(f, 20);
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_leaves_together, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_is_read_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_undone_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_cut_is_zeroes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_log_has_room_when_it_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_that_fails_loses_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What only the SQLite backend can promise of its files: modes, refusals, erasure, size. */
#include "sqlite_fixture.h"

#include <errno.h>
#include <sys/stat.h>

#include "ask.h"

#include <pindispatch/file.h>

enum { FILE_MOST = 64 * 1024 * 1024 };

static int64_t ask_beside(struct fixture *f, const char *query)
{
    sqlite3 *db = NULL;
    int64_t answer;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    answer = ask(db, query);
    sqlite3_close(db);
    return answer;
}

static mode_t mode_of(const struct fixture *f, const char *suffix)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static off_t size_of(const struct fixture *f, const char *suffix)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    return stat(path, &st) < 0 ? 0 : st.st_size;
}

/* The store and its log; one that is not there is empty. */
struct files {
    struct buffer each[2];
};

static void files_release(struct files *files)
{
    for (size_t i = 0; i < ARRAY_SIZE(files->each); i++)
        buffer_release(&files->each[i]);
}

static void read_files(const struct fixture *f, struct files *files)
{
    static const char *const suffixes[] = { "", "-wal" };

    for (size_t i = 0; i < ARRAY_SIZE(files->each); i++) {
        char path[128];

        files->each[i] = BUFFER(FILE_MOST);
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)file_read(path, &files->each[i]);
    }
}

/* How many of the files hold these bytes? */
static unsigned count_in(const struct files *files, const char *words)
{
    unsigned found = 0;

    for (size_t i = 0; i < ARRAY_SIZE(files->each); i++) {
        const struct buffer *b = &files->each[i];

        found += buffer_size(b) > 0 && memmem(buffer_bytes(b), buffer_size(b), words, strlen(words)) != NULL;
    }
    return found;
}

static unsigned grep(const struct fixture *f, const char *words)
{
    CLEANUP(files_release) struct files files;

    read_files(f, &files);
    return count_in(&files, words);
}

static void its_files_are_the_owners_only(void **state)
{
    struct fixture *f = *state;

    put(f, "e1", "print");
    commit(f);
    assert_int_equal(mode_of(f, ""), 0600);
    assert_int_equal(mode_of(f, "-wal"), 0600);
    assert_int_equal(mode_of(f, "-shm"), 0600);
    assert_int_equal(mode_of(f, ".lock"), 0600);
}

static void refused(struct fixture *f, const char *code, const char *words)
{
    struct store *s = NULL;
    struct problem p = { 0 };

    assert_int_equal(store_open("sqlite", f->path, &s, &p), 1);
    assert_null(s);
    assert_string_equal(p.code, code);
    assert_string_equal(p.where, f->path);
    if (!strstr(p.message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, p.message);
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;

    edit(f, "PRAGMA user_version = 1000");
    refused(f, "schema", "schema 1000");
    edit(f, "PRAGMA user_version = 3");
    fixture_open(f);
}

static void anothers_database_is_refused(void **state)
{
    struct fixture *f = *state;

    edit(f, "PRAGMA application_id = 4711");
    refused(f, "store", "another program");
}

static void anothers_tables_are_refused(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;

    fixture_close(f);
    unlink(f->path);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    refused(f, "store", "another program");
}

static void what_is_no_database_is_refused_and_left_alone(void **state)
{
    static const char words[] = "this is a letter and no database; it has more than a hundred bytes, so that nobody "
                                "takes it for an empty file by mistake.";
    struct fixture *f = *state;

    fixture_close(f);
    assert_int_equal(file_replace(f->path, words, sizeof(words), 0600), 0);
    refused(f, "store", "not a database");
    assert_int_equal(grep(f, "this is a letter"), 1);
}

static void damage_is_told(void **state)
{
    struct fixture *f = *state;

    put(f, "e1", "print");
    commit(f);
    edit(f, "UPDATE head SET audit_hash = 'short'");
    refused(f, "store", "damaged");
    edit(f, "UPDATE head SET audit_hash = zeroblob(32); UPDATE delivery SET state = 99");
    fixture_open(f);
    {
        struct kept k = { 0 };

        assert_int_equal(store_find(f->store, &f->last, keep, &k), -EUCLEAN);
        assert_int_equal(settle(f, f->last, STATES_ALL, STATE_HELD, NULL), -EUCLEAN);
        /* The transaction is lost, whatever comes next. */
        assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "nopin", NULL), -EUCLEAN);
        assert_int_equal(store_commit(f->store), -EUCLEAN);
        assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "nopin", NULL), 0);
    }
}

static void others_may_read_but_only_one_writes(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;

    put(f, "e1", "print");
    commit(f);
    assert_int_equal(ask_beside(f, "SELECT count(*) FROM delivery"), 1);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "print", SEALED_TEXT), -EAGAIN);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "print", SEALED_TEXT), -EAGAIN);
    assert_true(store_is_dirty(f->store));
    assert_int_equal(store_commit(f->store), -EAGAIN);
    assert_false(store_is_dirty(f->store));
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM delivery", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(settle(f, f->last, STATES_ALL, STATE_CANCELLED, NULL), 0);
    commit(f);
    /* The reader's view is in the log: it is kept for it, and emptied later. */
    assert_int_equal(store_tidy(f->store), -EAGAIN);
    assert_true(store_is_untidy(f->store));
    sqlite3_close(db);
    assert_int_equal(store_tidy(f->store), 0);
}

static void an_erased_secret_is_in_no_file(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print"), other;

    commit(f);
    assert_true(grep(f, "canary-of-the-store") > 0);
    fixture_reopen(f);
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "print", "sealed-and-alive"), 0);
    other = f->last;
    assert_int_equal(settle(f, id, STATES_ALL, STATE_CANCELLED, NULL), 0);
    commit(f);
    assert_int_equal(store_tidy(f->store), 0);
    assert_int_equal(grep(f, "canary-of-the-store"), 0);
    assert_int_equal(grep(f, "sealed-and-alive"), 1);
    assert_int_equal(settle(f, other, STATES_ALL, STATE_CANCELLED, NULL), 0);
    commit(f);
    fixture_close(f);
    assert_int_equal(grep(f, "sealed-and-alive"), 0);
}

/* Rows that grow and pages that split leave copies behind, if the secrets were where that happens. Random order, so
 * that living and erased ones are neighbours all the time. */
static void no_page_keeps_a_copy_of_a_secret(void **state)
{
    enum { MANY = 600 };
    struct fixture *f = *state;
    struct uuid ids[MANY];
    bool alive[MANY];
    char name[32], sealed[900], canary[32];
    CLEANUP(files_release) struct files files = { 0 };

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        memset(sealed, 'j', sizeof(sealed));
        sealed[snprintf(sealed, sizeof(sealed), "canary-%06d", i)] = 'j';
        sealed[300 + i % 500] = '\0';
        assert_int_equal(put_as(f, name, "card", SECRET_PIN, "print", sealed), 0);
        ids[i] = f->last;
        alive[i] = true;
    }
    commit(f);
    for (int step = 0; step < MANY - 20; step++) {
        int i = step * 389 % MANY;

        assert_int_equal(settle(f, ids[i], STATES_ALL, STATE_CANCELLED, "an outcome that makes the row longer"), 0);
        alive[i] = false;
        if (step % 10 == 0)
            commit(f);
    }
    commit(f);
    assert_int_equal(store_tidy(f->store), 0);
    read_files(f, &files);
    for (int i = 0; i < MANY; i++) {
        snprintf(canary, sizeof(canary), "canary-%06d", i);
        assert_int_equal(count_in(&files, canary), alive[i] ? 1 : 0);
    }
    assert_true(ask_beside(f, "SELECT count(*) FROM sealed") <= MANY);
}

static void erased_rows_do_not_pile_up(void **state)
{
    struct fixture *f = *state;
    char name[32];

    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        put(f, name, "print");
        assert_int_equal(settle(f, f->last, STATES_ALL, STATE_CANCELLED, NULL), 0);
        if (i % 50 == 0)
            commit(f);
    }
    commit(f);
    assert_int_equal(ask_beside(f, "SELECT count(*) FROM delivery"), 3000);
    assert_in_range(ask_beside(f, "SELECT count(*) FROM sealed"), 0, 400);
}

static void the_log_stays_short(void **state)
{
    struct fixture *f = *state;
    char name[32], *sealed = calloc(1, 8001);

    assert_non_null(sealed);
    memset(sealed, 'j', 8000);
    for (int i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        assert_int_equal(put_as(f, name, "card", SECRET_PIN, "print", sealed), 0);
        if (i % 100 == 0)
            commit(f);
    }
    commit(f);
    free(sealed);
    assert_in_range(size_of(f, ""), 20 << 20, FILE_MOST);
    assert_in_range(size_of(f, "-wal"), 1, 40 << 20);
}

static int put_numbered(struct fixture *f, int number, const char *content)
{
    char name[32];

    snprintf(name, sizeof(name), "e%d", number);
    return put_as(f, name, content, SECRET_PIN, "nopin", NULL);
}

/* Before there were two tables of keys there was an index. */
static void events_of_an_older_schema_are_known(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 100; i++)
        assert_int_equal(put_numbered(f, i, "card"), 0);
    commit(f);
    edit(f, "DROP TABLE recent_key; DROP TABLE old_key; CREATE INDEX event_key ON event (key);"
            "PRAGMA user_version = 2");
    fixture_open(f);
    for (int i = 0; i < 100; i++)
        assert_int_equal(put_numbered(f, i, "card"), STORE_DUPLICATE);
    assert_int_equal(put_numbered(f, 100, "card"), 0);
}

/* So many that keys moved from all over the table of recent ones, and from its beginning again. */
static void an_event_is_known_however_many_came_after_it(void **state)
{
    enum { MANY = 200000, TURN = 1000 };
    struct fixture *f = *state;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(put_numbered(f, i, "card"), 0);
        if (i % TURN == 0)
            commit(f);
    }
    commit(f);
    assert_in_range(ask_beside(f, "SELECT count(*) FROM recent_key"), 1, MANY / 3);
    assert_int_equal(ask_beside(f, "SELECT count(*) FROM (SELECT * FROM recent_key UNION SELECT * FROM old_key)"),
                     MANY);
    fixture_reopen(f);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(put_numbered(f, i, "card"), STORE_DUPLICATE);
    assert_int_equal(put_numbered(f, 0, "another card"), STORE_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_files_are_the_owners_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(anothers_database_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(anothers_tables_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_refused_and_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(others_may_read_but_only_one_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(an_erased_secret_is_in_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(no_page_keeps_a_copy_of_a_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(erased_rows_do_not_pile_up, setup, teardown),
        cmocka_unit_test_setup_teardown(the_log_stays_short, setup, teardown),
        cmocka_unit_test_setup_teardown(events_of_an_older_schema_are_known, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_is_known_however_many_came_after_it, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

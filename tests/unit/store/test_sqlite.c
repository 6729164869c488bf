/* What only the SQLite backend can promise: its files, its durability, damage and a disk that fails. */
#include "fixture.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <pindispatch/file.h>

#include "faulty.h"

enum { FILE_MOST = 64 * 1024 * 1024 };

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fixture_begin(f, "sqlite");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_end(*state);
    free(*state);
    return 0;
}

static int setup_faulty(void **state)
{
    faulty_begin();
    return setup(state);
}

static int teardown_faulty(void **state)
{
    faulty.full = false;
    faulty.fail_at = 0;
    faulty.sync_fails = false;
    teardown(state);
    faulty_end();
    return 0;
}

/* Another program's hand on the file; the store is closed meanwhile. */
static void edit(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;

    fixture_close(f);
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t ask(struct fixture *f, const char *query)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    int64_t answer;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    answer = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
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

/* How many of the store's files hold these bytes? */
static unsigned grep(const struct fixture *f, const char *words)
{
    static const char *const suffixes[] = { "", "-wal" };
    unsigned found = 0;

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        CLEANUP(buffer_release) struct buffer b = BUFFER(FILE_MOST);
        char path[128];

        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        if (file_read(path, &b) == 0 && buffer_size(&b) > 0)
            found += memmem(buffer_bytes(&b), buffer_size(&b), words, strlen(words)) != NULL;
    }
    return found;
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
    edit(f, "PRAGMA user_version = 1");
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
    assert_int_equal(ask(f, "SELECT count(*) FROM delivery"), 1);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "print", SEALED_TEXT), -EAGAIN);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "print", SEALED_TEXT), -EAGAIN);
    assert_int_equal(store_commit(f->store), -EAGAIN);
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
    for (int i = 0; i < MANY; i++) {
        snprintf(canary, sizeof(canary), "canary-%06d", i);
        assert_int_equal(grep(f, canary), alive[i] ? 1 : 0);
    }
    assert_true(ask(f, "SELECT count(*) FROM sealed") <= MANY);
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
    assert_int_equal(ask(f, "SELECT count(*) FROM delivery"), 3000);
    assert_in_range(ask(f, "SELECT count(*) FROM sealed"), 0, 400);
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

static void verify_says(struct fixture *f, const char *where, const char *words)
{
    struct problem p = { 0 };
    uint64_t n = 0;

    fixture_open(f);
    assert_int_equal(store_audit_verify(f->store, &n, &p), 1);
    assert_string_equal(p.code, "audit");
    assert_string_equal(p.where, where);
    if (!strstr(p.message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, p.message);
}

static void four_rows(struct fixture *f)
{
    put(f, "e1", "print");
    put(f, "e2", "print");
    put(f, "e3", "nopin");
    put(f, "e4", "print");
    commit(f);
}

static void a_changed_audit_row_is_found(void **state)
{
    static const char *const edits[] = {
        "UPDATE audit SET time = time + 1 WHERE seq = 2", "UPDATE audit SET became = 7 WHERE seq = 2",
        "UPDATE audit SET was = 0 WHERE seq = 2",         "UPDATE audit SET uid = 0 WHERE seq = 2",
        "UPDATE audit SET tail = 1 WHERE seq = 2",        "UPDATE audit SET words = '' WHERE seq = 2",
        "UPDATE audit SET cause = 'x' WHERE seq = 2",     "UPDATE audit SET generation = 8 WHERE seq = 2",
        "UPDATE audit SET detail = '{}' WHERE seq = 2",   "UPDATE audit SET template = '' WHERE seq = 2",
        "UPDATE audit SET prior = 1 WHERE seq = 2",       "UPDATE audit SET became = 77 WHERE seq = 2",
        "UPDATE audit SET id = 1 WHERE seq = 2",          "UPDATE audit SET hash = zeroblob(32) WHERE seq = 2",
        "UPDATE audit SET hash = 'x' WHERE seq = 2",
    };

    for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
        struct fixture *f = *state;

        four_rows(f);
        edit(f, edits[i]);
        verify_says(f, "audit row 2", "changed");
        fixture_end(f);
        fixture_begin(f, "sqlite");
    }
}

static void a_removed_audit_row_is_found(void **state)
{
    struct fixture *f = *state;

    four_rows(f);
    edit(f, "DELETE FROM audit WHERE seq = 2");
    verify_says(f, "audit row 2", "missing");
    edit(f, "UPDATE audit SET seq = seq - 1 WHERE seq > 2");
    verify_says(f, "audit row 2", "changed");
}

static void a_cut_chain_is_found(void **state)
{
    struct fixture *f = *state;

    four_rows(f);
    edit(f, "DELETE FROM audit WHERE seq = 4");
    verify_says(f, "audit row 4", "cut off");
}

static void audit_rows_in_another_order_are_found(void **state)
{
    struct fixture *f = *state;

    four_rows(f);
    edit(f, "UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;"
            "UPDATE audit SET seq = 3 WHERE seq = 99");
    verify_says(f, "audit row 2", "changed");
}

static void an_audit_row_too_many_is_found(void **state)
{
    static const char copy[] = "CREATE TEMP TABLE copy AS SELECT * FROM audit WHERE seq = 4;"
                               "UPDATE copy SET seq = %d; INSERT INTO audit SELECT * FROM copy";
    struct fixture *f = *state;
    char sql[256];

    four_rows(f);
    snprintf(sql, sizeof(sql), copy, 5);
    edit(f, sql);
    verify_says(f, "audit row 5", "changed");
    snprintf(sql, sizeof(sql), copy, -1);
    edit(f, sql);
    verify_says(f, "audit row 1", "missing");
}

static void a_trail_that_goes_round_ends(void **state)
{
    struct fixture *f = *state;
    struct uuid id;

    four_rows(f);
    id = f->last;
    edit(f, "UPDATE audit SET prior = 4 WHERE seq = 4");
    fixture_open(f);
    assert_int_equal(store_audit(f->store, &id, 0, NULL, NULL), -EUCLEAN);
}

static void a_commit_is_synced_before_it_returns(void **state)
{
    struct fixture *f = *state;
    unsigned before;

    /* The first commit to an empty log syncs in every mode, for the log's head. */
    put(f, "e0", "print");
    commit(f);
    before = faulty.syncs;
    put(f, "e1", "print");
    assert_int_equal(faulty.syncs, before);
    commit(f);
    assert_true(faulty.syncs > before);
    before = faulty.syncs;
    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "print", SEALED_TEXT), STORE_DUPLICATE);
    commit(f);
    assert_int_equal(faulty.syncs, before);
}

static void a_full_disk_undoes_and_heals(void **state)
{
    struct fixture *f = *state;
    struct store_stat before, after;
    uint64_t n;

    put(f, "e1", "print");
    commit(f);
    before = stat_of(f);
    faulty.full = true;
    put(f, "e2", "print");
    assert_int_equal(store_commit(f->store), -ENOSPC);
    assert_false(store_is_dirty(f->store));
    after = stat_of(f);
    assert_memory_equal(&before, &after, sizeof(before));
    faulty.full = false;
    put(f, "e2", "print");
    commit(f);
    fixture_reopen(f);
    assert_int_equal(stat_of(f).events, 2);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 2);
}

/* Wherever in a commit the write fails, the store is as it was, and the next commit is whole. */
static void a_write_that_fails_anywhere_undoes_all(void **state)
{
    struct fixture *f = *state;
    unsigned failures = 0;
    char name[32];
    uint64_t n;
    int r;

    for (unsigned i = 1; failures + 1 == i; i++) {
        struct store_stat before = stat_of(f);

        snprintf(name, sizeof(name), "e%u", i);
        put(f, name, "print");
        faulty.fail_at = faulty.writes + i;
        r = store_commit(f->store);
        faulty.fail_at = 0;
        if (r == 0)
            break;
        assert_int_equal(r, -ENOSPC);
        failures++;
        assert_int_equal(stat_of(f).audit_rows, before.audit_rows);
        put(f, "again", "nopin");
        store_abort(f->store);
    }
    assert_true(failures >= 3);
    fixture_reopen(f);
    assert_int_equal(stat_of(f).events, 1);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 1);
}

static void a_failed_sync_is_never_carried_over(void **state)
{
    struct fixture *f = *state;
    struct kept k = { 0 };
    struct store_stat st;
    uint64_t n;

    put(f, "e1", "print");
    commit(f);
    faulty.sync_fails = true;
    put(f, "e2", "print");
    assert_int_equal(store_commit(f->store), -EIO);
    assert_int_equal(put_as(f, "e3", "card", SECRET_PIN, "print", SEALED_TEXT), -EIO);
    store_abort(f->store);
    assert_int_equal(put_as(f, "e3", "card", SECRET_PIN, "print", SEALED_TEXT), -EIO);
    assert_int_equal(store_find(f->store, &f->last, keep, &k), -EIO);
    assert_int_equal(store_stat(f->store, &st), -EIO);
    assert_int_equal(store_commit(f->store), -EIO);
    assert_int_equal(store_tidy(f->store), -EIO);
    fixture_reopen(f);
    /* Whether the second one is there is the disk's to say; a half of it is not. */
    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "print", "x"), STORE_DUPLICATE);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, stat_of(f).events);
}

/* SQLite's memory, of which one piece may be refused. */
static struct scarce {
    sqlite3_mem_methods real;
    unsigned asked, fail_at; /* fail_at 0: none */
} scarce;

static void *scarce_malloc(int size)
{
    return ++scarce.asked == scarce.fail_at ? NULL : scarce.real.xMalloc(size);
}

static void *scarce_realloc(void *p, int size)
{
    return ++scarce.asked == scarce.fail_at ? NULL : scarce.real.xRealloc(p, size);
}

/* Before SQLite is used for the first time. */
static void make_memory_scarce(void)
{
    sqlite3_mem_methods methods;

    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &scarce.real), SQLITE_OK);
    methods = scarce.real;
    methods.xMalloc = scarce_malloc;
    methods.xRealloc = scarce_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
}

static int one_of_everything(struct fixture *f, const char *name)
{
    struct cause c = because(f, "dispatch");
    struct kept k = { 0 };
    int r = put_as(f, name, "card", SECRET_PIN, "print", SEALED_TEXT);

    if (r == 0)
        r = store_claim(f->store, "print", 1, &c, keep, &k);
    if (r == 0)
        r = store_mark(f->store, &f->last, STAGE_RELEASING, "{}", &c);
    if (r == 0)
        r = settle(f, f->last, STATES_ALL, STATE_DELIVERED, "printed");
    if (r == 0)
        return store_commit(f->store);
    store_abort(f->store);
    return r;
}

/* Whichever allocation fails, either all happened or nothing; and the next one is as good as ever. */
static void memory_that_fails_anywhere_undoes_all(void **state)
{
    struct fixture *f = *state;
    unsigned failures = 0, events = 0;
    char name[32];
    uint64_t n;
    int r;

    for (unsigned i = 1; failures + 1 == i && i < 2000; i++) {
        snprintf(name, sizeof(name), "e%u", i);
        scarce.fail_at = scarce.asked + i;
        r = one_of_everything(f, name);
        failures += scarce.asked >= scarce.fail_at;
        scarce.fail_at = 0;
        if (r < 0)
            assert_int_equal(r, -ENOMEM);
        else
            assert_int_equal(r, 0);
        events += r == 0;
        assert_int_equal(stat_of(f).events, events);
        assert_int_equal(stat_of(f).by_state[STATE_DELIVERED], events);
    }
    assert_in_range(failures, 10, 1998);
    fixture_reopen(f);
    assert_int_equal(stat_of(f).events, events);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 4 * events);
}

static void opening_without_memory_fails_and_leaks_nothing(void **state)
{
    struct fixture *f = *state;
    struct problem p;
    unsigned failures = 0;

    put(f, "e1", "print");
    commit(f);
    fixture_close(f);
    for (unsigned i = 1; i < 4000 && !f->store; i += 7) {
        scarce.fail_at = scarce.asked + i;
        failures += store_open("sqlite", f->path, &f->store, &p) != 0;
        scarce.fail_at = 0;
    }
    assert_in_range(failures, 3, 560);
    assert_non_null(f->store);
    fixture_reopen(f);
    assert_int_equal(stat_of(f).events, 1);
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
        cmocka_unit_test_setup_teardown(a_changed_audit_row_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_audit_row_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_chain_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(audit_rows_in_another_order_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_audit_row_too_many_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trail_that_goes_round_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_is_synced_before_it_returns, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_full_disk_undoes_and_heals, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_write_that_fails_anywhere_undoes_all, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_never_carried_over, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(memory_that_fails_anywhere_undoes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_without_memory_fails_and_leaks_nothing, setup, teardown),
    };

    make_memory_scarce();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

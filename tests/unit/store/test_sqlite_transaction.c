/* A disk and a memory that fail: a transaction happens as a whole, or it does not, and the store knows which. */
#include "sqlite_fixture.h"

#include <errno.h>

#include "faulty.h"

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

/* A commit of some hundred KiB, which leave in several writes. */
static void put_many(struct fixture *f, unsigned turn, int number)
{
    char name[32];

    for (int i = 0; i < number; i++) {
        snprintf(name, sizeof(name), "e%u-%d", turn, i);
        put(f, name, "print");
    }
}

/* Wherever in a commit the write fails, the store is as it was, and the next commit is whole. */
static void a_write_that_fails_anywhere_undoes_all(void **state)
{
    enum { MANY = 600 };
    struct fixture *f = *state;
    unsigned failures = 0;
    uint64_t n;
    int r;

    for (unsigned i = 1; failures + 1 == i; i++) {
        struct store_stat before = stat_of(f);

        put_many(f, i, MANY);
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
    assert_int_equal(stat_of(f).events, MANY);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, MANY);
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

static void a_store_is_revived_in_place(void **state)
{
    struct fixture *f = *state;
    struct problem p = { .code = "" };
    struct store *other = NULL;
    uint64_t n;

    put(f, "e1", "print");
    commit(f);
    put(f, "e2", "print");
    assert_int_equal(store_revive(f->store, &p), -EBUSY);
    faulty.sync_fails = true;
    assert_int_equal(store_commit(f->store), -EIO);
    faulty.full = true;
    assert_int_equal(store_revive(f->store, &p), 1);
    assert_string_equal(p.code, "store");
    /* While it fails nobody else gets it. */
    assert_int_equal(store_open(f->backend, f->path, &other, &p), 1);
    assert_string_equal(p.code, "locked");
    faulty.full = false;
    assert_int_equal(store_revive(f->store, &p), 0);
    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "print", "x"), STORE_DUPLICATE);
    /* The log could not be removed, so that what was undone may be there after all. */
    assert_in_range(put_as(f, "e2", "card", SECRET_PIN, "print", SEALED_TEXT), 0, STORE_DUPLICATE);
    commit(f);
    assert_int_equal(stat_of(f).events, 2);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_open(f->backend, f->path, &other, &p), 1);
    assert_int_equal(store_revive(f->store, &p), 0);
}

static void what_was_undone_goes_with_the_log(void **state)
{
    struct fixture *f = *state;
    struct problem p = { .code = "" };

    put(f, "e1", "print");
    commit(f);
    put(f, "e2", "print");
    faulty.sync_fails = true;
    assert_int_equal(store_commit(f->store), -EIO);
    assert_int_equal(store_revive(f->store, &p), 0);
    assert_int_equal(stat_of(f).events, 1);
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "print", SEALED_TEXT), 0);
    commit(f);
}

static void a_full_store_is_revived_when_there_is_room(void **state)
{
    struct fixture *f = *state;
    struct problem p = { .code = "" };

    put(f, "e1", "print");
    commit(f);
    faulty.full = true;
    assert_int_equal(store_revive(f->store, &p), 1);
    assert_non_null(strstr(p.message, "No space left"));
    faulty.full = false;
    assert_int_equal(store_revive(f->store, &p), 0);
    assert_int_equal(stat_of(f).events, 1);
}

static void a_file_that_is_gone_is_not_made_again(void **state)
{
    struct fixture *f = *state;
    struct problem p = { .code = "" };
    char aside[256];

    snprintf(aside, sizeof(aside), "%s.aside", f->path);
    put(f, "e1", "print");
    commit(f);
    faulty.sync_fails = true;
    put(f, "e2", "print");
    assert_int_equal(store_commit(f->store), -EIO);
    assert_int_equal(rename(f->path, aside), 0);
    assert_int_equal(store_revive(f->store, &p), 1);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(put_as(f, "e3", "card", SECRET_PIN, "print", "x"), -EIO);
    store_abort(f->store);
    assert_int_equal(rename(aside, f->path), 0);
    assert_int_equal(store_revive(f->store, &p), 0);
    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "print", "x"), STORE_DUPLICATE);
    store_abort(f->store);
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
        cmocka_unit_test_setup_teardown(a_commit_is_synced_before_it_returns, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_full_disk_undoes_and_heals, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_write_that_fails_anywhere_undoes_all, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_never_carried_over, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_store_is_revived_in_place, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(what_was_undone_goes_with_the_log, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_full_store_is_revived_when_there_is_room, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_not_made_again, setup_faulty, teardown_faulty),
        cmocka_unit_test_setup_teardown(memory_that_fails_anywhere_undoes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_without_memory_fails_and_leaks_nothing, setup, teardown),
    };

    make_memory_scarce();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

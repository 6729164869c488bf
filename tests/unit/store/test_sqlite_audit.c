/* Whoever edits the audit rows behind the store's back is found. */
#include "sqlite_fixture.h"

#include <errno.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_changed_audit_row_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_audit_row_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_chain_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(audit_rows_in_another_order_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_audit_row_too_many_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trail_that_goes_round_ends, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

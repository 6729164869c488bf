/* Whoever edits the trail with its head, its anchors or their file is found, and the first bad row is named. */
#include "sqlite_fixture.h"

#include <errno.h>

#include <pindispatch/audit.h>
#include <pindispatch/file.h>

struct yard {
    struct fixture f; /* first, for the fixture's own helpers */
    struct audit_key *key;
    char anchors[128];
};

static void put_rows(struct yard *y, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to; i++) {
        char name[16];

        snprintf(name, sizeof(name), "e%u", i);
        put(&y->f, name, "nopin");
    }
    commit(&y->f);
}

static int anchor(struct yard *y, struct auditor *a)
{
    struct anchor made;
    int r = auditor_anchor(a, y->f.now, &made);

    if (r == 0)
        commit(&y->f);
    return r;
}

/* Rows 1 to 6, anchored at 4 and 6; then a row more. */
static int setup_yard(void **state)
{
    CLEANUP(auditor_cleanup) struct auditor *a = NULL;
    struct yard *y = calloc(1, sizeof(*y));

    fixture_begin(&y->f, "sqlite");
    snprintf(y->anchors, sizeof(y->anchors), "%s.anchors", y->f.path);
    assert_int_equal(audit_key_generate(&y->key), 0);
    assert_int_equal(auditor_new(y->f.store, y->f.path, y->key, &a), 0);
    put_rows(y, 1, 4);
    assert_int_equal(anchor(y, a), 0);
    assert_int_equal(anchor(y, a), 1);
    put_rows(y, 5, 6);
    assert_int_equal(anchor(y, a), 0);
    assert_int_equal(auditor_seq(a), 6);
    put(&y->f, "e7", "nopin");
    assert_int_equal(anchor(y, a), -EBUSY);
    commit(&y->f);
    *state = y;
    return 0;
}

static int teardown_yard(void **state)
{
    struct yard *y = *state;

    unlink(y->anchors);
    audit_key_free(y->key);
    fixture_end(&y->f);
    free(y);
    return 0;
}

/* 0 or 1 as the check says, in steps of STEP rows. */
static int check(struct yard *y, const struct audit_key *key, uint64_t step, struct problem *p)
{
    CLEANUP(audit_check_cleanup) struct audit_check *c = NULL;
    bool done = false;
    int r = audit_check_new(y->f.store, y->f.path, key, &c, p);

    while (r == 0 && !done)
        r = audit_check_step(c, step, &done, p);
    if (r == 0) {
        assert_int_equal(audit_check_rows(c), 7);
        assert_int_equal(audit_check_anchors(c), key ? 2 : 0);
        assert_int_equal(audit_check_anchored(c), key ? 6 : 0);
    }
    return r;
}

static void check_says(struct yard *y, const char *where, const char *words)
{
    for (uint64_t step = 1; step <= 8; step *= 2) {
        struct problem p = { .code = "" };

        assert_int_equal(check(y, y->key, step, &p), 1);
        assert_string_equal(p.code, "audit");
        assert_string_equal(p.where, where);
        if (!strstr(p.message, words))
            fail_msg("\"%s\" is not in \"%s\"", words, p.message);
    }
}

/* As another program would: with the store closed. */
static void tamper(struct yard *y, const char *sql)
{
    edit(&y->f, sql);
    fixture_open(&y->f);
}

static void read_anchors(struct yard *y, char text[2048])
{
    struct buffer b = BUFFER(2047);

    assert_int_equal(file_read(y->anchors, &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    snprintf(text, 2048, "%s", buffer_bytes(&b));
    buffer_release(&b);
}

static void write_anchors(struct yard *y, const char *text)
{
    assert_int_equal(file_replace(y->anchors, text, strlen(text), 0600), 0);
}

static void a_whole_trail_is_whole(void **state)
{
    struct yard *y = *state;
    struct problem p = { .code = "" };

    for (uint64_t step = 1; step <= 8; step++)
        assert_int_equal(check(y, y->key, step, &p), 0);
    assert_int_equal(check(y, NULL, 100, &p), 0);
    fixture_reopen(&y->f);
    assert_int_equal(check(y, y->key, 3, &p), 0);
}

static void a_changed_row_is_found(void **state)
{
    tamper(*state, "UPDATE audit SET uid = 0 WHERE seq = 5");
    check_says(*state, "audit row 5", "changed");
}

static void a_removed_row_is_found(void **state)
{
    tamper(*state, "DELETE FROM audit WHERE seq = 2");
    check_says(*state, "audit row 2", "missing");
}

static void an_end_that_was_cut_with_its_head_is_found(void **state)
{
    tamper(*state, "DELETE FROM audit WHERE seq > 3;"
                   "UPDATE head SET audit_rows = 3, audit_hash = (SELECT hash FROM audit WHERE seq = 3);"
                   "DELETE FROM anchor");
    check_says(*state, "audit row 4", "missing");
}

/* A chain that is whole in itself, of other rows. */
static void a_trail_that_was_written_anew_is_found(void **state)
{
    struct yard *y = *state;

    tamper(y, "DELETE FROM audit; DELETE FROM anchor; DELETE FROM delivery; DELETE FROM event; DELETE FROM tally;"
              "DELETE FROM recent_key;"
              "UPDATE head SET events = 0, audit_rows = 0, audit_hash = zeroblob(32)");
    y->f.now += HOUR;
    put_rows(y, 1, 9);
    check_says(y, "audit row 1", "from here to 4 was changed");
}

static void a_forged_anchor_is_found(void **state)
{
    struct yard *y = *state;
    char text[2048], *time;

    read_anchors(y, text);
    time = strstr(text, "\"time\":");
    time[8] = time[8] == '9' ? '8' : '9';
    write_anchors(y, text);
    check_says(y, "audit row 4", "differ");
    tamper(y, "DELETE FROM anchor WHERE number = 1");
    check_says(y, "audit row 4", "forged");
}

static void anothers_anchor_is_found(void **state)
{
    struct yard *y = *state;

    y->key = audit_key_free(y->key);
    assert_int_equal(audit_key_generate(&y->key), 0);
    check_says(y, "audit row 4", "another key");
}

static void an_anchor_that_was_taken_away_is_found(void **state)
{
    struct yard *y = *state;
    char text[2048];

    read_anchors(y, text);
    write_anchors(y, strchr(text, '\n') + 1);
    check_says(y, "audit row 4", "missing in the file");
    tamper(y, "DELETE FROM anchor");
    check_says(y, "audit row 1", "an anchor after this row is missing");
}

static void a_file_that_is_gone_is_found(void **state)
{
    struct yard *y = *state;

    assert_int_equal(unlink(y->anchors), 0);
    check_says(y, "audit row 4", "missing in the file");
}

static void a_line_that_is_no_anchor_is_found(void **state)
{
    struct yard *y = *state;
    char text[2048];

    read_anchors(y, text);
    *strchr(strchr(text, '\n') + 1, '{') = '[';
    write_anchors(y, text);
    check_says(y, "audit row 5", "cannot be read");
}

/* A crash while a line was being written, or between the file and the store. */
static void what_a_crash_leaves_is_good(void **state)
{
    CLEANUP(auditor_cleanup) struct auditor *a = NULL;
    struct yard *y = *state;
    struct problem p = { .code = "" };
    char text[2048];
    size_t n;

    tamper(y, "DELETE FROM anchor WHERE number = 2");
    assert_int_equal(check(y, y->key, 3, &p), 0);
    read_anchors(y, text);
    n = strlen(text);
    snprintf(text + n, sizeof(text) - n, "{\"number\":3,\"se");
    write_anchors(y, text);
    assert_int_equal(check(y, y->key, 3, &p), 0);
    assert_int_equal(auditor_new(y->f.store, y->f.path, y->key, &a), 0);
    assert_int_equal(auditor_seq(a), 6);
    assert_int_equal(anchor(y, a), 0);
    read_anchors(y, text);
    assert_null(strstr(text, "\"se{"));
    assert_non_null(strstr(text, "\"number\":3"));
    tamper(y, "DELETE FROM audit WHERE seq = 7;"
              "UPDATE head SET audit_rows = 6, audit_hash = (SELECT hash FROM audit WHERE seq = 6)");
    check_says(y, "audit row 7", "missing");
}

/* Written whole but for the newline: cut off like any rest, so that its number is given again. */
static void a_line_without_its_end_is_none(void **state)
{
    CLEANUP(auditor_cleanup) struct auditor *a = NULL;
    CLEANUP(audit_check_cleanup) struct audit_check *c = NULL;
    struct yard *y = *state;
    struct problem p = { .code = "" };
    char text[2048];
    bool done = false;

    tamper(y, "DELETE FROM anchor WHERE number = 2");
    read_anchors(y, text);
    text[strlen(text) - 1] = '\0';
    write_anchors(y, text);
    assert_int_equal(auditor_new(y->f.store, y->f.path, y->key, &a), 0);
    assert_int_equal(auditor_seq(a), 4);
    assert_int_equal(anchor(y, a), 0);
    assert_int_equal(audit_check_new(y->f.store, y->f.path, y->key, &c, &p), 0);
    assert_int_equal(audit_check_step(c, 100, &done, &p), 0);
    assert_true(done);
    assert_int_equal(audit_check_anchored(c), 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_yard, teardown_yard)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_trail_is_whole),
        TEST(a_changed_row_is_found),
        TEST(a_removed_row_is_found),
        TEST(an_end_that_was_cut_with_its_head_is_found),
        TEST(a_trail_that_was_written_anew_is_found),
        TEST(a_forged_anchor_is_found),
        TEST(anothers_anchor_is_found),
        TEST(an_anchor_that_was_taken_away_is_found),
        TEST(a_file_that_is_gone_is_found),
        TEST(a_line_that_is_no_anchor_is_found),
        TEST(what_a_crash_leaves_is_good),
        TEST(a_line_without_its_end_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

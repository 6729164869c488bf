/* Destinations that end what they get, and how long nobody tries. */
#include "yard.h"

#include <stdlib.h>
#include <string.h>

#include "lane.h"

struct fixture {
    struct yard *yard;
    struct played print, email;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->yard = yard_open();
    yard_workers(f->yard, &f->print, &f->email);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    yard_close(f->yard);
    free(f);
    return 0;
}

static void report_unsure(struct fixture *f, struct played *w, const struct uuid *id, enum outcome_kind kind)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct outcome o = { .unsure = true };

    outcome_set(&o, kind, "job-aborted", "the printer ended the job");
    assert_int_equal(word_add_outcome(&line, id, &o, ""), 0);
    played_say(f->yard, w, &line);
}

/* The next parcel, whatever its stage. */
static struct uuid take(struct fixture *f, struct played *w)
{
    struct order o = played_hear(f->yard, w);
    struct uuid id = o.parcel.id;

    assert_true(o.kind == ORDER_PREPARE || o.kind == ORDER_DELIVER);
    order_release(&o);
    return id;
}

static const json_t *outage(struct fixture *f, size_t lane, json_t **status)
{
    json_decref(*status);
    *status = dispatch_status(f->yard->dispatch);
    return json_object_get(json_array_get(*status, lane), "trouble");
}

static unsigned count(struct fixture *f, enum delivery_state state)
{
    struct store_stat stat;

    assert_int_equal(store_stat(f->yard->store, &stat), 0);
    return (unsigned)stat.by_state[state];
}

enum { LETTERS = 200 };

static void slow_retries(struct fixture *f)
{
    yard_set(f->yard, "retry.first", "10s");
    yard_set(f->yard, "retry.max", "1h");
}

/* Each letter is taken and ended: few have to believe in it. Mended, all others come out by themselves. */
static void a_printer_that_ends_each_letter_is_in_outage(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_cleanup) json_t *status = NULL;
    unsigned tried = 0;

    slow_retries(f);
    for (unsigned i = 0; i < LETTERS; i++)
        yard_put(f->yard, "print");
    for (; !played_hears_nothing(f->yard, &f->print); tried++) {
        struct uuid id = take(f, &f->print);

        report_unsure(f, &f->print, &id, OUTCOME_FAILED);
    }
    assert_in_range(tried, 3, 10);
    assert_int_equal(count(f, STATE_FAILED), 2); /* the third one tells that it is not the letter */
    assert_string_equal(json_text(outage(f, 0, &status), "code"), "job-aborted");
    assert_int_equal(count(f, STATE_QUEUED), LETTERS - 2);
    yard_set(f->yard, "retry.first", "20ms");
    dispatch_nudge(f->yard->dispatch);
    for (unsigned i = 0; i < LETTERS - 2; i++) {
        struct uuid id = take(f, &f->print);

        played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
    }
    assert_int_equal(count(f, STATE_DELIVERED), LETTERS - 2);
    assert_true(json_is_null(outage(f, 0, &status)));
}

/* Where nobody knows whether they came out, each one costs a person's look. */
static void letters_in_doubt_are_few_as_well(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_cleanup) json_t *status = NULL;
    unsigned tried = 0;

    slow_retries(f);
    for (unsigned i = 0; i < LETTERS; i++)
        yard_put(f->yard, "print");
    for (; !played_hears_nothing(f->yard, &f->print); tried++) {
        struct uuid id = take(f, &f->print);

        report_unsure(f, &f->print, &id, OUTCOME_IN_DOUBT);
    }
    assert_in_range(tried, 3, 10);
    assert_int_equal(count(f, STATE_IN_DOUBT), tried);
    assert_true(json_is_object(outage(f, 0, &status)));
}

static void the_same_letter_probes_and_the_others_wait(void **state)
{
    struct fixture *f = *state;
    struct uuid probe = { 0 };

    slow_retries(f);
    for (unsigned i = 0; i < 20; i++)
        yard_put(f->yard, "email");
    while (!played_hears_nothing(f->yard, &f->email)) {
        struct uuid id = take(f, &f->email);

        report_unsure(f, &f->email, &id, OUTCOME_FAILED);
    }
    for (unsigned i = 0; i < 5; i++) {
        struct uuid id;

        dispatch_nudge(f->yard->dispatch);
        yard_turn(f->yard);
        id = take(f, &f->email);
        assert_true(i == 0 || uuid_equal(&id, &probe));
        probe = id;
        assert_true(played_hears_nothing(f->yard, &f->email));
        report_unsure(f, &f->email, &id, OUTCOME_FAILED);
        assert_int_equal(yard_look(f->yard, &probe).state, STATE_QUEUED);
    }
    assert_int_equal(count(f, STATE_FAILED), 2);
    assert_int_equal(count(f, STATE_QUEUED), 18);
}

/* A letter that its own template or address fails says nothing of the printer, neither good nor bad. */
static void a_letters_own_fault_counts_for_nothing(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_cleanup) json_t *status = NULL;

    for (unsigned i = 0; i < 12; i++) {
        struct uuid id = yard_put(f->yard, "print");

        played_take(f->yard, &f->print, STAGE_FRESH);
        played_report(f->yard, &f->print, &id, OUTCOME_FAILED, "overflow", false);
    }
    assert_true(json_is_null(outage(f, 0, &status)));
    for (unsigned i = 0; i < 5; i++) {
        struct uuid id = yard_put(f->yard, "print");

        assert_true(json_is_null(outage(f, 0, &status)));
        played_take(f->yard, &f->print, STAGE_FRESH);
        if (i % 2)
            played_report(f->yard, &f->print, &id, OUTCOME_FAILED, "overflow", false);
        else
            report_unsure(f, &f->print, &id, OUTCOME_FAILED);
    }
    assert_true(json_is_object(outage(f, 0, &status)));
}

static void one_that_comes_out_clears_what_was(void **state)
{
    struct fixture *f = *state;
    CLEANUP(json_cleanup) json_t *status = NULL;

    for (unsigned i = 0; i < 12; i++) {
        struct uuid id = yard_put(f->yard, "print");

        played_take(f->yard, &f->print, STAGE_FRESH);
        if (i % 3 == 2)
            played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
        else
            report_unsure(f, &f->print, &id, OUTCOME_FAILED);
    }
    assert_true(json_is_null(outage(f, 0, &status)));
    assert_int_equal(count(f, STATE_FAILED), 8);
}

/* What waits at the printer is asked back, as long as it waits, and sent later as a new copy; no operator did that.
 */
static void what_waits_at_the_printer_is_asked_back(void **state)
{
    struct fixture *f = *state;
    struct uuid waiting = yard_put(f->yard, "print"), last[3];
    struct order o;
    struct look l;

    slow_retries(f);
    played_take(f->yard, &f->print, STAGE_FRESH);
    played_report(f->yard, &f->print, &waiting, OUTCOME_SPOOLED, "waiting", false);
    yard_wait(f->yard, &waiting, STATE_SPOOLED);
    played_take(f->yard, &f->print, STAGE_SPOOLED); /* a look that lasts */
    for (unsigned i = 0; i < 3; i++) {
        last[i] = yard_put(f->yard, "print");
        played_take(f->yard, &f->print, STAGE_FRESH);
    }
    played_report(f->yard, &f->print, &waiting, OUTCOME_SPOOLED, "waiting", false);
    for (unsigned i = 0; i < 3; i++)
        report_unsure(f, &f->print, &last[i], OUTCOME_FAILED);
    o = played_hear(f->yard, &f->print);
    assert_true(uuid_equal(&o.parcel.id, &waiting) && o.parcel.withdraw);
    order_release(&o);
    played_report(f->yard, &f->print, &waiting, OUTCOME_CANCELLED, "withdrawn", false);
    l = yard_wait(f->yard, &waiting, STATE_QUEUED);
    assert_int_equal(l.copy, 2);
    assert_true(l.has_sealed);
}

static int64_t next_try(struct fixture *f)
{
    CLEANUP(json_cleanup) json_t *status = NULL;
    const char *text = json_text(outage(f, 0, &status), "next_try");
    int64_t at = 0;

    assert_non_null(text);
    assert_int_equal(clock_parse(text, &at), 0);
    return at - clock_now(&clock_real);
}

/* A stopped printer is looked at each half minute; what a person tries in between makes no wait longer. */
static void waits_stay_short(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print");

    yard_set(f->yard, "retry.first", "8s");
    yard_set(f->yard, "retry.max", "1h");
    for (unsigned i = 0; i < 10; i++) {
        struct uuid taken = take(f, &f->print);

        assert_true(uuid_equal(&taken, &id));
        played_report(f->yard, &f->print, &id, OUTCOME_DEFERRED, "printer-stopped", true);
        assert_in_range(next_try(f), MICROSECONDS_PER_SECOND, 8 * MICROSECONDS_PER_SECOND);
        dispatch_nudge(f->yard->dispatch);
        yard_turn(f->yard);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_printer_that_ends_each_letter_is_in_outage),
        TEST(letters_in_doubt_are_few_as_well),
        TEST(the_same_letter_probes_and_the_others_wait),
        TEST(a_letters_own_fault_counts_for_nothing),
        TEST(one_that_comes_out_clears_what_was),
        TEST(what_waits_at_the_printer_is_asked_back),
        TEST(waits_stay_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

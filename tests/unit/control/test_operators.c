#include "house.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void expect_state(json_t *answer, const char *state, bool changed)
{
    assert_string_equal(json_text(answer, "state"), state);
    assert_int_equal(json_is_true(json_object_get(answer, "changed")), changed);
    assert_ok(answer);
}

static void retry_tries_again(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid failed = house_put(h, "1", STATE_FAILED);
    struct uuid deferred = house_put(h, "2", STATE_DEFERRED);
    struct record r;

    expect_state(house_ask_about(h, &c, "retry", &failed, ""), "queued", true);
    assert_int_equal(house_state(h, &failed, &r), STATE_QUEUED);
    assert_int_equal(r.copy, 1);
    assert_true(r.due > 0 && r.due <= clock_now(&clock_real));
    expect_state(house_ask_about(h, &c, "retry", &failed, ""), "queued", false);
    expect_state(house_ask_about(h, &c, "retry", &deferred, ""), "queued", true);
    house_state(h, &deferred, &r);
    assert_true(r.due <= clock_now(&clock_real));
    assert_int_equal(h->nudges, 3);
    caller_hang_up(&c);
}

static void retry_after_a_release_makes_a_new_copy(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    struct record before, r;
    json_t *answer;

    house_move(h, &id, STATE_FAILED, STAGE_SPOOLED);
    house_state(h, &id, &before);
    answer = house_ask_about(h, &c, "retry", &id, "");
    assert_non_null(json_text(answer, "note"));
    expect_state(answer, "queued", true);
    house_state(h, &id, &r);
    assert_int_equal(r.copy, 2);
    assert_int_equal(r.stage, STAGE_FRESH);
    assert_false(uuid_equal(&r.job_uuid, &before.job_uuid));
    caller_hang_up(&c);
}

/* What an interrupted attempt left is still to be looked for. */
static void retry_before_a_release_keeps_the_stage(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    struct record r;

    house_move(h, &id, STATE_FAILED, STAGE_BEGUN);
    expect_state(house_ask_about(h, &c, "retry", &id, ""), "queued", true);
    house_state(h, &id, &r);
    assert_int_equal(r.copy, 1);
    assert_int_equal(r.stage, STAGE_BEGUN);
    caller_hang_up(&c);
}

static void cancel_takes_back(void **state)
{
    static const enum delivery_state from[] = { STATE_QUEUED, STATE_DEFERRED, STATE_HELD, STATE_FAILED };
    struct house *h = *state;
    struct caller c = house_call(h);

    for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
        char name[8];
        struct uuid id;
        struct record r;

        snprintf(name, sizeof(name), "e%zu", i);
        id = house_put(h, name, from[i]);
        expect_state(house_ask_about(h, &c, "cancel", &id, ",\"reason\":\"wrong card\""), "cancelled", true);
        assert_int_equal(house_state(h, &id, &r), STATE_CANCELLED);
        assert_null(r.sealed);
        expect_state(house_ask_about(h, &c, "cancel", &id, ""), "cancelled", false);
    }
    caller_hang_up(&c);
}

static void hold_and_release(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid queued = house_put(h, "1", STATE_QUEUED);
    struct uuid deferred;

    expect_state(house_ask_about(h, &c, "hold", &queued, ""), "held", true);
    expect_state(house_ask_about(h, &c, "hold", &queued, ""), "held", false);
    expect_state(house_ask_about(h, &c, "release", &queued, ""), "queued", true);
    expect_state(house_ask_about(h, &c, "release", &queued, ""), "queued", false);
    expect_state(house_ask_about(h, &c, "hold", &queued, ""), "held", true);
    deferred = house_put(h, "2", STATE_DEFERRED);
    expect_state(house_ask_about(h, &c, "hold", &deferred, ""), "held", true);
    caller_hang_up(&c);
}

static void resolve_settles_doubt(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid one = house_put(h, "1", STATE_IN_DOUBT);
    struct uuid two = house_put(h, "2", STATE_IN_DOUBT);
    json_t *answer;

    assert_error(house_ask_about(h, &c, "resolve", &one, ""), "usage");
    assert_error(house_ask_about(h, &c, "resolve", &one, ",\"as\":\"lost\""), "usage");
    expect_state(house_ask_about(h, &c, "resolve", &one, ",\"as\":\"delivered\",\"reason\":\"seen\""), "delivered",
                 true);
    expect_state(house_ask_about(h, &c, "resolve", &one, ",\"as\":\"delivered\""), "delivered", false);
    assert_error(house_ask_about(h, &c, "resolve", &one, ",\"as\":\"failed\""), "refused");
    expect_state(house_ask_about(h, &c, "resolve", &two, ",\"as\":\"failed\""), "failed", true);
    /* The operator's word is the outcome, the evidence of the attempt stays. */
    answer = house_ask_about(h, &c, "show", &one, "");
    const json_t *outcome = json_object_get(json_object_get(answer, "delivery"), "outcome");

    assert_string_equal(json_text(outcome, "kind"), "delivered");
    assert_string_equal(json_text(outcome, "code"), "operator");
    assert_int_equal(json_number(json_object_get(outcome, "evidence"), "job_id", 0), 7);
    assert_ok(answer);
    caller_hang_up(&c);
}

struct refusal {
    const char *command, *more;
    enum delivery_state state;
};

static void asks_a_spooled_letter_back(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "e1", STATE_SPOOLED);
    CLEANUP(json_cleanup) json_t *answer = house_ask_about(h, &c, "cancel", &id, "");

    assert_true(json_is_true(json_object_get(answer, "asked")));
    assert_string_equal(json_text(answer, "state"), "spooled");
    assert_int_equal(h->withdrawn_by, getuid());
    assert_int_equal(house_state(h, &id, NULL), STATE_SPOOLED);
    h->withdraw_result = -EBUSY;
    assert_error(house_ask_about(h, &c, "cancel", &id, ""), "refused");
    caller_hang_up(&c);
}

static void refuses_with_a_sentence(void **state)
{
    static const struct refusal refusals[] = {
        { "retry", "", STATE_SENDING },
        { "retry", "", STATE_SPOOLED },
        { "retry", "", STATE_DELIVERED },
        { "retry", "", STATE_HELD },
        { "retry", "", STATE_IN_DOUBT },
        { "retry", "", STATE_NOPIN },
        { "cancel", "", STATE_SENDING },
        { "cancel", "", STATE_DELIVERED },
        { "cancel", "", STATE_IN_DOUBT },
        { "cancel", "", STATE_NOPIN },
        { "hold", "", STATE_SENDING },
        { "hold", "", STATE_FAILED },
        { "release", "", STATE_SENDING },
        { "release", "", STATE_FAILED },
        { "resolve", ",\"as\":\"failed\"", STATE_SENDING },
        { "resolve", ",\"as\":\"delivered\"", STATE_QUEUED },
    };
    struct house *h = *state;
    struct caller c = house_call(h);

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        char name[8];
        struct uuid id;

        snprintf(name, sizeof(name), "e%zu", i);
        id = house_put(h, name, refusals[i].state);
        assert_error(house_ask_about(h, &c, refusals[i].command, &id, refusals[i].more), "refused");
        assert_int_equal(house_state(h, &id, NULL), refusals[i].state);
    }
    assert_int_equal(h->nudges, 0);
    caller_hang_up(&c);
}

static void does_not_know_others(void **state)
{
    static const struct uuid nobody = { { 1, 2, 3 } };
    struct house *h = *state;
    struct caller c = house_call(h);

    assert_error(house_ask_about(h, &c, "retry", &nobody, ""), "unknown");
    assert_error(house_ask_about(h, &c, "show", &nobody, ""), "unknown");
    assert_error(house_ask(h, &c, "{\"command\":\"cancel\",\"id\":\"1\"}"), "usage");
    assert_error(house_ask(h, &c, "{\"command\":\"cancel\"}"), "usage");
    caller_hang_up(&c);
}

static void records_who_and_why(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    json_t *answer, *rows, *row;

    expect_state(house_ask_about(h, &c, "hold", &id, ",\"reason\":\"asked by phone\""), "held", true);
    answer = house_ask_about(h, &c, "show", &id, "");
    rows = json_object_get(json_object_get(answer, "delivery"), "audit");
    row = json_array_get(rows, json_array_size(rows) - 1);
    assert_string_equal(json_text(row, "cause"), "operator:hold");
    assert_string_equal(json_text(row, "words"), "asked by phone");
    assert_string_equal(json_text(row, "from"), "queued");
    assert_string_equal(json_text(row, "to"), "held");
    assert_int_equal(json_number(row, "uid", -1), getuid());
    assert_ok(answer);
    caller_hang_up(&c);
}

struct witness {
    struct caller *caller;
    struct house *house;
    unsigned turns;
    bool fails;
};

static void before_commit(void *userdata)
{
    struct witness *w = userdata;

    w->turns++;
    assert_false(caller_has_bytes(w->caller));
    if (w->fails)
        commit_fail(w->house->commit, -ENOSPC);
}

static void answers_after_the_commit(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    struct witness w = { .caller = &c, .house = h };
    struct commit_hook hook = { .before = before_commit, .userdata = &w };

    commit_hook(h->commit, &hook);
    expect_state(house_ask_about(h, &c, "hold", &id, ""), "held", true);
    assert_int_equal(w.turns, 1);
    w.fails = true;
    assert_error(house_ask_about(h, &c, "release", &id, ""), "store");
    assert_int_equal(house_state(h, &id, NULL), STATE_HELD);
    caller_hang_up(&c);
}

/* A caller that leaves between its request and the commit. */
static void survives_a_caller_that_leaves(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    char line[128], text[UUID_TEXT];

    snprintf(line, sizeof(line), "{\"command\":\"hold\",\"id\":\"%s\"}", uuid_format(&id, text));
    caller_say(&c, line);
    caller_hang_up(&c);
    house_turn(h, 20);
    assert_int_equal(house_state(h, &id, NULL), STATE_HELD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(retry_tries_again),
        TEST(retry_after_a_release_makes_a_new_copy),
        TEST(retry_before_a_release_keeps_the_stage),
        TEST(cancel_takes_back),
        TEST(hold_and_release),
        TEST(resolve_settles_doubt),
        TEST(refuses_with_a_sentence),
        TEST(asks_a_spooled_letter_back),
        TEST(does_not_know_others),
        TEST(records_who_and_why),
        TEST(answers_after_the_commit),
        TEST(survives_a_caller_that_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

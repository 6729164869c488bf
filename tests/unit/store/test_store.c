/* The contract of store.h, for every row of the table of backends. */
#include "contract.h"
#include "fixture.h"

#include <errno.h>

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *backend = *state;

    assert_non_null(f);
    fixture_begin(f, backend);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_end(*state);
    free(*state);
    return 0;
}

static void an_unknown_backend_is_refused_with_the_known_ones(void **state)
{
    struct fixture *f = *state;
    struct store *s = NULL;
    struct problem p;

    assert_int_equal(store_open("sqlit", f->path, &s, &p), 1);
    assert_null(s);
    assert_string_equal(p.code, "backend");
    assert_non_null(strstr(p.message, "did you mean \"sqlite\""));
    assert_non_null(strstr(p.message, "known: \"sqlite\""));
    assert_int_equal(store_open("sqlit", f->path, &s, NULL), 1);
}

static void a_new_store_is_empty(void **state)
{
    struct fixture *f = *state;
    struct store_stat st = stat_of(f);
    struct kept k = { 0 };
    struct uuid nobody = { 0 };
    uint64_t rows = 9;
    int64_t due = 9;

    assert_int_equal(st.events, 0);
    assert_int_equal(st.audit_rows, 0);
    assert_true(st.schema >= 1);
    assert_false(store_is_dirty(f->store));
    assert_int_equal(store_list(f->store, STATES_ALL, 10, NULL, keep, &k), 0);
    assert_int_equal(store_find(f->store, &nobody, keep, &k), STORE_UNKNOWN);
    assert_int_equal(k.n, 0);
    assert_int_equal(store_next_due(f->store, "print", &due), 0);
    assert_int_equal(due, 0);
    assert_int_equal(store_audit_verify(f->store, &rows, NULL), 0);
    assert_int_equal(rows, 0);
    assert_int_equal(store_commit(f->store), 0);
}

static void put_keeps_everything(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");
    struct kept k;

    assert_true(store_is_dirty(f->store));
    commit(f);
    assert_false(store_is_dirty(f->store));
    fixture_reopen(f);
    k = find(f, id);
    assert_true(uuid_equal(&k.r[0].id, &id));
    assert_true(uuid_equal(&k.r[0].job_uuid, &id));
    assert_int_equal(k.r[0].state, STATE_QUEUED);
    assert_int_equal(k.r[0].stage, STAGE_FRESH);
    assert_int_equal(k.r[0].secret, SECRET_PIN);
    assert_string_equal(k.r[0].method, "print");
    assert_int_equal(k.r[0].attempts, 0);
    assert_int_equal(k.r[0].copy, 1);
    assert_true(k.r[0].stated);
    assert_int_equal(k.r[0].created, START);
    assert_int_equal(k.r[0].due, START);
    assert_string_equal(k.sealed, SEALED_TEXT);
    assert_string_equal(k.event, "{\"id\":\"e1\",\"data\":\"card\"}");
    assert_int_equal(stat_of(f).by_state[STATE_QUEUED], 1);
    assert_int_equal(stat_of(f).events, 1);
    assert_int_equal(stat_of(f).audit_rows, 1);
}

static void an_id_that_differs_in_any_bit_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct kept k = { 0 };

    put(f, "e1", "print");
    for (int i = 0; i < 16; i++) {
        struct uuid other = f->last;

        other.bytes[i] ^= 0x80;
        assert_int_equal(store_find(f->store, &other, keep, &k), STORE_UNKNOWN);
    }
}

static void nopin_is_final_and_never_claimed(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "nopin");
    struct kept k = find(f, id);

    assert_int_equal(k.r[0].state, STATE_NOPIN);
    assert_null(k.r[0].sealed);
    assert_int_equal(k.r[0].due, 0);
    assert_int_equal(claim(f, "nopin", 10, &k), 0);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_QUEUED, NULL), STORE_CONFLICT);
}

static void two_secrets_are_two_deliveries(void **state)
{
    struct fixture *f = *state;
    struct event e = { .id = "e1", .source = "/issuer", .text = "{}" };
    struct admission a = { .event = &e,
                           .cause = because(f, "submit"),
                           .n = 2,
                           .items = { { SECRET_PIN, "print", STATE_QUEUED, "sealed-pin", true, { { 0 } } },
                                      { SECRET_PUK, "nopuk", STATE_NOPIN, NULL, false, { { 0 } } } } };
    struct admission again = { .event = &e, .cause = because(f, "submit"), .n = 1 };

    assert_int_equal(store_put(f->store, &a), 0);
    assert_true(uuid_order(&a.items[0].id) < uuid_order(&a.items[1].id));
    commit(f);
    again.items[0] = (struct admitted){ SECRET_PUK, "email", STATE_QUEUED, "x", true, { { 0 } } };
    assert_int_equal(store_put(f->store, &again), STORE_DUPLICATE);
    assert_int_equal(again.n, 2);
    assert_int_equal(again.items[0].secret, SECRET_PIN);
    assert_int_equal(again.items[0].state, STATE_QUEUED);
    assert_string_equal(again.items[0].method, "print");
    assert_true(uuid_equal(&again.items[0].id, &a.items[0].id));
    assert_int_equal(again.items[1].state, STATE_NOPIN);
    assert_string_equal(again.items[1].method, "nopuk");
    assert_false(again.items[1].stated);
    assert_true(uuid_equal(&again.items[1].id, &a.items[1].id));
    assert_int_equal(stat_of(f).events, 1);
}

static void the_same_identity_is_a_duplicate_or_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");

    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "email", "other"), STORE_DUPLICATE);
    assert_true(uuid_equal(&f->last, &id));
    commit(f);
    fixture_reopen(f);
    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "print", "other"), STORE_DUPLICATE);
    assert_int_equal(put_as(f, "e1", "another card", SECRET_PIN, "print", "other"), STORE_CONFLICT);
    assert_int_equal(put_as(f, "e2", "another card", SECRET_PIN, "print", "other"), 0);
    commit(f);
    assert_int_equal(stat_of(f).events, 2);
    assert_int_equal(stat_of(f).audit_rows, 2);
    assert_string_equal(find(f, id).sealed, SEALED_TEXT);
}

static int recall_as(struct fixture *f, const char *id, const char *content, struct admission *a)
{
    struct event e = { .id = id, .source = "/issuer" };

    snprintf((char *)e.digest, sizeof(e.digest), "%s", content);
    *a = (struct admission){ .event = &e };
    return store_recall(f->store, a);
}

static void recalls_without_writing(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");
    struct admission a;

    commit(f);
    assert_int_equal(recall_as(f, "e1", "card", &a), STORE_DUPLICATE);
    assert_int_equal(a.n, 1);
    assert_true(uuid_equal(&a.items[0].id, &id));
    assert_string_equal(a.items[0].method, "print");
    assert_int_equal(recall_as(f, "e1", "another card", &a), STORE_CONFLICT);
    assert_false(a.is_new);
    assert_int_equal(recall_as(f, "e9", "card", &a), 0);
    assert_true(a.is_new);
    assert_false(store_is_dirty(f->store));
    assert_int_equal(stat_of(f).events, 1);
}

static void what_cannot_be_is_not_put(void **state)
{
    struct fixture *f = *state;
    struct event e = { .id = "e1", .source = "/issuer", .text = "{}" };
    struct admission a = { .event = &e, .cause = because(f, "submit"), .n = 1 };

    a.items[0] = (struct admitted){ SECRET_PIN, "print", STATE_QUEUED, NULL, true, { { 0 } } };
    assert_int_equal(store_put(f->store, &a), -EINVAL);
    a.items[0] = (struct admitted){ SECRET_PIN, "nopin", STATE_NOPIN, "kept", true, { { 0 } } };
    assert_int_equal(store_put(f->store, &a), -EINVAL);
    a.items[0] = (struct admitted){ SECRET_PIN, "print", STATE_DELIVERED, "kept", true, { { 0 } } };
    assert_int_equal(store_put(f->store, &a), -EINVAL);
}

static void claim_takes_what_is_due_oldest_first(void **state)
{
    struct fixture *f = *state;
    struct uuid first = put(f, "e1", "print"), second, third;
    struct kept k;

    f->now += 1000;
    second = put(f, "e2", "print");
    put(f, "e3", "email");
    f->now += HOUR;
    third = put(f, "e4", "print");
    f->now -= HOUR / 2;
    commit(f);
    assert_int_equal(claim(f, "print", 1, &k), 1);
    assert_true(uuid_equal(&k.r[0].id, &first));
    assert_int_equal(k.r[0].state, STATE_SENDING);
    assert_int_equal(k.r[0].stage, STAGE_FRESH);
    assert_int_equal(k.r[0].attempts, 1);
    assert_string_equal(k.sealed, SEALED_TEXT);
    assert_int_equal(claim(f, "print", 10, &k), 1);
    assert_true(uuid_equal(&k.r[0].id, &second));
    assert_int_equal(claim(f, "print", 10, &k), 0);
    assert_int_equal(find(f, first).r[0].stage, STAGE_BEGUN);
    assert_int_equal(find(f, first).r[0].due, 0);
    assert_int_equal(find(f, third).r[0].state, STATE_QUEUED);
    assert_int_equal(stat_of(f).by_state[STATE_SENDING], 2);
    assert_int_equal(claim(f, "print", 0, &k), 0);
}

static int stop_at_once(void *userdata, const struct record *r)
{
    (void)userdata;
    (void)r;
    return 42;
}

static void a_callback_that_stops_is_told(void **state)
{
    struct fixture *f = *state;
    struct cause c = because(f, "dispatch");

    put(f, "e1", "print");
    put(f, "e2", "print");
    assert_int_equal(store_list(f->store, STATES_ALL, 10, NULL, stop_at_once, NULL), 42);
    assert_int_equal(store_claim(f->store, "print", 10, &c, stop_at_once, NULL), 42);
    assert_int_equal(stat_of(f).by_state[STATE_SENDING], 1);
}

static void a_deferred_delivery_comes_back_when_due(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");
    struct kept k;
    int64_t due;

    claim(f, "print", 1, &k);
    assert_int_equal(settle(f, id, STATE_BIT(STATE_SENDING), STATE_DEFERRED, "printer-busy"), 0);
    commit(f);
    assert_int_equal(store_next_due(f->store, "print", &due), 0);
    assert_int_equal(due, START + HOUR);
    assert_int_equal(claim(f, "print", 1, &k), 0);
    f->now = due;
    assert_int_equal(claim(f, "print", 1, &k), 1);
    assert_int_equal(k.r[0].attempts, 2);
    assert_int_equal(k.r[0].stage, STAGE_BEGUN);
    assert_non_null(strstr(k.outcome, "printer-busy"));
    assert_int_equal(store_next_due(f->store, "print", &due), 0);
    assert_int_equal(due, 0);
}

static void a_due_time_of_nothing_is_now(void **state)
{
    struct fixture *f = *state;
    struct change c = { .from = STATES_ALL, .to = STATE_QUEUED, .cause = because(f, "operator:release") };
    int64_t due;

    c.id = put(f, "e1", "print");
    assert_int_equal(settle(f, c.id, STATES_ALL, STATE_HELD, NULL), 0);
    assert_int_equal(store_next_due(f->store, "print", &due), 0);
    assert_int_equal(due, 0);
    assert_int_equal(store_settle(f->store, &c), 0);
    assert_int_equal(store_next_due(f->store, "print", &due), 0);
    assert_int_equal(due, START);
}

static void mark_says_how_far_it_came(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print"), nobody = { 0 };
    struct cause c = because(f, "worker");
    struct kept k;

    assert_int_equal(store_mark(f->store, &nobody, STAGE_RELEASING, NULL, &c), STORE_UNKNOWN);
    assert_int_equal(store_mark(f->store, &id, STAGE_RELEASING, NULL, &c), STORE_STALE);
    claim(f, "print", 1, &k);
    assert_int_equal(store_mark(f->store, &id, STAGE_RELEASING, "{\"job\":12}", &c), 0);
    commit(f);
    fixture_reopen(f);
    k = find(f, id);
    assert_int_equal(k.r[0].state, STATE_SENDING);
    assert_int_equal(k.r[0].stage, STAGE_RELEASING);
    assert_string_equal(k.mark, "{\"job\":12}");
    assert_int_equal(store_mark(f->store, &id, STAGE_SPOOLED, NULL, &c), 0);
    assert_string_equal(find(f, id).mark, "{\"job\":12}");
    assert_int_equal(settle(f, id, STATES_ALL, STATE_DEFERRED, "later"), 0);
    assert_null(find(f, id).r[0].mark);
}

static void settle_obeys_from_and_the_law(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print"), nobody = { 0 };

    assert_int_equal(settle(f, nobody, STATES_ALL, STATE_HELD, NULL), STORE_UNKNOWN);
    assert_int_equal(settle(f, id, STATE_BIT(STATE_SENDING), STATE_HELD, NULL), STORE_STALE);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_DELIVERED, NULL), STORE_CONFLICT);
    assert_int_equal(find(f, id).r[0].state, STATE_QUEUED);
    assert_int_equal(stat_of(f).audit_rows, 1);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_HELD, NULL), 0);
    assert_int_equal(stat_of(f).by_state[STATE_QUEUED], 0);
    assert_int_equal(stat_of(f).by_state[STATE_HELD], 1);
}

static void a_final_state_erases_and_stays(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");
    struct kept k;

    claim(f, "print", 1, &k);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_DELIVERED, "printed"), 0);
    commit(f);
    k = find(f, id);
    assert_int_equal(k.r[0].state, STATE_DELIVERED);
    assert_null(k.r[0].sealed);
    assert_non_null(strstr(k.outcome, "printed"));
    for (int to = 0; to < STATE_COUNT; to++)
        assert_int_equal(settle(f, id, STATES_ALL, (enum delivery_state)to, NULL), STORE_CONFLICT);
}

static void a_failed_one_keeps_its_secret_and_a_new_copy_is_another_job(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");
    struct change c = { .id = id,
                        .from = STATE_BIT(STATE_FAILED),
                        .to = STATE_QUEUED,
                        .due = START,
                        .stage = STAGE_SPOOLED,
                        .new_copy = true,
                        .cause = because(f, "operator:retry") };
    struct kept k;

    claim(f, "print", 1, &k);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_FAILED, "jam"), 0);
    assert_string_equal(find(f, id).sealed, SEALED_TEXT);
    assert_int_equal(store_settle(f->store, &c), 0);
    commit(f);
    fixture_reopen(f);
    assert_int_equal(claim(f, "print", 1, &k), 1);
    assert_true(uuid_equal(&k.r[0].id, &id));
    assert_false(uuid_equal(&k.r[0].job_uuid, &id));
    assert_int_equal(k.r[0].copy, 2);
    assert_int_equal(k.r[0].attempts, 2);
    assert_int_equal(k.r[0].stage, STAGE_FRESH);
    assert_string_equal(k.sealed, SEALED_TEXT);
}

static void list_is_newest_first_by_state(void **state)
{
    struct fixture *f = *state;
    struct uuid ids[6];
    struct kept k = { 0 };

    for (int i = 0; i < 6; i++) {
        char name[8];

        snprintf(name, sizeof(name), "e%d", i);
        ids[i] = put(f, name, i % 2 ? "nopin" : "print");
    }
    assert_int_equal(settle(f, ids[2], STATES_ALL, STATE_HELD, NULL), 0);
    commit(f);
    assert_int_equal(store_list(f->store, STATES_ALL, 16, NULL, keep, &k), 0);
    assert_int_equal(k.n, 6);
    for (int i = 0; i < 6; i++)
        assert_true(uuid_equal(&k.r[i].id, &ids[5 - i]));
    k.n = 0;
    assert_int_equal(store_list(f->store, STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_HELD), 2, &ids[4], keep, &k), 0);
    assert_int_equal(k.n, 2);
    assert_true(uuid_equal(&k.r[0].id, &ids[2]));
    assert_true(uuid_equal(&k.r[1].id, &ids[0]));
    assert_null(k.r[1].sealed);
    k.n = 0;
    assert_int_equal(store_list(f->store, STATE_BIT(STATE_FAILED), 5, NULL, keep, &k), 0);
    assert_int_equal(k.n, 0);
}

#define CONTRACT(test) cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, (void *)(uintptr_t)backend)

static int run_contract(const char *backend)
{
    const struct CMUnitTest tests[] = {
        CONTRACT(an_unknown_backend_is_refused_with_the_known_ones),
        CONTRACT(a_new_store_is_empty),
        CONTRACT(put_keeps_everything),
        CONTRACT(an_id_that_differs_in_any_bit_is_unknown),
        CONTRACT(nopin_is_final_and_never_claimed),
        CONTRACT(two_secrets_are_two_deliveries),
        CONTRACT(the_same_identity_is_a_duplicate_or_a_conflict),
        CONTRACT(recalls_without_writing),
        CONTRACT(what_cannot_be_is_not_put),
        CONTRACT(claim_takes_what_is_due_oldest_first),
        CONTRACT(a_callback_that_stops_is_told),
        CONTRACT(a_deferred_delivery_comes_back_when_due),
        CONTRACT(a_due_time_of_nothing_is_now),
        CONTRACT(mark_says_how_far_it_came),
        CONTRACT(settle_obeys_from_and_the_law),
        CONTRACT(a_final_state_erases_and_stays),
        CONTRACT(a_failed_one_keeps_its_secret_and_a_new_copy_is_another_job),
        CONTRACT(list_is_newest_first_by_state),
        CONTRACT(sweep_expires_and_forgets),
        CONTRACT(doubt_ends_with_retention),
        CONTRACT(a_body_that_another_delivery_needs_is_kept),
        CONTRACT(what_is_over_is_forgotten_after_retention),
        CONTRACT(a_clock_that_went_back_does_not_delay),
        CONTRACT(anchors_are_kept_and_a_walk_goes_in_steps),
        CONTRACT(every_change_has_its_audit_row),
        CONTRACT(abort_undoes_all_of_it),
        CONTRACT(ids_grow_over_a_clock_that_goes_back),
        CONTRACT(what_was_committed_survives),
        CONTRACT(a_second_owner_is_refused),
        CONTRACT(tidying_is_asked_for_after_erasing_only),
        CONTRACT(many_are_as_good_as_few),
    };

    return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}

int main(void)
{
    const char *backend;
    int failures = 0;

    for (size_t i = 0; (backend = store_backend_name(i)); i++)
        failures += run_contract(backend);
    return failures;
}

#include "yard.h"

#include "lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fails the transaction of so many turns, after the claims. */
struct fault {
    struct commit_hook hook;
    struct yard *yard;
    unsigned turns;
};

struct fixture {
    struct yard *yard;
    struct played print, email;
    struct fault fault;
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

    if (f->print.fd >= 0)
        played_die(f->yard, &f->print);
    if (f->email.fd >= 0)
        played_die(f->yard, &f->email);
    yard_close(f->yard);
    free(f);
    return 0;
}

static void workers_prepare_until_the_claim_is_committed(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), taken = played_take(f->yard, &f->print, STAGE_FRESH);
    struct look l = yard_look(f->yard, &id);

    assert_int_equal(f->print.ahead, 1);
    assert_true(played_hears_nothing(f->yard, &f->print));
    assert_int_equal(f->print.ahead, 0);
    assert_true(uuid_equal(&id, &taken));
    assert_int_equal(l.state, STATE_SENDING);
    assert_int_equal(l.attempts, 1);
    assert_false(store_is_dirty(f->yard->store));
    assert_true(played_hears_nothing(f->yard, &f->email));
    assert_true(dispatch_is_busy(f->yard->dispatch));
    assert_false(dispatch_is_quiet(f->yard->dispatch));
}

static void settles_by_the_outcome(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum delivery_state state;
        bool has_sealed;
    } cases[] = {
        { OUTCOME_DELIVERED, STATE_DELIVERED, false }, { OUTCOME_FAILED, STATE_FAILED, true },
        { OUTCOME_CANCELLED, STATE_CANCELLED, false }, { OUTCOME_DRY_RUN, STATE_DRY_RUN, false },
        { OUTCOME_IN_DOUBT, STATE_IN_DOUBT, true },    { OUTCOME_HELD, STATE_HELD, true },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct uuid id = yard_put(f->yard, "print");
        struct look l;

        f->yard->site.dry_run = cases[i].kind == OUTCOME_DRY_RUN;
        played_take(f->yard, &f->print, STAGE_FRESH);
        played_report(f->yard, &f->print, &id, cases[i].kind, "code", false);
        l = yard_wait(f->yard, &id, cases[i].state);
        assert_string_equal(l.code, "code");
        assert_int_equal(l.has_sealed, cases[i].has_sealed);
        assert_true(dispatch_is_quiet(f->yard->dispatch));
    }
}

static void answers_a_mark_after_its_commit(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print");
    struct order o;

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_mark(f->yard, &f->print, &id);
    o = played_hear(f->yard, &f->print);
    assert_int_equal(o.kind, ORDER_GO);
    assert_int_equal(o.n_ids, 1);
    assert_true(uuid_equal(&o.ids[0], &id));
    assert_false(store_is_dirty(f->yard->store));
    assert_int_equal(yard_look(f->yard, &id).stage, STAGE_RELEASING);
    order_release(&o);
}

static void tries_again_what_was_deferred(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), again;

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_report(f->yard, &f->print, &id, OUTCOME_DEFERRED, "later", false);
    again = played_take(f->yard, &f->print, STAGE_BEGUN);
    assert_true(uuid_equal(&id, &again));
    assert_int_equal(yard_look(f->yard, &id).attempts, 2);
}

static void gives_up_in_the_end(void **state)
{
    struct fixture *f = *state;
    struct uuid id;

    yard_set(f->yard, "retry.give_up_after", "1ms");
    id = yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    /* The law counts from acceptance: by the time of the report a millisecond is over, or by one of the next. */
    for (unsigned i = 0; i < 100 && yard_look(f->yard, &id).state != STATE_FAILED; i++) {
        if (i > 0)
            played_take(f->yard, &f->print, STAGE_BEGUN);
        played_report(f->yard, &f->print, &id, OUTCOME_DEFERRED, "later", false);
    }
    assert_string_equal(yard_wait(f->yard, &id, STATE_FAILED).code, "later");
    assert_true(yard_look(f->yard, &id).has_sealed);
}

static void a_spooled_letter_is_followed(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), looked;

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_report(f->yard, &f->print, &id, OUTCOME_SPOOLED, "waiting", false);
    yard_wait(f->yard, &id, STATE_SPOOLED);
    for (unsigned i = 0; i < 3; i++) {
        looked = played_take(f->yard, &f->print, STAGE_SPOOLED);
        assert_true(uuid_equal(&id, &looked));
        played_report(f->yard, &f->print, &id, OUTCOME_SPOOLED, "waiting", false);
        assert_int_equal(yard_look(f->yard, &id).state, STATE_SPOOLED);
    }
    played_take(f->yard, &f->print, STAGE_SPOOLED);
    played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
    yard_wait(f->yard, &id, STATE_DELIVERED);
}

enum { CROWD = 40 };

/* How many letters the next look asks of: the first ENDED of them are printed, the others wait. */
static unsigned look_at_crowd(struct fixture *f, unsigned ended)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct outcome o = { .evidence = NULL };
    unsigned n = 0;

    do {
        struct uuid id = played_take(f->yard, &f->print, STAGE_SPOOLED);

        outcome_set(&o, n++ < ended ? OUTCOME_DELIVERED : OUTCOME_SPOOLED, "known", "it is known");
        assert_int_equal(word_add_outcome(&line, &id, &o, ""), 0);
        outcome_release(&o);
    } while (!played_hears_nothing(f->yard, &f->print));
    played_say(f->yard, &f->print, &line);
    return n;
}

static void a_look_is_at_the_oldest_while_some_end(void **state)
{
    struct fixture *f = *state;
    struct uuid ids[CROWD];

    yard_set(f->yard, "print.window", "40");
    for (unsigned i = 0; i < CROWD; i++)
        ids[i] = yard_put(f->yard, "print");
    /* Not all are given at once to a printer that has not shown yet that it keeps them. */
    for (unsigned fresh = 0; fresh < CROWD;) {
        struct order o = played_hear(f->yard, &f->print);

        fresh += o.parcel.stage == STAGE_FRESH;
        played_report(f->yard, &f->print, &o.parcel.id, OUTCOME_SPOOLED, "waiting", false);
        order_release(&o);
    }
    while (look_at_crowd(f, 0) < CROWD)
        continue;
    assert_int_equal(look_at_crowd(f, 10), CROWD);
    assert_int_equal(look_at_crowd(f, 1), 16);
    yard_wait(f->yard, &ids[10], STATE_DELIVERED);
    assert_int_equal(look_at_crowd(f, 0), 16);
    assert_int_equal(look_at_crowd(f, 0), CROWD - 11);
    assert_int_equal(yard_look(f->yard, &ids[11]).state, STATE_SPOOLED);
}

/* What is known of the job travels from look to look, also over a restart. */
static void a_look_starts_from_what_is_known(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print");
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct outcome o = { .evidence = json_pack("{s:i}", "job_id", 7) };

    played_take(f->yard, &f->print, STAGE_FRESH);
    outcome_set(&o, OUTCOME_SPOOLED, "waiting", "it waits");
    for (unsigned round = 0; round < 3; round++) {
        struct order look;

        if (round < 2) {
            assert_int_equal(word_add_outcome(&line, &id, &o, ""), 0);
            played_say(f->yard, &f->print, &line);
            yard_wait(f->yard, &id, STATE_SPOOLED);
        } else {
            yard_restart(f->yard);
            played_die(f->yard, &f->print);
            played_die(f->yard, &f->email);
            yard_workers(f->yard, &f->print, &f->email);
        }
        look = played_hear(f->yard, &f->print);
        assert_int_equal(look.parcel.stage, STAGE_SPOOLED);
        assert_int_equal(json_number(look.parcel.evidence, "job_id", 0), 7);
        assert_null(look.parcel.sealed);
        order_release(&look);
    }
    outcome_release(&o);
}

static bool take_withdrawal(struct fixture *f)
{
    struct order o = played_hear(f->yard, &f->print);
    bool withdraw = o.kind == ORDER_DELIVER && o.parcel.withdraw;

    assert_int_equal(o.parcel.stage, STAGE_SPOOLED);
    order_release(&o);
    return withdraw;
}

static int note_last(void *userdata, const struct audit_row *r)
{
    struct audit_row *last = userdata;

    last->uid = r->uid;
    last->from = strcmp(r->cause, "operator:cancel") == 0 ? "operator" : "other";
    last->to = r->words && strcmp(r->words, "wrong card") == 0 ? "words" : "none";
    return 0;
}

static void a_letter_is_taken_back_from_the_printer(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print");
    struct audit_row last = { .uid = 0 };

    assert_int_equal(dispatch_withdraw(f->yard->dispatch, &id, NULL, 1000), -ENOENT);
    played_take(f->yard, &f->print, STAGE_FRESH);
    played_report(f->yard, &f->print, &id, OUTCOME_SPOOLED, "waiting", false);
    yard_wait(f->yard, &id, STATE_SPOOLED);
    assert_int_equal(dispatch_withdraw(f->yard->dispatch, &id, "wrong card", 1000), 0);
    assert_true(take_withdrawal(f));
    assert_int_equal(dispatch_withdraw(f->yard->dispatch, &id, NULL, 1000), -EBUSY);
    /* It was being printed: it is followed as before, until somebody asks again. */
    played_report(f->yard, &f->print, &id, OUTCOME_SPOOLED, "printing", false);
    assert_false(take_withdrawal(f));
    played_report(f->yard, &f->print, &id, OUTCOME_SPOOLED, "waiting", false);
    assert_int_equal(dispatch_withdraw(f->yard->dispatch, &id, "wrong card", 1000), 0);
    assert_true(take_withdrawal(f));
    played_report(f->yard, &f->print, &id, OUTCOME_CANCELLED, "withdrawn", false);
    assert_false(yard_wait(f->yard, &id, STATE_CANCELLED).has_sealed);
    assert_int_equal(store_audit(f->yard->store, &id, 0, note_last, &last), 0);
    assert_int_equal(last.uid, 1000);
    assert_string_equal(last.from, "operator");
    assert_string_equal(last.to, "words");
}

static void a_lost_worker_before_the_mark_costs_an_attempt(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), again;

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
    again = played_take(f->yard, &f->print, STAGE_BEGUN);
    assert_true(uuid_equal(&id, &again));
    assert_string_equal(yard_look(f->yard, &id).code, "worker-lost");
}

static void a_lost_worker_after_the_mark_is_adopted(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), again;

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_mark(f->yard, &f->print, &id);
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
    again = played_take(f->yard, &f->print, STAGE_RELEASING);
    assert_true(uuid_equal(&id, &again));
    assert_int_equal(yard_look(f->yard, &id).attempts, 1);
}

static void say_begin(struct fixture *f, const struct uuid *id)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    assert_int_equal(word_add_begin(&line, id), 0);
    played_say(f->yard, &f->email, &line);
}

static void a_mail_that_had_begun_is_sent_again(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "email"), again;

    played_take(f->yard, &f->email, STAGE_FRESH);
    say_begin(f, &id);
    played_die(f->yard, &f->email);
    f->email = yard_worker(f->yard, true);
    again = played_take(f->yard, &f->email, STAGE_BEGUN);
    assert_true(uuid_equal(&id, &again));
}

static void a_mail_that_had_begun_waits_for_a_person(void **state)
{
    struct fixture *f = *state;
    struct uuid begun, waiting;

    yard_set(f->yard, "email.in_doubt", "hold");
    begun = yard_put(f->yard, "email");
    waiting = yard_put(f->yard, "email");
    played_take(f->yard, &f->email, STAGE_FRESH);
    played_take(f->yard, &f->email, STAGE_FRESH);
    say_begin(f, &begun);
    played_die(f->yard, &f->email);
    assert_string_equal(yard_wait(f->yard, &begun, STATE_IN_DOUBT).code, "worker-lost");
    /* The other one of the batch had not begun: it is known not to be sent. */
    f->email = yard_worker(f->yard, true);
    played_take(f->yard, &f->email, STAGE_BEGUN);
    assert_int_equal(yard_look(f->yard, &waiting).state, STATE_SENDING);
}

/* A mark is committed, a beginning is only told: what a restart knows of mails is their marks. */
static void a_restart_doubts_only_the_marked_mail(void **state)
{
    struct fixture *f = *state;
    struct uuid marked, waiting, again;

    yard_set(f->yard, "email.in_doubt", "hold");
    marked = yard_put(f->yard, "email");
    waiting = yard_put(f->yard, "email");
    played_take(f->yard, &f->email, STAGE_FRESH);
    played_take(f->yard, &f->email, STAGE_FRESH);
    played_mark(f->yard, &f->email, &marked);
    yard_restart(f->yard);
    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    yard_workers(f->yard, &f->print, &f->email);
    assert_string_equal(yard_wait(f->yard, &marked, STATE_IN_DOUBT).code, "restart");
    again = played_take(f->yard, &f->email, STAGE_BEGUN);
    assert_true(uuid_equal(&again, &waiting));
}

static void a_destination_in_trouble_costs_one_probe(void **state)
{
    struct fixture *f = *state;
    struct uuid first = yard_put(f->yard, "email"), second, probe, letter;

    yard_set(f->yard, "retry.first", "10s");
    yard_set(f->yard, "retry.max", "10s");
    played_take(f->yard, &f->email, STAGE_FRESH);
    played_report(f->yard, &f->email, &first, OUTCOME_DEFERRED, "connect", true);
    second = yard_put(f->yard, "email");
    assert_true(played_hears_nothing(f->yard, &f->email));
    assert_int_equal(yard_look(f->yard, &second).state, STATE_QUEUED);
    assert_true(dispatch_is_quiet(f->yard->dispatch));

    /* Letters go on meanwhile. */
    letter = yard_put(f->yard, "print");
    assert_int_equal(yard_look(f->yard, &letter).state, STATE_SENDING);

    yard_put(f->yard, "email");
    dispatch_nudge(f->yard->dispatch);
    probe = played_take(f->yard, &f->email, STAGE_FRESH);
    assert_true(uuid_equal(&probe, &second));
    assert_true(played_hears_nothing(f->yard, &f->email));
    played_report(f->yard, &f->email, &probe, OUTCOME_DELIVERED, "smtp-250", false);
    played_take(f->yard, &f->email, STAGE_FRESH);
}

static void status_tells_the_trouble(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "email");
    CLEANUP(json_cleanup) json_t *status = NULL;
    const json_t *trouble;

    played_take(f->yard, &f->email, STAGE_FRESH);
    played_report(f->yard, &f->email, &id, OUTCOME_DEFERRED, "tls-name", true);
    status = dispatch_status(f->yard->dispatch);
    assert_int_equal(json_array_size(status), METHODS);
    trouble = json_object_get(json_array_get(status, 1), "trouble");
    assert_string_equal(json_text(trouble, "code"), "tls-name");
    assert_string_equal(json_text(trouble, "reason"), "as the test says");
    assert_true(json_is_null(json_object_get(json_array_get(status, 0), "trouble")));
}

static bool is_left(struct fixture *f, struct waiting w)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct order o;
    bool left;

    assert_int_equal(word_add_waiting(&line, &w, 1), 0);
    played_say(f->yard, &f->print, &line);
    o = played_hear(f->yard, &f->print);
    assert_int_equal(o.kind, ORDER_CLEAR);
    assert_int_equal(o.n_left, 1);
    left = o.left[0];
    order_release(&o);
    return left;
}

static void report_job(struct fixture *f, const struct uuid *id, enum outcome_kind kind, int job)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct outcome o = { .evidence = json_pack("{s:i}", "job_id", job) };

    outcome_set(&o, kind, "code", "as the test says");
    assert_int_equal(word_add_outcome(&line, id, &o, ""), 0);
    played_say(f->yard, &f->print, &line);
    outcome_release(&o);
}

/* A job is nobody's when its delivery is in no worker's hands, and it is not the letter that was released. */
static void tells_what_is_nobodys(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), other;
    struct waiting w = { .id = id, .job_uuid = id, .job = 7 };
    struct order o;

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_hear_tidy(f->yard, &f->print);
    assert_false(is_left(f, w));
    played_mark(f->yard, &f->print, &id);
    o = played_hear(f->yard, &f->print);
    order_release(&o);
    report_job(f, &id, OUTCOME_DELIVERED, 7);
    yard_wait(f->yard, &id, STATE_DELIVERED);
    assert_false(is_left(f, w)); /* print.confirm = "accepted", and somebody holds it */
    w.job = 8;
    assert_true(is_left(f, w));
    w = (struct waiting){ .id = id, .job = 7 }; /* of an earlier copy */
    assert_true(is_left(f, w));
    other = yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    report_job(f, &other, OUTCOME_FAILED, 9); /* before any mark */
    yard_wait(f->yard, &other, STATE_FAILED);
    assert_true(is_left(f, (struct waiting){ .id = other, .job_uuid = other, .job = 9 }));
    assert_false(is_left(f, (struct waiting){ .job = 9 })); /* another dispatcher's */
}

static void sweeps_at_the_start_and_after_an_interruption(void **state)
{
    struct fixture *f = *state;

    played_hear_tidy(f->yard, &f->print);
    yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
    played_hear_tidy(f->yard, &f->print);
}

static void say_tidied(struct fixture *f, bool clean)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    assert_int_equal(word_add_tidied(&line, clean), 0);
    played_say(f->yard, &f->print, &line);
}

static void sweeps_again_after_the_answer(void **state)
{
    struct fixture *f = *state;

    played_hear_tidy(f->yard, &f->print);
    assert_true(played_hears_nothing(f->yard, &f->print)); /* not before the answer */
    say_tidied(f, false);
    played_hear_tidy(f->yard, &f->print);
    say_tidied(f, true);
    say_tidied(f, true); /* to no order: it is dropped */
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
}

/* No deadline of a delivery runs here. */
static void a_sweep_that_hangs_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct played hung = f->print;

    yard_set(f->yard, "workers.deadline", "1s");
    played_hear_tidy(f->yard, &hung);
    f->print = yard_worker(f->yard, true);
    played_hear_tidy(f->yard, &f->print);
    played_die(f->yard, &hung);
}

/* Each minute after the first seconds has one at most, and there is a last one. */
static void sweeps_become_rare_and_end(void **state)
{
    const int64_t second = MICROSECONDS_PER_SECOND;
    int64_t at = 0, before = 0, after = second / 10;

    (void)state;
    for (int n = 0; after; n++) {
        assert_true(n < 20);
        before = at;
        at += after;
        assert_true(before < 2 * second || after >= 60 * second);
        after = sweep_next(after, true);
    }
    assert_in_range(at - before, 300 * second, 900 * second);
}

static void sweeps_go_on_where_something_is_found(void **state)
{
    int64_t after = MICROSECONDS_PER_SECOND / 10, last;

    (void)state;
    for (int n = 0; n < 50; n++) {
        last = after;
        after = sweep_next(after, false);
        assert_in_range(after, last, 900 * MICROSECONDS_PER_SECOND);
    }
    assert_int_equal(sweep_next(after, true), 0);
}

/* The last word counts: what is mended is no longer told. */
static void status_tells_findings(void **state)
{
    struct fixture *f = *state;
    struct buffer line = BUFFER(PROTOCOL_LINE);
    CLEANUP(json_cleanup) json_t *findings = json_pack("[{s:s, s:s}]", "code", "queue-class", "reason", "A class.");
    CLEANUP(json_cleanup) json_t *none = json_array();
    CLEANUP(json_cleanup) json_t *before = dispatch_status(f->yard->dispatch);
    CLEANUP(json_cleanup) json_t *found = NULL;
    CLEANUP(json_cleanup) json_t *after = NULL;

    assert_null(json_object_get(json_array_get(before, 0), "findings"));
    assert_int_equal(word_add_findings(&line, findings), 0);
    played_say(f->yard, &f->print, &line);
    found = dispatch_status(f->yard->dispatch);
    assert_true(json_equal(json_object_get(json_array_get(found, 0), "findings"), findings));
    assert_null(json_object_get(json_array_get(found, 1), "findings"));
    assert_int_equal(word_add_findings(&line, none), 0);
    played_say(f->yard, &f->print, &line);
    after = dispatch_status(f->yard->dispatch);
    assert_int_equal(json_array_size(json_object_get(json_array_get(after, 0), "findings")), 0);
}

static void takes_up_what_a_kill_left(void **state)
{
    struct fixture *f = *state;
    struct uuid begun = yard_put(f->yard, "print"), releasing = yard_put(f->yard, "print"),
                spooled = yard_put(f->yard, "print");
    enum stage stages[3];

    for (unsigned i = 0; i < 3; i++)
        played_take(f->yard, &f->print, STAGE_FRESH);
    played_mark(f->yard, &f->print, &releasing);
    played_report(f->yard, &f->print, &spooled, OUTCOME_SPOOLED, "waiting", false);
    yard_wait(f->yard, &spooled, STATE_SPOOLED);
    yard_restart(f->yard);
    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    yard_workers(f->yard, &f->print, &f->email);
    for (unsigned i = 0; i < 3; i++) {
        struct order o = played_hear(f->yard, &f->print);

        assert_int_equal(o.kind, ORDER_DELIVER);
        stages[uuid_equal(&o.parcel.id, &begun) ? 0 : uuid_equal(&o.parcel.id, &releasing) ? 1 : 2] = o.parcel.stage;
        order_release(&o);
    }
    assert_int_equal(stages[0], STAGE_BEGUN);
    assert_int_equal(stages[1], STAGE_RELEASING);
    assert_int_equal(stages[2], STAGE_SPOOLED);
}

static void a_silent_worker_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct uuid id;

    yard_set(f->yard, "workers.deadline", "1s");
    id = yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    assert_string_equal(yard_wait(f->yard, &id, STATE_DEFERRED).code, "deadline");
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
    played_take(f->yard, &f->print, STAGE_BEGUN);
}

static void an_unfit_worker_is_told_of(void **state)
{
    struct fixture *f = *state;
    struct played unfit;
    CLEANUP(json_cleanup) json_t *status = NULL;
    const json_t *print;

    played_die(f->yard, &f->print);
    unfit = yard_worker(f->yard, false);
    played_die(f->yard, &unfit);
    status = dispatch_status(f->yard->dispatch);
    print = json_array_get(status, 0);
    assert_string_equal(json_text(json_object_get(print, "trouble"), "code"), "key");
    /* It is tried again; the first one that is fit ends the trouble. */
    f->print = yard_worker(f->yard, true);
    json_decref(status);
    status = dispatch_status(f->yard->dispatch);
    assert_true(json_is_null(json_object_get(json_array_get(status, 0), "trouble")));
}

static void a_worker_is_recycled(void **state)
{
    struct fixture *f = *state;
    struct uuid id;
    struct order o;

    yard_set(f->yard, "workers.recycle", "1");
    id = yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    o = played_hear(f->yard, &f->print);
    assert_int_equal(o.kind, ORDER_QUIT);
    order_release(&o);
    played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
    yard_wait(f->yard, &id, STATE_DELIVERED);
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
}

static void a_reload_brings_new_workers(void **state)
{
    struct fixture *f = *state;
    struct order o;

    dispatch_reload(f->yard->dispatch);
    o = played_hear(f->yard, &f->print);
    assert_int_equal(o.kind, ORDER_QUIT);
    order_release(&o);
    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    yard_workers(f->yard, &f->print, &f->email);
}

static void a_stop_claims_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct uuid in_hand = yard_put(f->yard, "print"), later;

    played_take(f->yard, &f->print, STAGE_FRESH);
    dispatch_stop(f->yard->dispatch);
    later = yard_put(f->yard, "print");
    assert_true(dispatch_is_busy(f->yard->dispatch));
    played_report(f->yard, &f->print, &in_hand, OUTCOME_DELIVERED, "printed", false);
    yard_wait(f->yard, &in_hand, STATE_DELIVERED);
    assert_int_equal(yard_look(f->yard, &later).state, STATE_QUEUED);
    assert_true(dispatch_is_busy(f->yard->dispatch)); /* workers are there */
    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    assert_false(dispatch_is_busy(f->yard->dispatch));
}

/* One that has nothing in hand, as well. */
static void a_worker_that_does_not_quit_is_given_up(void **state)
{
    struct fixture *f = *state;

    dispatch_stop(f->yard->dispatch);
    for (unsigned i = 0; i < 200 && dispatch_is_busy(f->yard->dispatch); i++)
        sd_event_run(f->yard->site.loop, 50000);
    assert_false(dispatch_is_busy(f->yard->dispatch));
}

static void a_worker_that_breaks_the_protocol_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), foreign = yard_put(f->yard, "email");

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_take(f->yard, &f->email, STAGE_FRESH);
    /* Another worker's delivery is none of its business. */
    played_report(f->yard, &f->print, &foreign, OUTCOME_DELIVERED, "printed", false);
    assert_int_equal(yard_look(f->yard, &foreign).state, STATE_SENDING);
    assert_string_equal(yard_wait(f->yard, &id, STATE_DEFERRED).code, "protocol");
}

static void fail_turn(void *userdata)
{
    struct fault *f = userdata;

    if (f->turns == 0)
        return;
    f->turns--;
    commit_fail(f->yard->commit, -EIO);
}

static void on_trouble(void *userdata, const struct commit_trouble *t)
{
    if (t->error == 0)
        dispatch_resume(((struct yard *)userdata)->dispatch);
}

static void add_fault(struct fixture *f)
{
    f->fault = (struct fault){ .hook = { .before = fail_turn, .userdata = &f->fault }, .yard = f->yard };
    commit_hook(f->yard->commit, &f->fault.hook);
    commit_watch(f->yard->commit, on_trouble, f->yard);
}

/* A delivery that is committed and not claimed: the store is in trouble for a second. */
static struct uuid put_unclaimed(struct fixture *f)
{
    struct uuid id;

    add_fault(f);
    commit_fail(f->yard->commit, -EIO);
    yard_turn(f->yard);
    assert_true(commit_is_in_trouble(f->yard->commit));
    id = yard_put(f->yard, "print");
    assert_int_equal(yard_look(f->yard, &id).state, STATE_QUEUED);
    return id;
}

static void hear_dropped(struct fixture *f)
{
    struct order o = played_hear(f->yard, &f->print);

    assert_int_equal(o.kind, ORDER_DROPPED);
    order_release(&o);
}

static void an_undone_claim_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put_unclaimed(f), taken;

    f->fault.turns = 1;
    for (unsigned i = 0; i < 200 && f->fault.turns > 0; i++)
        sd_event_run(f->yard->site.loop, 50000);
    assert_int_equal(f->fault.turns, 0);
    assert_int_equal(yard_look(f->yard, &id).state, STATE_QUEUED);
    assert_false(dispatch_is_busy(f->yard->dispatch));
    taken = played_take(f->yard, &f->print, STAGE_FRESH);
    assert_true(uuid_equal(&id, &taken));
    hear_dropped(f);
    taken = played_take(f->yard, &f->print, STAGE_FRESH);
    assert_true(uuid_equal(&id, &taken));
    assert_int_equal(yard_look(f->yard, &id).attempts, 1);
}

static void an_outcome_is_kept_until_the_store_takes_it(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "email");

    add_fault(f);
    played_take(f->yard, &f->email, STAGE_FRESH);
    f->fault.turns = 1;
    played_report(f->yard, &f->email, &id, OUTCOME_DELIVERED, "smtp-250", false);
    yard_turn(f->yard);
    assert_int_equal(yard_look(f->yard, &id).state, STATE_SENDING);
    assert_true(dispatch_is_busy(f->yard->dispatch)); /* a stop waits for it */
    assert_string_equal(yard_wait(f->yard, &id, STATE_DELIVERED).code, "smtp-250");
    assert_true(played_hears_nothing(f->yard, &f->email));
    assert_false(dispatch_is_busy(f->yard->dispatch));
}

static void a_mark_that_is_not_saved_is_a_stop(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print");
    struct order o;

    add_fault(f);
    played_take(f->yard, &f->print, STAGE_FRESH);
    f->fault.turns = 1;
    played_mark(f->yard, &f->print, &id);
    o = played_hear(f->yard, &f->print);
    assert_int_equal(o.kind, ORDER_STOP);
    assert_int_equal(yard_look(f->yard, &id).stage, STAGE_BEGUN);
    order_release(&o);
}

/* What else may have become of a delivery whose outcome could not be saved. */
static void change_behind(struct fixture *f, const struct uuid *id, unsigned from, enum delivery_state to)
{
    struct change c = { .id = *id,
                        .from = from,
                        .to = to,
                        .stage = STAGE_SPOOLED,
                        .cause = { .what = "test", .generation = 1, .now = clock_now(&clock_real) } };

    assert_int_equal(store_settle(f->yard->store, &c), 0);
    assert_int_equal(store_commit(f->yard->store), 0);
}

static struct uuid put_unsaved(struct fixture *f, enum outcome_kind kind)
{
    struct uuid id = yard_put(f->yard, "print");

    if (!f->fault.yard)
        add_fault(f);
    played_take(f->yard, &f->print, STAGE_FRESH);
    f->fault.turns = 1;
    played_report(f->yard, &f->print, &id, kind, "code", false);
    yard_turn(f->yard);
    assert_int_equal(yard_look(f->yard, &id).state, STATE_SENDING);
    return id;
}

static void wait_until_well(struct fixture *f)
{
    for (unsigned i = 0; i < 200 && commit_is_in_trouble(f->yard->commit); i++)
        sd_event_run(f->yard->site.loop, 50000);
    yard_turn(f->yard);
}

/* A commit that failed may be on disk all the same: then there is nothing to save again, and it goes on from there.
 */
static void an_outcome_that_is_on_disk_all_the_same_is_saved(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put_unsaved(f, OUTCOME_DELIVERED);

    change_behind(f, &id, STATE_BIT(STATE_SENDING), STATE_DELIVERED);
    wait_until_well(f);
    assert_true(dispatch_is_quiet(f->yard->dispatch));
    assert_int_equal(yard_look(f->yard, &id).state, STATE_DELIVERED);
}

/* Or the row says something else: then it is in other hands, and nobody here follows it. */
static void an_outcome_that_the_row_contradicts_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put_unsaved(f, OUTCOME_SPOOLED);

    change_behind(f, &id, STATE_BIT(STATE_SENDING), STATE_FAILED);
    wait_until_well(f);
    assert_true(dispatch_is_quiet(f->yard->dispatch));
    assert_int_equal(yard_look(f->yard, &id).state, STATE_FAILED);
}

/* One that is spooled is followed, whatever its outcome was to be. */
static void a_spooled_one_is_never_stranded(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put_unsaved(f, OUTCOME_HELD), looked;

    change_behind(f, &id, STATE_BIT(STATE_SENDING), STATE_SPOOLED);
    wait_until_well(f);
    looked = played_take(f->yard, &f->print, STAGE_SPOOLED);
    assert_true(uuid_equal(&looked, &id));
    played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
    yard_wait(f->yard, &id, STATE_DELIVERED);
}

static void an_outcome_makes_room_at_its_worker(void **state)
{
    struct fixture *f = *state;

    yard_set(f->yard, "workers.batch", "1");
    for (unsigned i = 0; i < 3; i++) {
        struct uuid id = yard_put(f->yard, "email");

        played_take(f->yard, &f->email, STAGE_FRESH);
        played_report(f->yard, &f->email, &id, OUTCOME_DELIVERED, "smtp-250", false);
        yard_wait(f->yard, &id, STATE_DELIVERED);
    }
}

/* What was interrupted may have left something; an attempt that ended by itself has not. */
static void an_interruption_is_noted(void **state)
{
    struct fixture *f = *state;
    struct uuid ended, lost;

    yard_set(f->yard, "retry.first", "10s");
    yard_set(f->yard, "retry.max", "10s");
    ended = yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    played_report(f->yard, &f->print, &ended, OUTCOME_DEFERRED, "later", false);
    assert_int_equal(yard_wait(f->yard, &ended, STATE_DEFERRED).stage, STAGE_FRESH);
    lost = yard_put(f->yard, "print");
    played_take(f->yard, &f->print, STAGE_FRESH);
    played_die(f->yard, &f->print);
    assert_int_equal(yard_wait(f->yard, &lost, STATE_DEFERRED).stage, STAGE_BEGUN);
    f->print = yard_worker(f->yard, true);
}

/* Asked back, and it came out all the same: that was no operator's cancel. */
static void a_letter_that_came_out_is_not_an_operators_cancel(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print");
    struct audit_row last = { .uid = 0 };

    played_take(f->yard, &f->print, STAGE_FRESH);
    played_report(f->yard, &f->print, &id, OUTCOME_SPOOLED, "waiting", false);
    yard_wait(f->yard, &id, STATE_SPOOLED);
    assert_int_equal(dispatch_withdraw(f->yard->dispatch, &id, "wrong card", 1000), 0);
    assert_true(take_withdrawal(f));
    played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
    yard_wait(f->yard, &id, STATE_DELIVERED);
    assert_int_equal(store_audit(f->yard->store, &id, 0, note_last, &last), 0);
    assert_int_equal(last.uid, -1);
    assert_string_equal(last.from, "other");
    assert_string_equal(last.to, "none");
}

static int ignore(void *userdata, const struct record *r)
{
    (void)userdata;
    (void)r;
    return 0;
}

/* A commit that failed may be on disk all the same: nobody has that delivery in hand. */
static void a_claim_that_nobody_knows_of_is_taken_up(void **state)
{
    struct fixture *f = *state;
    struct cause cause = { .what = "claim", .uid = -1, .generation = 1 };
    struct uuid id = put_unclaimed(f), taken;

    cause.now = clock_now(f->yard->site.clock);
    assert_int_equal(store_claim(f->yard->store, "print", 1, &cause, ignore, NULL), 0);
    assert_int_equal(store_commit(f->yard->store), 0);
    taken = played_take(f->yard, &f->print, STAGE_BEGUN);
    assert_true(uuid_equal(&id, &taken));
    played_report(f->yard, &f->print, &id, OUTCOME_DELIVERED, "printed", false);
    assert_int_equal(yard_wait(f->yard, &id, STATE_DELIVERED).attempts, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(workers_prepare_until_the_claim_is_committed),
        TEST(settles_by_the_outcome),
        TEST(answers_a_mark_after_its_commit),
        TEST(tries_again_what_was_deferred),
        TEST(gives_up_in_the_end),
        TEST(a_spooled_letter_is_followed),
        TEST(a_look_is_at_the_oldest_while_some_end),
        TEST(a_look_starts_from_what_is_known),
        TEST(a_letter_is_taken_back_from_the_printer),
        TEST(a_lost_worker_before_the_mark_costs_an_attempt),
        TEST(a_lost_worker_after_the_mark_is_adopted),
        TEST(a_mail_that_had_begun_is_sent_again),
        TEST(a_mail_that_had_begun_waits_for_a_person),
        TEST(a_restart_doubts_only_the_marked_mail),
        TEST(a_destination_in_trouble_costs_one_probe),
        TEST(status_tells_the_trouble),
        TEST(status_tells_findings),
        TEST(tells_what_is_nobodys),
        TEST(sweeps_at_the_start_and_after_an_interruption),
        TEST(sweeps_again_after_the_answer),
        TEST(a_sweep_that_hangs_is_given_up),
        cmocka_unit_test(sweeps_become_rare_and_end),
        cmocka_unit_test(sweeps_go_on_where_something_is_found),
        TEST(takes_up_what_a_kill_left),
        TEST(a_silent_worker_is_given_up),
        TEST(an_unfit_worker_is_told_of),
        TEST(a_worker_is_recycled),
        TEST(a_reload_brings_new_workers),
        TEST(a_stop_claims_nothing_more),
        TEST(a_worker_that_does_not_quit_is_given_up),
        TEST(a_worker_that_breaks_the_protocol_is_dropped),
        TEST(an_undone_claim_leaves_nothing_behind),
        TEST(an_outcome_is_kept_until_the_store_takes_it),
        TEST(a_mark_that_is_not_saved_is_a_stop),
        TEST(a_claim_that_nobody_knows_of_is_taken_up),
        TEST(an_outcome_that_is_on_disk_all_the_same_is_saved),
        TEST(an_outcome_that_the_row_contradicts_is_dropped),
        TEST(a_spooled_one_is_never_stranded),
        TEST(an_outcome_makes_room_at_its_worker),
        TEST(an_interruption_is_noted),
        TEST(a_letter_that_came_out_is_not_an_operators_cancel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

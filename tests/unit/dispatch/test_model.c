/* The life of deliveries against a simple reference, under random sequences of what may happen: events, outcomes,
 * marks, lost workers, restarts, operators. The workers are played, and so is the paper: a letter is on paper once
 * its job was released.
 *
 *   PINDISPATCH_MODEL_SEED=N   the seed (printed; else by chance)
 *   PINDISPATCH_MODEL_RUNS=N   how many sequences (2,000) */
#include "yard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/log.h>

enum { RUNS = 2000, STEPS = 25, DELIVERIES = 6, WORKERS = 2 };

/* What the reference knows of one delivery. */
struct known {
    struct uuid id;
    bool is_letter;
    enum delivery_state state; /* a waiting one may be claimed at any time: see agrees() */
    bool in_hand;              /* of its worker */
    bool marked;               /* the release is committed */
    bool begun;                /* mail: bytes were on their way */
    unsigned tried;
    unsigned on_paper; /* letters released for this copy: never more than one */
};

struct world {
    struct yard *yard;
    struct played workers[WORKERS]; /* print, email */
    struct known known[DELIVERIES];
    size_t n;
    uint64_t chance;
    char trail[8192]; /* what was done, for the report of a failure */
};

/* xorshift64: the same sequence for the same seed on every machine. */
static unsigned draw(struct world *w, unsigned below)
{
    w->chance ^= w->chance << 13;
    w->chance ^= w->chance >> 7;
    w->chance ^= w->chance << 17;
    return (unsigned)(w->chance >> 33) % below;
}

static void note(struct world *w, const char *what, const struct known *k)
{
    size_t used = strlen(w->trail);

    snprintf(w->trail + used, sizeof(w->trail) - used, " %s(%d)", what, k ? (int)(k - w->known) : -1);
}

#define holds(w, condition)                                                                                          \
    do {                                                                                                             \
        if (!(condition))                                                                                            \
            fail_msg("%s does not hold after:%s", #condition, (w)->trail);                                           \
    } while (0)

static struct known *find(struct world *w, const struct uuid *id)
{
    for (size_t i = 0; i < w->n; i++)
        if (uuid_equal(&w->known[i].id, id))
            return &w->known[i];
    return NULL;
}

static struct played *worker_of(struct world *w, const struct known *k)
{
    return &w->workers[k->is_letter ? 0 : 1];
}

/* ---- what the worker hears ---- */

static bool waits(const struct known *k)
{
    return (STATE_BIT(k->state) & (STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_DEFERRED))) != 0;
}

/* A letter that was released before is never to be made anew. */
static void take_parcel(struct world *w, const struct parcel *p)
{
    struct known *k = find(w, &p->id);

    note(w, stage_name(p->stage), k);
    if (!k)
        return; /* of an earlier sequence, settled at its end */
    holds(w, !k->in_hand);
    switch (p->stage) {
    case STAGE_FRESH:
        holds(w, waits(k) && k->tried == 0 && k->on_paper == 0);
        break;
    case STAGE_BEGUN:
        holds(w, (waits(k) || k->state == STATE_SENDING) && k->tried > 0 && k->on_paper == 0);
        break;
    case STAGE_RELEASING:
        holds(w, k->is_letter && k->state == STATE_SENDING && k->marked);
        k->on_paper = 1; /* found at the printer: released now if it was not before */
        break;
    case STAGE_SPOOLED:
        holds(w, k->is_letter && k->state == STATE_SPOOLED);
        break;
    case STAGE_COUNT:
        break;
    }
    if (p->stage == STAGE_FRESH || p->stage == STAGE_BEGUN) {
        k->tried += k->state != STATE_SENDING;
        k->state = STATE_SENDING;
        k->marked = k->begun = false;
    }
    k->in_hand = true;
}

static void take_go(struct world *w, const struct uuid *id)
{
    struct known *k = find(w, id);

    note(w, "go", k);
    holds(w, k && k->in_hand && k->marked && k->on_paper == 0);
    /* The worker releases now, or is about to: a death before that is drawn when it dies. */
    k->on_paper = 1;
}

static void hear(struct world *w, struct played *worker)
{
    while (!played_hears_nothing(w->yard, worker)) {
        struct order o = played_hear_any(w->yard, worker);

        if (o.kind == ORDER_DELIVER || o.kind == ORDER_PREPARE)
            take_parcel(w, &o.parcel);
        for (size_t i = 0; o.kind == ORDER_GO && i < o.n_ids; i++)
            take_go(w, &o.ids[i]);
        order_release(&o);
    }
    holds(w, worker->ahead == 0);
}

static void hear_all(struct world *w)
{
    for (size_t i = 0; i < WORKERS; i++)
        hear(w, &w->workers[i]);
}

/* ---- what may happen ---- */

static void happens_event(struct world *w)
{
    struct known *k = &w->known[w->n];

    if (w->n == DELIVERIES)
        return;
    *k = (struct known){ .is_letter = draw(w, 3) > 0, .state = STATE_QUEUED };
    k->id = yard_put(w->yard, k->is_letter ? "print" : "email");
    w->n++;
    note(w, "event", k);
}

static enum delivery_state state_by(const struct known *k, enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_DELIVERED:
        return STATE_DELIVERED;
    case OUTCOME_SPOOLED:
        return STATE_SPOOLED;
    case OUTCOME_FAILED:
        return STATE_FAILED;
    case OUTCOME_CANCELLED:
        return STATE_CANCELLED;
    case OUTCOME_IN_DOUBT:
        return k->is_letter ? STATE_IN_DOUBT : STATE_DEFERRED; /* email.in_doubt = "retry" */
    default:
        return k->state == STATE_SPOOLED ? STATE_SPOOLED : STATE_DEFERRED;
    }
}

static void report(struct world *w, struct known *k, enum outcome_kind kind)
{
    note(w, outcome_name(kind), k);
    k->in_hand = false;
    k->state = state_by(k, kind);
    played_report(w->yard, worker_of(w, k), &k->id, kind, "code", false);
}

/* What a worker that knows its trade may say of a delivery in its hands. */
static enum outcome_kind draw_outcome(struct world *w, const struct known *k)
{
    static const enum outcome_kind before[] = { OUTCOME_DEFERRED, OUTCOME_FAILED, OUTCOME_DEFERRED };
    static const enum outcome_kind after[] = { OUTCOME_SPOOLED, OUTCOME_SPOOLED, OUTCOME_DELIVERED, OUTCOME_FAILED,
                                               OUTCOME_IN_DOUBT };
    static const enum outcome_kind mail[] = { OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_FAILED, OUTCOME_IN_DOUBT };

    if (!k->is_letter)
        return mail[draw(w, ARRAY_SIZE(mail))];
    return k->on_paper ? after[draw(w, ARRAY_SIZE(after))] : before[draw(w, ARRAY_SIZE(before))];
}

static void happens_outcome(struct world *w, struct known *k)
{
    if (k->in_hand && !(k->marked && !k->on_paper))
        report(w, k, draw_outcome(w, k));
}

static void happens_mark(struct world *w, struct known *k)
{
    if (!k->in_hand || !k->is_letter || k->marked || k->state != STATE_SENDING)
        return;
    note(w, "mark", k);
    k->marked = true;
    played_mark(w->yard, worker_of(w, k), &k->id);
}

static void happens_begin(struct world *w, struct known *k)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    if (!k->in_hand || k->is_letter)
        return;
    note(w, "begin", k);
    k->begun = true;
    assert_int_equal(word_add_begin(&line, &k->id), 0);
    played_say(w->yard, worker_of(w, k), &line);
}

/* A worker is gone: what it had in hand. A released job may not have been released yet when it died. */
static void lose_hand(struct world *w, bool letters)
{
    for (size_t i = 0; i < w->n; i++) {
        struct known *k = &w->known[i];

        if (!k->in_hand || k->is_letter != letters)
            continue;
        k->in_hand = false;
        if (k->state == STATE_SENDING && k->marked)
            k->on_paper = draw(w, 2);
        else if (k->state == STATE_SENDING)
            k->state = STATE_DEFERRED;
    }
}

static void happens_death(struct world *w)
{
    unsigned which = draw(w, WORKERS);

    note(w, which == 0 ? "print-dies" : "email-dies", NULL);
    lose_hand(w, which == 0);
    played_die(w->yard, &w->workers[which]);
    w->workers[which] = yard_worker(w->yard, true);
}

static void happens_restart(struct world *w)
{
    note(w, "restart", NULL);
    for (size_t i = 0; i < w->n; i++) {
        struct known *k = &w->known[i];

        /* A letter that was in hand and not marked stays `sending` until it is handed out again. */
        if (k->in_hand && k->is_letter && k->state == STATE_SENDING && !k->marked)
            k->in_hand = false;
    }
    lose_hand(w, true);
    lose_hand(w, false);
    yard_restart(w->yard);
    for (size_t i = 0; i < WORKERS; i++)
        played_die(w->yard, &w->workers[i]);
    yard_workers(w->yard, &w->workers[0], &w->workers[1]);
}

struct verb {
    const char *name;
    unsigned from;
    enum delivery_state to;
};

/* As the control socket does it: the store refuses what is not allowed from the state of the moment. */
static void happens_verb(struct world *w, struct known *k)
{
    static const struct verb verbs[] = {
        { "retry", STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_DEFERRED), STATE_QUEUED },
        { "cancel",
          STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_DEFERRED) | STATE_BIT(STATE_HELD) | STATE_BIT(STATE_FAILED),
          STATE_CANCELLED },
        { "hold", STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_DEFERRED), STATE_HELD },
        { "release", STATE_BIT(STATE_HELD), STATE_QUEUED },
        { "resolve", STATE_BIT(STATE_IN_DOUBT), STATE_FAILED },
    };
    const struct verb *v = &verbs[draw(w, ARRAY_SIZE(verbs))];
    struct look before = yard_look(w->yard, &k->id);
    struct change c = { .id = k->id,
                        .from = v->from,
                        .to = v->to,
                        .stage = before.stage,
                        .new_copy = v->to == STATE_QUEUED && k->on_paper,
                        .cause = { .what = "operator", .uid = 0, .generation = 1, .now = clock_now(&clock_real) } };
    int r;

    if (c.to == STATE_QUEUED)
        c.due = c.cause.now;
    r = store_settle(w->yard->store, &c);
    note(w, v->name, k);
    holds(w, r == ((v->from & STATE_BIT(before.state)) ? 0 : STORE_STALE));
    commit_poke(w->yard->commit);
    if (r != 0)
        return;
    k->state = v->to;
    if (c.new_copy) {
        k->on_paper = 0;
        k->marked = false;
        k->tried = before.attempts;
    }
}

/* ---- the comparison ---- */

static void agrees(struct world *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct known *k = &w->known[i];
        struct look l = yard_look(w->yard, &k->id);
        bool claimed = waits(k) && l.state == STATE_SENDING;

        if (l.state != k->state && !claimed)
            fail_msg("delivery %zu is %s in the store, %s in the reference, after:%s", i, state_name(l.state),
                     state_name(k->state), w->trail);
        holds(w, k->on_paper <= 1);
        holds(w, (STATE_BIT(l.state) & STATES_FINAL) ? !l.has_sealed : l.has_sealed);
    }
}

static void step(struct world *w)
{
    struct known *k = w->n ? &w->known[draw(w, (unsigned)w->n)] : NULL;
    unsigned what = draw(w, 20);

    if (!k || what < 4)
        happens_event(w);
    else if (what < 10)
        happens_outcome(w, k);
    else if (what < 13)
        happens_mark(w, k);
    else if (what < 15)
        happens_begin(w, k);
    else if (what < 16)
        happens_death(w);
    else if (what < 17 && draw(w, 3) == 0)
        happens_restart(w);
    else
        happens_verb(w, k);
    hear_all(w);
    agrees(w);
}

/* Ends what is left, so that the next sequence starts from nothing: everything accepted gets its one end. */
static void finish(struct world *w)
{
    static const unsigned ended =
        STATES_FINAL | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_IN_DOUBT) | STATE_BIT(STATE_HELD);
    int64_t end = clock_monotonic() + 20 * MICROSECONDS_PER_SECOND;

    for (size_t i = 0; i < w->n; i++) {
        struct known *k = &w->known[i];

        while (!(ended & STATE_BIT(k->state))) {
            holds(w, clock_monotonic() < end);
            assert_true(sd_event_run(w->yard->site.loop, 1000) >= 0);
            hear_all(w);
            if (k->in_hand && k->is_letter && !k->marked && k->state == STATE_SENDING)
                happens_mark(w, k);
            hear_all(w);
            if (k->in_hand && (!k->is_letter || k->on_paper))
                report(w, k, OUTCOME_DELIVERED);
        }
        holds(w, !k->is_letter || k->state != STATE_DELIVERED || k->on_paper == 1);
    }
    agrees(w);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void deliveries_live_as_the_reference_says(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    uint64_t seed, runs = number_from("PINDISPATCH_MODEL_RUNS", RUNS);

    (void)state;
    random_bytes(&seed, sizeof(seed));
    seed = number_from("PINDISPATCH_MODEL_SEED", seed >> 1);
    print_message("seed %llu, %llu sequences\n", (unsigned long long)seed, (unsigned long long)runs);
    w->chance = seed | 1;
    w->yard = yard_open();
    yard_set(w->yard, "retry.first", "1ms");
    yard_set(w->yard, "retry.max", "1ms");
    yard_workers(w->yard, &w->workers[0], &w->workers[1]);
    for (uint64_t run = 0; run < runs; run++) {
        w->n = 0;
        w->trail[0] = '\0';
        for (unsigned i = 0; i < STEPS; i++)
            step(w);
        finish(w);
    }
    for (size_t i = 0; i < WORKERS; i++)
        played_die(w->yard, &w->workers[i]);
    yard_close(w->yard);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(deliveries_live_as_the_reference_says) };

    log_set_level(LOG_EMERG);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "print_batch.h"

#include <stdio.h>

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>

/* Reports are gathered, so that one commit takes many; what a crash takes from here is found at the printer. */
enum { GATHER_MILLISECONDS = 250 };

bool batch_is_open(const struct item *i, unsigned stages)
{
    return !i->done && (stages & 1U << i->parcel->stage);
}

size_t batch_count(const struct batch *b, unsigned stages)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += batch_is_open(&b->items[i], stages);
    return n;
}

int batch_now(const struct batch *b)
{
    return (int)(clock_now(b->desk->clock) / MICROSECONDS_PER_SECOND);
}

static void learn_one(void *habits, const struct print_job *j)
{
    struct law_sight sight = { .state = j->state, .began = j->began, .sheets = j->sheets, .at = j->now };
    law_learn(habits, &sight, j->ended);
}

int batch_learn(struct batch *b, bool anew)
{
    struct outcome ignored = { 0 };
    if ((b->habits->asked && !anew) || spooler_is_direct(b->spooler))
        return 0;
    int e = spooler_history(b->spooler, learn_one, &b->habits->law, &ignored);
    b->habits->asked |= e == 0;
    return e < 0 ? e : 0;
}

static void learn_from(struct batch *b, const struct item *i)
{
    if (i->job.id && !item_is_moved(i))
        learn_one(&b->habits->law, &i->job);
}

int batch_settle(struct batch *b, struct item *i, struct outcome *o)
{
    if (!o->evidence)
        o->evidence = item_evidence(i, &b->habits->law);
    learn_from(b, i);
    if (i->job.id && item_is_moved(i))
        snprintf(b->watch->facts.moved_to, sizeof(b->watch->facts.moved_to), "%.63s", item_printer(i));
    watch_job(b->watch, &i->job);
    watch_note(b->watch, i->parcel->evidence, o->evidence);
    int r = b->desk->report(b->desk, i->parcel, o);
    i->done = true;
    outcome_release(o);
    return r;
}

int batch_settle_all(struct batch *b, unsigned stages, const struct outcome *trouble)
{
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (!batch_is_open(i, stages))
            continue;
        struct outcome o = *trouble;
        o.kind = i->intended ? OUTCOME_SPOOLED : OUTCOME_DEFERRED;
        o.evidence = NULL;
        int r = batch_settle(b, i, &o);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The intent is committed: the one place from which a letter comes out. 0; 1 with trouble of the destination:
 * released or not, nobody knows now, and the next look at the job will tell; negative. The answer is reported later.
 */
static int release(struct batch *b, struct item *i)
{
    struct outcome *o = &i->answer;
    CRASH_POINT("print.releasing");
    int e = b->release(b, i, o);
    CRASH_POINT("print.released");
    if (e < 0)
        return e;
    i->answered = true;
    o->kind = e == SPOOLER_UNDONE ? o->kind : OUTCOME_SPOOLED;
    if (e == 0)
        item_released(i, &b->habits->law, b->accepted, o);
    else if (e == SPOOLER_GONE)
        outcome_set(o, OUTCOME_SPOOLED, "job-gone", "The held job was not there when it was to be released.");
    else if (e == SPOOLER_UNFIT)
        outcome_set(o, OUTCOME_SPOOLED, "not-held", "The job was not held any more when it was to be released.");
    return o->destination;
}

static int report_released(struct batch *b)
{
    int r = 0;
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (i->answered && !i->done && r == 0)
            r = batch_settle(b, i, &i->answer);
        outcome_release(&i->answer);
    }
    return r;
}

int batch_release_held(struct batch *b, struct item *i, struct outcome *o)
{
    return spooler_release(b->spooler, i->job.id, o);
}

/* Whoever was answered is reported before this is asked again. */
static bool is_to_be_released(const struct item *i)
{
    return !i->done && item_wants_release(i);
}

/* The same trouble for what was not tried any more. */
static int report_untried(struct batch *b, const struct outcome *trouble)
{
    int r = 0;
    for (size_t k = 0; k < b->n && r == 0; k++) {
        struct outcome o = *trouble;
        if (is_to_be_released(&b->items[k]))
            r = batch_settle(b, &b->items[k], &o);
    }
    return r;
}

int batch_release(struct batch *b)
{
    struct outcome trouble = { 0 };
    int64_t since = clock_monotonic();
    int e = 0, r = 0;
    for (size_t k = 0; k < b->n && e == 0 && r == 0; k++) {
        struct item *i = &b->items[k];
        if (!is_to_be_released(i))
            continue;
        e = release(b, i);
        trouble = i->answer;
        trouble.evidence = NULL;
        if (clock_monotonic() - since < GATHER_MILLISECONDS * MICROSECONDS_PER_MILLISECOND)
            continue;
        r = report_released(b);
        since = clock_monotonic();
    }
    r = r < 0 ? r : report_released(b);
    if (e < 0 || r < 0)
        return e < 0 ? e : r;
    return e > 0 ? report_untried(b, &trouble) : 0;
}

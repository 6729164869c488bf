#include "print_batch.h"

#include <pindispatch/crashpoint.h>

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

int batch_settle(struct batch *b, struct item *i, struct outcome *o)
{
    if (!o->evidence)
        o->evidence = item_evidence(i, spooler_printer(b->spooler));
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

/* The intent is committed: the one place from which a letter comes out. 0; 1 with TROUBLE of the destination, the
 * letter is settled all the same: released or not, nobody knows now, and the next look at the job will tell. */
static int release(struct batch *b, struct item *i, struct outcome *trouble)
{
    struct outcome o = { 0 };
    CRASH_POINT("print.releasing");
    int e = b->release(b, i, &o);
    CRASH_POINT("print.released");
    if (e < 0)
        return e;
    o.kind = e == SPOOLER_UNDONE ? o.kind : OUTCOME_SPOOLED;
    if (e == 0)
        item_released(i, spooler_printer(b->spooler), b->accepted, &o);
    else if (e == SPOOLER_GONE)
        outcome_set(&o, OUTCOME_SPOOLED, "job-gone", "The held job was not there when it was to be released.");
    else if (e == SPOOLER_UNFIT)
        outcome_set(&o, OUTCOME_SPOOLED, "not-held", "The job was not held any more when it was to be released.");
    *trouble = o;
    trouble->evidence = NULL;
    bool destination = o.destination;
    int r = batch_settle(b, i, &o);
    return r < 0 ? r : destination;
}

int batch_release(struct batch *b)
{
    struct outcome trouble = { 0 };
    int r = 0;
    for (size_t k = 0; k < b->n && r == 0; k++)
        if (!b->items[k].done && item_wants_release(&b->items[k]))
            r = release(b, &b->items[k], &trouble);
    for (size_t k = 0; k < b->n && r > 0; k++)
        if (!b->items[k].done && item_wants_release(&b->items[k])) {
            struct outcome o = trouble;
            int e = batch_settle(b, &b->items[k], &o);
            r = e < 0 ? e : r;
        }
    return r < 0 ? r : 0;
}

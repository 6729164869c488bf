/* Why letters that are at the printer do not move: it says that it cannot print; or it says nothing of the kind, and
 * nothing has moved there for longer than letters take; or each of them is held there. */
#include "print_batch.h"

#include <string.h>

#include <pindispatch/clock.h>

static const char held_code[] = "job-held"; /* as the law has it */

static bool is_held(const struct item *i)
{
    return i->job.state == IPP_JSTATE_HELD;
}

/* Of those that are still there: the one that is not held, else the one that was held last. NULL: none is there. */
static struct item *first_waiting(struct batch *b, const struct outcome *found)
{
    struct item *held = NULL;
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (!found[k].code[0] || found[k].kind != OUTCOME_SPOOLED || item_is_moved(i))
            continue;
        if (!is_held(i))
            return i;
        held = !held || i->since > held->since ? i : held;
    }
    return held;
}

static int time_at(const struct batch *b, const struct item *i)
{
    return i->seen.at ? i->seen.at : batch_now(b);
}

static void judge_standstill(struct batch *b, const struct item *i, const struct print_printer *p,
                             struct outcome *trouble)
{
    int64_t floor = settings_duration(b->desk->settings, "print.stuck_after") / MICROSECONDS_PER_SECOND;
    int still = time_at(b, i) - b->habits->law.moved;
    if (still < law_patience(&b->habits->law, floor < INT32_MAX ? (int)floor : INT32_MAX))
        return;
    outcome_set(trouble, OUTCOME_SPOOLED, "printer-stuck", "Nothing has moved at the printer %.64s for %d s%s%s",
                item_printer(i), still, p->message[0] ? ": " : ".", p->message);
    trouble->destination = true;
}

/* Somebody may hold one letter, and others go on. Where all that are there are held, and none has come out since, the
 * printer holds what it gets: it wants a login, or its backend gave up. */
static int judge_held(struct batch *b, const struct item *i, struct outcome *trouble)
{
    int r = batch_learn(b, true);
    if (r < 0 || b->habits->law.ended > i->since)
        return r;
    outcome_set(trouble, OUTCOME_SPOOLED, held_code,
                "All letters at the printer %.64s are held there (lpstat -l -o %.64s; lp -i %.64s-%d -H resume).",
                item_printer(i), item_printer(i), item_printer(i), i->job.id);
    trouble->destination = true;
    return 0;
}

int batch_stand(struct batch *b, const struct outcome *found, struct outcome *trouble)
{
    struct print_printer printer;
    struct item *i = first_waiting(b, found);
    if (!i)
        return 0;
    int e = spooler_look(b->spooler, &printer, NULL, trouble);
    trouble->kind = OUTCOME_SPOOLED;
    if (e || print_printer_trouble(&printer, spooler_printer(b->spooler), false, trouble))
        return e < 0 ? e : 0;
    if (is_held(i))
        return judge_held(b, i, trouble);
    judge_standstill(b, i, &printer, trouble);
    return 0;
}

/* A letter that is held says so, whatever else is wrong; what keeps the destination's letters says nothing of it. */
void batch_tell_stand(struct item *i, const struct outcome *trouble, struct outcome *o)
{
    bool held = is_held(i);
    if (o->kind != OUTCOME_SPOOLED)
        return;
    i->parked = held;
    if (held && o->evidence)
        json_object_set_new(o->evidence, "parked", json_true());
    if (!trouble->code[0] || item_is_moved(i) || (held && strcmp(trouble->code, held_code) != 0))
        return;
    outcome_set(o, OUTCOME_SPOOLED, trouble->code, "%.160s%s", trouble->reason,
                i->again ? " This letter was begun before: it may come out twice." : "");
    o->destination = trouble->destination;
}

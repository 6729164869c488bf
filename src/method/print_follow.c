#include "print_batch.h"

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>

static void add_fence(struct batch *b, int id)
{
    if (b->n_fences < FENCES)
        b->fences[b->n_fences++] = id;
}

/* Before the intent a job is a leftover: cancelled when it is held, of no meaning when it has ended and never was
 * begun. One that went further was released by somebody: it counts, so that nothing is printed twice. */
static void consider_leftover(struct batch *b, struct item *i, const struct print_job *job)
{
    if (job->state == IPP_JSTATE_HELD && job->began <= 0)
        add_fence(b, job->id);
    else if (job->state == IPP_JSTATE_HELD || item_went_on(job))
        item_consider(i, job);
}

static void consider_all(void *userdata, const struct print_job *job)
{
    struct batch *b = userdata;
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (!item_is(i, job))
            continue;
        if (batch_is_open(i, 1 << STAGE_BEGUN))
            consider_leftover(b, i, job);
        else if (batch_is_open(i, STAGES_OLD) && item_is_stray(i, job))
            add_fence(b, job->id);
        else if (batch_is_open(i, STAGES_OLD))
            item_consider(i, job);
    }
}

/* Whose job it is cannot be told. */
static int hidden(struct outcome *trouble)
{
    outcome_set(trouble, OUTCOME_DEFERRED, "job-hidden",
                "The CUPS server does not show us our own jobs: JobPrivateAccess must let in the owner (@OWNER).");
    trouble->destination = true;
    return 1;
}

/* By the ids that earlier attempts noted: cheap, and enough as long as the UUIDs agree. */
static int find_by_id(struct batch *b, struct outcome *trouble)
{
    int ids[BATCH] = { 0 };
    struct item *of[BATCH];
    struct print_job jobs[BATCH];
    size_t n = 0;
    for (size_t k = 0; k < b->n; k++)
        if (batch_is_open(&b->items[k], STAGES_OLD) && b->items[k].known_id > 0) {
            of[n] = &b->items[k];
            ids[n++] = b->items[k].known_id;
        }
    int e = spooler_jobs(b->spooler, ids, n, jobs, trouble);
    for (size_t k = 0; !e && k < n; k++) {
        if (jobs[k].id && !jobs[k].uuid[0] && !spooler_is_direct(b->spooler))
            return hidden(trouble);
        if (jobs[k].id && item_is(of[k], &jobs[k]))
            item_consider(of[k], &jobs[k]);
    }
    return e;
}

static int find_all(struct batch *b, struct outcome *trouble)
{
    size_t lost = batch_count(b, 1 << STAGE_BEGUN);
    int e = find_by_id(b, trouble);
    if (e)
        return e;
    for (size_t k = 0; k < b->n; k++)
        lost += batch_is_open(&b->items[k], STAGES_OLD) && !b->items[k].job.id;
    return lost ? spooler_each(b->spooler, consider_all, b, trouble) : 0;
}

static void look_at_all(struct batch *b, const struct print_life *before, const struct print_life *after)
{
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        item_look(i, batch_now(b), before, after);
        if (i->job.id && !item_is_moved(i))
            law_note_move(&b->habits->law, i->since);
    }
}

int batch_find(struct batch *b, struct outcome *trouble)
{
    struct print_life before = { .name = "" }, after = before;
    if (!batch_count(b, STAGES_OLD | 1 << STAGE_BEGUN))
        return 0;
    bool direct = spooler_is_direct(b->spooler); /* one that restarts forgets its jobs */
    int e = direct ? 0 : spooler_life(b->spooler, &before, trouble);
    if (!e)
        e = find_all(b, trouble);
    if (!e && !direct)
        e = spooler_life(b->spooler, &after, trouble);
    if (!e)
        look_at_all(b, &before, &after);
    return e;
}

static bool is_followed(const struct item *i)
{
    return batch_is_open(i, STAGES_OLD) || (batch_is_open(i, 1 << STAGE_BEGUN) && i->job.id);
}

/* First what became of all, then what keeps the others: that is one question for all of them. */
static int follow_all(struct batch *b)
{
    struct outcome found[BATCH] = { 0 }, trouble = { 0 };
    int r = batch_learn(b, false);
    for (size_t k = 0; k < b->n; k++)
        if (is_followed(&b->items[k]))
            item_judge(&b->items[k], &b->habits->law, b->accepted, &found[k]);
    CRASH_POINT("print.followed");
    if (r == 0 && !b->former)
        r = batch_stand(b, found, &trouble);
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (r == 0 && is_followed(i)) {
            batch_tell_stand(i, &trouble, &found[k]);
            r = batch_settle(b, i, &found[k]);
        }
        outcome_release(&found[k]);
    }
    return r;
}

/* An operator wants the letter back. One that is being printed goes on: half a letter helps nobody. O is set when the
 * job is cancelled. */
static int withdraw(struct batch *b, struct item *i, struct outcome *o)
{
    const char *printer = item_printer(i);
    struct outcome trouble = { 0 };
    struct print_job job = i->job;
    if (job.state != IPP_JSTATE_PENDING && job.state != IPP_JSTATE_HELD)
        return 0;
    int e = spooler_cancel(b->spooler, i->job.id, &trouble);
    if (e == 0 || e == SPOOLER_UNFIT)
        e = spooler_jobs(b->spooler, &i->job.id, 1, &job, &trouble);
    if (e || !item_is(i, &job) || job.state != IPP_JSTATE_CANCELED)
        return e;
    i->job = job;
    if (job.began || job.sheets > 0)
        outcome_set(o, OUTCOME_IN_DOUBT, "withdrawn-late",
                    "The printer %.64s had begun with the job %d when it was cancelled: look for the paper.", printer,
                    i->job.id);
    else
        outcome_set(o, OUTCOME_CANCELLED, "withdrawn", "The job %d was taken back from the printer %.64s.", i->job.id,
                    printer);
    return 0;
}

/* Takes back what is wanted back; whatever does not succeed is followed as before. */
static int withdraw_all(struct batch *b)
{
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        struct outcome o = { 0 };
        if (!batch_is_open(i, STAGES_OLD) || !i->parcel->withdraw || !i->job.id)
            continue;
        int r = withdraw(b, i, &o) == 0 && o.code[0] ? batch_settle(b, i, &o) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int batch_follow(struct batch *b)
{
    int r = withdraw_all(b);
    return r < 0 ? r : follow_all(b);
}

/* A held job that could not be cancelled went on meanwhile: to its end, when the attempt that made it still lives and
 * takes it back, or to paper. */
static int look_again(struct batch *b, int id, struct outcome *trouble)
{
    struct print_job job;
    int e = spooler_jobs(b->spooler, &id, 1, &job, trouble);
    if (!e && job.id)
        consider_all(b, &job);
    return e;
}

int batch_fence(struct batch *b, struct outcome *trouble)
{
    for (size_t k = 0; k < b->n_fences; k++) {
        CRASH_POINT("print.fencing");
        int e = spooler_cancel(b->spooler, b->fences[k], trouble);
        CRASH_POINT("print.fenced");
        if (e == SPOOLER_UNFIT)
            e = look_again(b, b->fences[k], trouble);
        if (e && e != SPOOLER_GONE)
            return e;
    }
    return 0;
}

#include "print_direct.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>

enum {
    /* A printer that prints takes no other job. While a letter waits for that, or for its own end, nothing is said to
     * the dispatcher, and letters that were sent before are not followed: it must end before a silent worker counts
     * as lost, and before a printer forgets an ended job, which many do after a minute. */
    PATIENCE_SECONDS = 20,
    BUSY_MILLISECONDS = 100, /* less than the other one: who waits for the printer gets it after who has it */
    END_MILLISECONDS = 250,
};

int direct_prepare(struct print_direct *d, struct desk *desk, struct spooler *s, struct outcome *trouble)
{
    struct ability a;
    int e = d->known ? 0 : spooler_ability(s, &a, trouble);
    if (e || d->known)
        return e;
    e = ability_judge(&a, spooler_printer(s), trouble);
    if (e)
        return e;
    const char *sides = a.two_sided ? settings_text(desk->settings, "print.sides") : "one-sided";
    spooler_set_sides(s, sides);
    raster_form_set(&d->raster, a.dpi, a.colour, sides, a.back);
    desk->form = a.pdf ? NULL : &d->raster.form;
    d->known = true;
    return 0;
}

/* False when it was long enough already. */
static bool wait_on(int64_t start, long milliseconds)
{
    nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000L }, NULL);
    return clock_monotonic() - start < PATIENCE_SECONDS * MICROSECONDS_PER_SECOND;
}

static bool is_busy(const struct outcome *trouble)
{
    return strcmp(trouble->code, "ipp-0507") == 0; /* server-error-busy */
}

static int create(struct batch *b, struct item *i, struct outcome *trouble)
{
    int64_t start = clock_monotonic();
    char name[UUID_TEXT];
    int e;
    do
        e = spooler_create(b->spooler, uuid_format(&i->parcel->id, name), &i->parcel->job_uuid, &i->job, trouble);
    while (e > 0 && is_busy(trouble) && wait_on(start, BUSY_MILLISECONDS));
    if (e > 0 && is_busy(trouble))
        outcome_set(trouble, OUTCOME_DEFERRED, "printer-busy", "The printer %.80s is busy with something else.",
                    spooler_printer(b->spooler));
    return e;
}

/* A new job, whose document is still to come; what identifies it is noted. */
static int make_job(struct batch *b, struct item *i, struct outcome *trouble)
{
    int id, e = create(b, i, trouble);
    if (e)
        return e;
    CRASH_POINT("direct.created");
    i->made = i->tried = true;
    i->place = *spooler_place(b->spooler);
    id = i->known_id = i->job.id;
    e = spooler_jobs(b->spooler, &id, 1, &i->job, trouble);
    if (e)
        return e;
    if (i->job.id != id || print_job_has_ended(&i->job) || i->job.state == IPP_JSTATE_PROCESSING) {
        outcome_set(trouble, OUTCOME_DEFERRED, "job-lost", "The printer does not keep the job %d for its document.",
                    id);
        trouble->destination = true;
        return 1;
    }
    snprintf(i->printer_uuid, sizeof(i->printer_uuid), "%s", i->job.uuid);
    i->job.state = IPP_JSTATE_HELD;
    return 0;
}

static void take_back(struct batch *b, struct item *i)
{
    struct outcome ignored = { 0 };
    if (i->made)
        spooler_cancel(b->spooler, i->known_id, &ignored);
    i->made = false;
}

static int commit(struct batch *b, struct item *i)
{
    json_t *evidence = item_evidence(i, NULL);
    b->desk->deadline(b->desk, 0); /* how long a commit may take is the desk's business */
    int r = b->desk->mark(b->desk, i->parcel, evidence);
    json_decref(evidence);
    return r;
}

/* As in print.c: only a dispatcher that said no, or did not hear of it, leaves nothing committed. */
static int undo(struct batch *b, struct item *i, int r)
{
    struct outcome o = { 0 };
    outcome_set(&o, OUTCOME_DEFERRED, "not-committed", "The letter's sending was not committed.");
    if (r == -ECANCELED || r == -EPIPE)
        take_back(b, i);
    return r == -ECANCELED ? batch_settle(b, i, &o) : r;
}

static int compose(struct batch *b, struct item *i, struct document *d, struct outcome *o)
{
    b->desk->deadline(b->desk, 0); /* composing is the desk's, with a deadline of its own */
    int e = b->desk->compose(b->desk, i->parcel, d, o);
    if (!e)
        i->pages = d->pages;
    return e;
}

/* The connection broke under the document. Often the job tells at once that it got nothing: then it is ended, so that
 * it cannot come any more, and a new one may be made. */
static int look_after_break(struct batch *b, struct item *i, struct outcome *o)
{
    struct outcome ignored = { 0 };
    struct print_job job;
    int id = i->job.id, e = spooler_jobs(b->spooler, &id, 1, &job, &ignored);
    if (!e && job.id && item_is(i, &job) && job.state == IPP_JSTATE_HELD) {
        spooler_cancel(b->spooler, id, &ignored);
        e = spooler_jobs(b->spooler, &id, 1, &job, &ignored);
    }
    if (e < 0)
        return e;
    if (e || !job.id || !item_is(i, &job) || job.began > 0 ||
        (job.state != IPP_JSTATE_CANCELED && job.state != IPP_JSTATE_ABORTED))
        return 1;
    o->kind = OUTCOME_DEFERRED;
    return SPOOLER_UNDONE;
}

/* A letter is followed to its end before the next one, which could not be printed before anyway. One that takes
 * longer is followed later, as at a CUPS server. */
static int await_end(struct batch *b, struct item *i)
{
    int64_t start = clock_monotonic();
    struct outcome ignored = { 0 };
    struct print_job job;
    int e;
    do {
        e = spooler_jobs(b->spooler, &i->job.id, 1, &job, &ignored);
        if (e || !job.id || !item_is(i, &job))
            break;
        i->job = job;
    } while (!print_job_has_ended(&job) && wait_on(start, END_MILLISECONDS));
    return e < 0 ? e : 0;
}

static int send_document(struct batch *b, struct item *i, const struct document *d, struct outcome *o)
{
    struct print_job sent = { 0 };
    int e = spooler_send(b->spooler, i->job.id, d, &sent, o);
    CRASH_POINT("direct.sent");
    if (e == 1)
        return look_after_break(b, i, o);
    return e == 0 && !b->accepted ? await_end(b, i) : e;
}

/* A letter that cannot be composed although its sending was committed by an earlier attempt: nothing is sent. */
static int give_up(struct batch *b, struct item *i)
{
    i->made = true;
    i->known_id = i->job.id;
    take_back(b, i);
    return SPOOLER_UNDONE;
}

int direct_release(struct batch *b, struct item *i, struct outcome *o)
{
    struct document d = DOCUMENT;
    if (!i->document && !i->parcel->sealed)
        return SPOOLER_UNFIT; /* counts as sent already */
    if (i->document)
        return send_document(b, i, i->document, o);
    int e = compose(b, i, &d, o);
    if (!e)
        e = send_document(b, i, &d, o);
    else if (e > 0)
        e = give_up(b, i);
    document_release(&d);
    return e;
}

/* 0, also when the letter was settled otherwise; 1 with TROUBLE of the destination; negative. */
static int send_new(struct batch *b, struct item *i, const struct document *d, struct outcome *trouble)
{
    int e = make_job(b, i, trouble);
    if (e > 0)
        take_back(b, i);
    if (e > 0 && !trouble->destination)
        return batch_settle(b, i, trouble);
    if (e)
        return e;
    e = commit(b, i);
    CRASH_POINT("direct.committed");
    if (e < 0)
        return undo(b, i, e);
    i->intended = true;
    i->document = d;
    e = batch_release(b);
    i->document = NULL;
    return e;
}

static int deliver_one(struct batch *b, struct item *i, struct outcome *trouble)
{
    struct document d = DOCUMENT;
    struct outcome o = { 0 };
    int e = compose(b, i, &d, &o);
    if (!e)
        e = send_new(b, i, &d, &o);
    else if (e > 0 && !o.destination)
        e = batch_settle(b, i, &o);
    document_release(&d);
    if (e > 0)
        *trouble = o;
    return e;
}

int direct_deliver(struct batch *b, struct outcome *trouble)
{
    int e = 0;
    for (size_t k = 0; !e && k < b->n; k++)
        if (batch_is_open(&b->items[k], STAGES_NEW))
            e = deliver_one(b, &b->items[k], trouble);
    return e < 0 ? e : batch_settle_all(b, STAGES_NEW, trouble);
}

int direct_end_open(struct batch *b)
{
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        struct outcome ignored = { 0 };
        struct print_job job;
        if (!batch_is_open(i, 1 << STAGE_SPOOLED) || i->job.state != IPP_JSTATE_HELD)
            continue;
        int e = spooler_cancel(b->spooler, i->job.id, &ignored);
        if (e == 0)
            e = spooler_jobs(b->spooler, &i->job.id, 1, &job, &ignored);
        if (e < 0)
            return e;
        if (e == 0 && job.id)
            i->job = job;
    }
    return 0;
}

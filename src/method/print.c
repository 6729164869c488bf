/* A PIN letter through CUPS, in two steps that cannot be confused: a job is made held, under the delivery's UUID, and
 * gets its document; the intent is committed; the job is released, and followed to its end. Whatever an interrupted
 * attempt left is found again by that UUID: before the commit it is cancelled, after it it is adopted. */
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "print_item.h"
#include "print_spooler.h"

/* Letters of one commit; their documents lie at the spooler, held, for that long. */
enum { BATCH = 32, FENCES = 64 };

struct batch {
    struct desk *desk;
    struct spooler *spooler;
    struct item items[BATCH];
    size_t n;
    int fences[FENCES]; /* held jobs of interrupted attempts */
    size_t n_fences;
    bool accepted; /* print.confirm: the spooler's word is enough */
};

static bool is_open(const struct item *i, unsigned stages)
{
    return !i->done && (stages & 1U << i->parcel->stage);
}

enum {
    NEW = 1 << STAGE_FRESH | 1 << STAGE_BEGUN,
    OLD = 1 << STAGE_RELEASING | 1 << STAGE_SPOOLED,
};

static size_t count_open(const struct batch *b, unsigned stages)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += is_open(&b->items[i], stages);
    return n;
}

static int settle(struct batch *b, struct item *i, struct outcome *o)
{
    if (!o->evidence)
        o->evidence = item_evidence(i, spooler_printer(b->spooler));
    int r = b->desk->report(b->desk, i->parcel, o);
    i->done = true;
    outcome_release(o);
    return r;
}

/* The same trouble for all open items of these stages: a letter that may be at the printer stays `spooled`, so that
 * it is looked for again and never made anew. */
static int settle_all(struct batch *b, unsigned stages, const struct outcome *trouble)
{
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (!is_open(i, stages))
            continue;
        struct outcome o = *trouble;
        o.kind = i->intended ? OUTCOME_SPOOLED : OUTCOME_DEFERRED;
        o.evidence = NULL;
        int r = settle(b, i, &o);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Before the intent a job is a leftover: cancelled when it is held, of no meaning when it has ended unprinted. One
 * that went further was released by somebody: it counts, so that nothing is printed twice. */
static void consider_leftover(struct batch *b, struct item *i, const struct print_job *job)
{
    if (job->state == IPP_JSTATE_CANCELED || job->state == IPP_JSTATE_ABORTED)
        return;
    if (job->state != IPP_JSTATE_HELD)
        item_consider(i, job);
    else if (b->n_fences < FENCES)
        b->fences[b->n_fences++] = job->id;
}

static void consider_all(void *userdata, const struct print_job *job)
{
    struct batch *b = userdata;
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        if (!print_job_is(job, &i->parcel->job_uuid))
            continue;
        if (is_open(i, 1 << STAGE_BEGUN))
            consider_leftover(b, i, job);
        else if (is_open(i, OLD))
            item_consider(i, job);
    }
}

/* By the ids that earlier attempts noted: cheap, and enough as long as the UUIDs agree. */
static int find_by_id(struct batch *b, struct outcome *trouble)
{
    int ids[BATCH];
    struct item *of[BATCH];
    struct print_job jobs[BATCH];
    size_t n = 0;
    for (size_t k = 0; k < b->n; k++)
        if (is_open(&b->items[k], OLD) && b->items[k].known_id > 0) {
            of[n] = &b->items[k];
            ids[n++] = b->items[k].known_id;
        }
    int e = spooler_jobs(b->spooler, ids, n, jobs, trouble);
    for (size_t k = 0; !e && k < n; k++)
        if (jobs[k].id && print_job_is(&jobs[k], &of[k]->parcel->job_uuid))
            item_consider(of[k], &jobs[k]);
    return e;
}

static int find(struct batch *b, struct outcome *trouble)
{
    size_t lost = count_open(b, 1 << STAGE_BEGUN);
    int e = find_by_id(b, trouble);
    if (e)
        return e;
    for (size_t k = 0; k < b->n; k++)
        lost += is_open(&b->items[k], OLD) && !b->items[k].job.id;
    return lost ? spooler_each(b->spooler, consider_all, b, trouble) : 0;
}

/* The intent is committed: the one place from which a letter comes out. 0; 1 with TROUBLE of the destination, the
 * letter is settled all the same: released or not, nobody knows now, and the next look at the job will tell. */
static int release(struct batch *b, struct item *i, struct outcome *trouble)
{
    struct outcome o = { 0 };
    int e = spooler_release(b->spooler, i->job.id, &o);
    if (e < 0)
        return e;
    o.kind = OUTCOME_SPOOLED;
    if (e == 0)
        item_released(i, spooler_printer(b->spooler), b->accepted, &o);
    else if (e == SPOOLER_GONE)
        outcome_set(&o, OUTCOME_SPOOLED, "job-gone", "The held job was not there when it was to be released.");
    *trouble = o;
    trouble->evidence = NULL;
    bool destination = o.destination;
    int r = settle(b, i, &o);
    return r < 0 ? r : destination;
}

/* Trouble with the printer that its waiting jobs feel too. */
static void look_for_trouble(struct batch *b, struct outcome *ret)
{
    struct print_printer printer;
    if (spooler_look(b->spooler, &printer, ret) == 0)
        print_printer_trouble(&printer, spooler_printer(b->spooler), false, ret);
}

/* What became of letters whose release was committed, or that turn out to be released. */
static int follow(struct batch *b)
{
    struct outcome stopped = { 0 };
    bool looked = false;
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        struct outcome o = { 0 };
        if (!is_open(i, OLD) && !(is_open(i, 1 << STAGE_BEGUN) && i->job.id))
            continue;
        item_judge(i, spooler_printer(b->spooler), b->accepted, &o);
        if (o.kind == OUTCOME_SPOOLED && !looked)
            look_for_trouble(b, &stopped);
        looked |= o.kind == OUTCOME_SPOOLED;
        if (o.kind == OUTCOME_SPOOLED && stopped.code[0]) {
            outcome_set(&o, OUTCOME_SPOOLED, stopped.code, "%s", stopped.reason);
            o.destination = stopped.destination;
        }
        int r = settle(b, i, &o);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Held jobs of interrupted attempts are cancelled before anything is made anew. */
static int fence(struct batch *b, struct outcome *trouble)
{
    for (size_t k = 0; k < b->n_fences; k++) {
        int e = spooler_cancel(b->spooler, b->fences[k], trouble);
        if (e && e != SPOOLER_GONE)
            return e;
    }
    return 0;
}

/* Takes back what is held and not intended. When the server does not answer, the next attempt finds it by its UUID.
 */
static int take_back(struct batch *b, struct item *i)
{
    struct outcome ignored = { 0 };
    int e = i->made ? spooler_cancel(b->spooler, i->job.id, &ignored) : 0;
    i->made = i->prepared = false;
    return e == SPOOLER_GONE ? 0 : e;
}

static void take_back_all(struct batch *b)
{
    bool answers = true;
    for (size_t k = 0; k < b->n; k++) {
        b->items[k].made &= answers && !b->items[k].intended;
        answers = take_back(b, &b->items[k]) == 0 && answers;
    }
}

static int check_held(struct item *i, const struct print_job *j, struct outcome *trouble)
{
    if (j->state == IPP_JSTATE_HELD)
        return 0;
    outcome_set(trouble, OUTCOME_DEFERRED, "not-held", "The job %d is not held as it was told to be.", i->job.id);
    trouble->destination = true;
    return 1;
}

static int hand_in(struct batch *b, struct item *i, const struct document *d, struct outcome *trouble)
{
    char name[UUID_TEXT];
    struct print_job sent;
    int e = spooler_create(b->spooler, uuid_format(&i->parcel->id, name), &i->parcel->job_uuid, &i->job, trouble);
    if (e)
        return e;
    i->made = true;
    i->pages = d->pages;
    e = check_held(i, &i->job, trouble);
    if (!e)
        e = spooler_send(b->spooler, i->job.id, d, &sent, trouble);
    return e ? e : check_held(i, &sent, trouble);
}

/* One letter, to the point where only the release is missing. 0, also when the letter was settled otherwise; 1 with
 * TROUBLE of the destination; negative: this worker cannot go on. */
static int prepare(struct batch *b, struct item *i, struct outcome *trouble)
{
    struct document d = DOCUMENT;
    struct outcome o = { 0 };
    b->desk->deadline(b->desk, 0); /* composing is the desk's, with a deadline of its own */
    int e = b->desk->compose(b->desk, i->parcel, &d, &o);
    if (!e)
        e = hand_in(b, i, &d, &o);
    document_release(&d);
    i->prepared = e == 0;
    if (e <= 0)
        return e;
    take_back(b, i);
    if (!o.destination)
        return settle(b, i, &o);
    *trouble = o;
    return 1;
}

/* Is what the server has what we sent? A restarted server may have given the id to another job. */
static int verify(struct batch *b, struct outcome *trouble)
{
    int ids[BATCH];
    struct item *of[BATCH];
    struct print_job jobs[BATCH];
    size_t n = 0;
    for (size_t k = 0; k < b->n; k++)
        if (b->items[k].prepared) {
            of[n] = &b->items[k];
            ids[n++] = b->items[k].job.id;
        }
    int e = spooler_jobs(b->spooler, ids, n, jobs, trouble);
    for (size_t k = 0; !e && k < n; k++) {
        struct outcome o = { 0 };
        if (item_is_ready(of[k], &jobs[k], &o))
            continue;
        if (print_job_is(&jobs[k], &of[k]->parcel->job_uuid))
            take_back(b, of[k]);
        of[k]->made = of[k]->prepared = false;
        e = settle(b, of[k], &o);
    }
    return e;
}

static int commit(struct batch *b)
{
    struct parcel *parcels[BATCH];
    json_t *evidence[BATCH];
    size_t n = 0;
    for (size_t k = 0; k < b->n; k++)
        if (b->items[k].prepared) {
            parcels[n] = b->items[k].parcel;
            evidence[n++] = item_evidence(&b->items[k], spooler_printer(b->spooler));
        }
    b->desk->deadline(b->desk, 0); /* how long a commit may take is the desk's business */
    int r = n ? b->desk->mark_all(b->desk, parcels, (const json_t *const *)evidence, n) : 0;
    for (size_t k = 0; k < n; k++)
        json_decref(evidence[k]);
    return r;
}

/* Nothing irreversible has happened to the prepared ones, and nothing may. A dispatcher that said no is there to be
 * worked for. */
static int undo(struct batch *b, int r)
{
    struct outcome o = { 0 };
    outcome_set(&o, OUTCOME_DEFERRED, "not-committed", "The release of the letter was not committed.");
    take_back_all(b);
    int e = settle_all(b, NEW, &o);
    return e < 0 ? e : r == -ECANCELED ? 0 : r;
}

/* Releases what is held by intent, of this attempt or of one that was interrupted right after the commit. */
static int release_all(struct batch *b)
{
    struct outcome trouble = { 0 };
    int r = 0;
    for (size_t k = 0; k < b->n && r == 0; k++)
        if (!b->items[k].done && item_wants_release(&b->items[k]))
            r = release(b, &b->items[k], &trouble);
    for (size_t k = 0; k < b->n && r > 0; k++)
        if (!b->items[k].done && item_wants_release(&b->items[k])) {
            struct outcome o = trouble;
            int e = settle(b, &b->items[k], &o);
            r = e < 0 ? e : r;
        }
    return r < 0 ? r : 0;
}

static int prepare_all(struct batch *b, struct outcome *trouble)
{
    struct print_printer printer;
    int e = spooler_look(b->spooler, &printer, trouble);
    trouble->kind = OUTCOME_DEFERRED;
    if (!e)
        e = print_printer_trouble(&printer, spooler_printer(b->spooler), true, trouble);
    for (size_t k = 0; !e && k < b->n; k++)
        if (is_open(&b->items[k], NEW))
            e = prepare(b, &b->items[k], trouble);
    return e;
}

/* Trouble with the destination ends the making; what is prepared by then still goes out. */
static int deliver_new(struct batch *b)
{
    struct outcome trouble = { 0 };
    int e = prepare_all(b, &trouble);
    int v = e < 0 ? e : verify(b, &trouble);
    if (v > 0)
        take_back_all(b);
    e = v < 0 ? v : commit(b);
    if (e < 0)
        return undo(b, e);
    for (size_t k = 0; k < b->n; k++)
        b->items[k].intended |= b->items[k].prepared;
    e = release_all(b);
    return e < 0 ? e : settle_all(b, NEW, &trouble);
}

static int work(struct batch *b)
{
    struct outcome trouble = { 0 };
    int e = find(b, &trouble);
    if (e == 0)
        e = fence(b, &trouble);
    if (e < 0)
        return e;
    if (e > 0)
        return settle_all(b, NEW | OLD, &trouble);
    e = release_all(b);
    if (e == 0)
        e = follow(b);
    return e < 0 || !count_open(b, NEW) ? e : deliver_new(b);
}

static int print_deliver(struct desk *d, void *session)
{
    struct batch b = { .desk = d, .spooler = session };
    struct parcel *p;
    int r = 0;
    b.accepted = strcmp(settings_text(d->settings, "print.confirm"), "accepted") == 0;
    do {
        b.n = b.n_fences = 0;
        while (b.n < BATCH && (p = d->next(d)))
            item_begin(&b.items[b.n++], p);
        r = b.n ? work(&b) : 0;
        d->deadline(d, 0);
    } while (r >= 0 && b.n);
    return r;
}

static int print_open(struct desk *d, void **ret_session)
{
    struct spooler *s = NULL;
    int r = spooler_new(d, &s);
    *ret_session = s;
    return r;
}

static void print_close(void *session)
{
    spooler_free(session);
}

static const char *const confirmations[] = { "completed", "accepted", NULL };

static const struct setting settings[] = {
    { .name = "print.printer",
      .type = SETTING_TEXT,
      .standard = "pin",
      .help = "The CUPS queue that letters go to." },
    { .name = "print.server",
      .type = SETTING_TEXT,
      .standard = "/run/cups/cups.sock",
      .check = spooler_check_server,
      .help = "The CUPS server of this machine: its socket, or localhost with an optional port." },
    { .name = "print.template", .type = SETTING_TEXT, .standard = "letter.svg", .help = "The letter's template." },
    { .name = "print.media",
      .type = SETTING_TEXT,
      .standard = "iso_a4_210x297mm",
      .help = "The paper, by its IPP name (PWG 5101.1)." },
    { .name = "print.confirm",
      .type = SETTING_CHOICE,
      .standard = "completed",
      .choices = confirmations,
      .help = "Whose word makes a letter delivered: the printer's (completed) or the spooler's (accepted)." },
    { .name = "print.window",
      .type = SETTING_INTEGER,
      .standard = "48",
      .least = 1,
      .most = 400,
      .help = "Letters that are kept at the spooler at once; the others wait here." },
    { 0 },
};

const struct method method_print = {
    .names = { "print", "print" },
    .flags = METHOD_FENCED,
    .document = DOCUMENT_LETTER,
    .settings = settings,
    .workers = "workers.print",
    .destination = "print.printer",
    .open = print_open,
    .deliver = print_deliver,
    .close = print_close,
};

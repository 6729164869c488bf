/* A PIN letter through CUPS, in two steps that cannot be confused: a job is made held, under the delivery's UUID, and
 * gets its document; the intent is committed; the job is released, and followed to its end. Whatever an interrupted
 * attempt left is found again by that UUID: before the commit it is cancelled, after it it is adopted. */
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/media.h>

#include "print_batch.h"
#include "print_direct.h"
#include "print_former.h"
#include "print_target.h"

/* Nothing is said to the dispatcher while a batch is made: it must end before a silent worker counts as lost. */
enum { PATIENCE_SECONDS = 30 };

/* Takes back what is held and not intended. When the server does not answer, the next attempt finds it by its UUID.
 */
static int take_back(struct batch *b, struct item *i)
{
    struct outcome ignored = { 0 };
    int e = i->made ? spooler_cancel(b->spooler, i->job.id, &ignored) : 0;
    i->made = i->prepared = false;
    return e == SPOOLER_GONE || e == SPOOLER_UNFIT ? 0 : e;
}

static void take_back_all(struct batch *b)
{
    bool answers = true;
    for (size_t k = 0; k < b->n; k++) {
        b->items[k].made &= answers && !b->items[k].intended;
        answers = take_back(b, &b->items[k]) == 0 && answers;
    }
}

/* A server that does not hold is no server for us. */
static int check_held(const struct print_job *j, struct outcome *trouble)
{
    if (j->state == IPP_JSTATE_HELD)
        return 0;
    outcome_set(trouble, OUTCOME_DEFERRED, "not-held", "The job %d is not held although it was to be.", j->id);
    trouble->destination = true;
    return 1;
}

static int hand_in(struct batch *b, struct item *i, const struct document *d, struct outcome *trouble)
{
    char name[UUID_TEXT];
    struct print_job sent;
    i->place = *spooler_place(b->spooler);
    i->tried = true;
    i->life[0] = '\0';
    i->seen = (struct law_sight){ 0 };
    i->again = false;
    int e = spooler_create(b->spooler, uuid_format(&i->parcel->id, name), &i->parcel->job_uuid, &i->job, trouble);
    if (e)
        return e;
    CRASH_POINT("print.created");
    i->made = true;
    i->known_id = i->job.id;
    i->pages = d->pages;
    e = check_held(&i->job, trouble);
    if (!e)
        e = spooler_send(b->spooler, i->job.id, d, &sent, trouble); /* verify() sees who touched it meanwhile */
    CRASH_POINT("print.sent");
    return e;
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
        return batch_settle(b, i, &o);
    *trouble = o;
    return 1;
}

/* Somebody released it while it was made, and paper can come of it: it is followed, and nothing is made anew. */
static int follow_released(struct batch *b, struct item *i, const struct print_job *job)
{
    struct outcome o = { 0 };
    i->job = *job;
    i->made = i->prepared = false;
    item_judge(i, &b->habits->law, b->accepted, &o);
    return batch_settle(b, i, &o);
}

/* What is not as it was sent is not released. Is it ours at all? A server that was restarted may have given the
 * number to another job; over the same connection it was not. */
static int refuse(struct batch *b, struct item *i, const struct print_job *job, bool same, struct outcome *o)
{
    if (item_is(i, job) || (same && job->id == i->job.id && !job->uuid[0]))
        take_back(b, i);
    i->made = i->prepared = false;
    return o->destination ? 1 : batch_settle(b, i, o);
}

/* The prepared items, and how the server has their jobs now. */
struct check {
    int ids[BATCH];
    struct item *of[BATCH];
    struct print_job jobs[BATCH];
    size_t n;
    bool all_lost; /* a server that loses each of the jobs that we make is no server for us */
};

static int verify_one(struct batch *b, const struct check *c, size_t k, struct outcome *trouble)
{
    struct item *i = c->of[k];
    const struct print_job *job = &c->jobs[k];
    struct outcome o = { 0 };
    if (item_is_ready(i, job, &o))
        return 0;
    if (item_is(i, job) && item_went_on(job))
        return follow_released(b, i, job);
    bool hidden = job->id == i->job.id && !job->uuid[0];
    if (hidden)
        outcome_set(
            &o, OUTCOME_DEFERRED, "job-hidden",
            "The CUPS server does not show us our own jobs: JobPrivateAccess must let in the owner (@OWNER).");
    o.destination = hidden || c->all_lost;
    int e = refuse(b, i, job, b->connection == spooler_since(b->spooler), &o);
    if (e > 0)
        *trouble = o;
    return e < 0 ? e : 0;
}

static bool all_are_lost(const struct check *c)
{
    for (size_t k = 0; k < c->n; k++)
        if (c->jobs[k].id && item_is(c->of[k], &c->jobs[k]))
            return false;
    return c->n > 0;
}

/* Is what the server has what we sent? */
static int verify(struct batch *b, struct outcome *trouble)
{
    struct check c = { .n = 0 };
    for (size_t k = 0; k < b->n; k++)
        if (b->items[k].prepared) {
            c.of[c.n] = &b->items[k];
            c.ids[c.n++] = b->items[k].job.id;
        }
    struct print_life life;
    int e = c.n ? spooler_life(b->spooler, &life, trouble) : 0;
    if (!e)
        e = spooler_jobs(b->spooler, c.ids, c.n, c.jobs, trouble);
    c.all_lost = all_are_lost(&c);
    for (size_t k = 0; !e && k < c.n; k++) {
        item_look(c.of[k], batch_now(b), &life, &life);
        e = verify_one(b, &c, k, trouble);
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
            evidence[n++] = item_evidence(&b->items[k], NULL);
        }
    b->desk->deadline(b->desk, 0); /* how long a commit may take is the desk's business */
    int r = n ? b->desk->mark_all(b->desk, parcels, (const json_t *const *)evidence, n) : 0;
    for (size_t k = 0; k < n; k++)
        json_decref(evidence[k]);
    return r;
}

/* Nothing irreversible has happened to the prepared ones, and nothing may. A dispatcher that said no is there to be
 * worked for. One that is gone may have committed what it heard: the held jobs are then the next attempt's, which
 * releases them, or fences them when it finds no intent. */
static int undo(struct batch *b, int r)
{
    struct outcome o = { 0 };
    outcome_set(&o, OUTCOME_DEFERRED, "not-committed", "The release of the letter was not committed.");
    if (r == -ECANCELED || r == -EPIPE)
        take_back_all(b);
    return r != -ECANCELED ? r : batch_settle_all(b, STAGES_NEW, &o);
}

static bool is_late(int64_t start)
{
    return clock_monotonic() - start > PATIENCE_SECONDS * MICROSECONDS_PER_SECOND;
}

static int too_slow(struct outcome *trouble)
{
    outcome_set(trouble, OUTCOME_DEFERRED, "spooler-slow", "The CUPS server takes very long for each letter.");
    trouble->destination = true;
    return 1;
}

/* Before new letters: is the printer there for them, and the queue fit? */
static int look(struct batch *b, struct outcome *trouble)
{
    bool queue = !spooler_is_direct(b->spooler);
    struct print_printer printer;
    struct print_life life = { .name = "" };
    int e = queue ? spooler_life(b->spooler, &life, trouble) : 0;
    if (!e)
        e = batch_learn(b, false);
    b->watch->facts.counts_nothing = b->habits->law.counting == LAW_SILENT;
    b->watch->facts.tells_no_starts = life.untold;
    if (!e)
        e = spooler_look(b->spooler, &printer, queue ? &b->watch->facts : NULL, trouble);
    trouble->kind = OUTCOME_DEFERRED;
    if (!e)
        e = print_printer_trouble(&printer, spooler_printer(b->spooler), true, trouble);
    return !e && queue ? watch_judge(b->watch, b->desk, b->spooler, trouble) : e;
}

static int prepare_all(struct batch *b, struct outcome *trouble)
{
    int64_t start = clock_monotonic();
    int e = look(b, trouble);
    b->connection = spooler_since(b->spooler);
    for (size_t k = 0; !e && k < b->n; k++)
        if (batch_is_open(&b->items[k], STAGES_NEW))
            e = is_late(start) ? too_slow(trouble) : prepare(b, &b->items[k], trouble);
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
    CRASH_POINT("print.verified");
    e = v < 0 ? v : commit(b);
    if (e < 0)
        return undo(b, e);
    for (size_t k = 0; k < b->n; k++)
        b->items[k].intended |= b->items[k].prepared;
    e = batch_release(b);
    return e < 0 ? e : batch_settle_all(b, STAGES_NEW, &trouble);
}

/* The same at a printer without a spool. */
static int deliver_direct(struct batch *b)
{
    struct outcome trouble = { 0 };
    int e = look(b, &trouble);
    if (e > 0)
        return batch_settle_all(b, STAGES_NEW, &trouble);
    return e < 0 ? e : direct_deliver(b, &trouble);
}

/* What a worker keeps from one batch to the next. */
struct session {
    struct spooler *spooler;
    struct print_habits habits;
    struct print_former former;
    struct print_watch watch;
    struct print_direct direct;
};

static int work(struct batch *b, struct session *s)
{
    struct outcome trouble = { 0 };
    bool direct = spooler_is_direct(s->spooler);
    int e = former_work(&s->former, b);
    if (!e && direct)
        e = direct_prepare(&s->direct, b->desk, s->spooler, &trouble);
    if (!e)
        e = batch_find(b, &trouble);
    CRASH_POINT("print.found");
    if (e == 0)
        e = batch_fence(b, &trouble);
    if (e < 0)
        return e;
    if (e > 0)
        return batch_settle_all(b, STAGES_NEW | STAGES_OLD, &trouble);
    e = direct ? direct_end_open(b) : 0;
    if (e == 0)
        e = batch_release(b);
    if (e == 0)
        e = batch_follow(b);
    if (e < 0 || !batch_count(b, STAGES_NEW))
        return e;
    return direct ? deliver_direct(b) : deliver_new(b);
}

static int print_deliver(struct desk *d, void *userdata)
{
    struct session *s = userdata;
    struct batch b = { .desk = d, .spooler = s->spooler, .watch = &s->watch, .habits = &s->habits };
    struct parcel *p;
    int r = 0;
    b.release = spooler_is_direct(s->spooler) ? direct_release : batch_release_held;
    b.accepted = strcmp(settings_text(d->settings, "print.confirm"), "accepted") == 0;
    do {
        b.n = b.n_fences = 0;
        while (b.n < BATCH && (p = d->next(d)))
            item_begin(&b.items[b.n++], p, spooler_place(s->spooler));
        r = b.n ? work(&b, s) : 0;
        d->deadline(d, 0);
    } while (r >= 0 && b.n);
    return r;
}

static int print_tidy(struct desk *d, void *userdata)
{
    struct session *s = userdata;
    int r = spooler_is_direct(s->spooler) ? 0 : print_sweep(d, s->spooler); /* no job is held there */
    int f = r < 0 ? 0 : former_sweep(&s->former, d);
    return r < 0 || f < 0 ? (r < 0 ? r : f) : r || f;
}

static int print_open(struct desk *d, void **ret_session)
{
    struct session *s = calloc(1, sizeof(*s));
    int r = s ? spooler_new(d, NULL, &s->spooler) : -ENOMEM;
    *ret_session = s;
    return r;
}

static void print_close(void *userdata)
{
    struct session *s = userdata;
    if (s) {
        former_close(&s->former);
        spooler_free(s->spooler);
    }
    free(s);
}

static const char *const confirmations[] = { "completed", "accepted", NULL };

static int check_media(const char *value, struct problem *p)
{
    double width, height;

    return media_size(value, &width, &height)
               ? 0
               : problem_set(p, "media", "",
                             "there is no such size of paper: a name of PWG 5101.1 is needed, such as "
                             "iso_a4_210x297mm or na_letter_8.5x11in");
}

static const char *const guards[] = { "warn", "require", NULL };

static const char *const sides[] = { "one-sided", "two-sided-long-edge", "two-sided-short-edge", NULL };

static const char *const tls_choices[] = { "required", PRINT_CLEAR_ANYWHERE, NULL };

static const struct setting settings[] = {
    { .name = "print.printer",
      .type = SETTING_TEXT,
      .standard = "pin",
      .check = print_target_check_printer,
      .help = "The CUPS queue that letters go to, or a printer of its own as \"ipps://HOST/ipp/print\"." },
    { .name = "print.server",
      .type = SETTING_TEXT,
      .standard = "/run/cups/cups.sock",
      .check = print_target_check_server,
      .help = "The CUPS server: its socket, localhost with an optional port, or by TLS \"ipps://HOST:PORT\"." },
    { .name = "print.tls",
      .type = SETTING_CHOICE,
      .standard = "required",
      .choices = tls_choices,
      .help = "required: letters leave this machine by TLS only; " PRINT_CLEAR_ANYWHERE
              ": everybody on the way to an \"ipp://\" server or printer can read the PINs." },
    { .name = "print.ca_file",
      .type = SETTING_PATH,
      .standard = "",
      .help = "The CA certificates (PEM) that an \"ipps\" server's certificate must lead to; empty: the system's." },
    { .name = "print.crl_file",
      .type = SETTING_PATH,
      .standard = "",
      .help = "The revocation lists (PEM) of the CAs in the server's chain; empty: revocation is not looked at." },
    { .name = "print.pinned_key",
      .type = SETTING_TEXT,
      .standard = "",
      .check = print_target_check_key,
      .help = "The server's public key as \"sha256//BASE64\" (RFC 7469); with it, chain and name are not asked." },
    { .name = "print.template", .type = SETTING_TEXT, .standard = "letter.svg", .help = "The letter's template." },
    { .name = "print.media",
      .check = check_media,
      .type = SETTING_TEXT,
      .standard = "iso_a4_210x297mm",
      .help = "The paper, by its IPP name (PWG 5101.1)." },
    { .name = "print.sides",
      .type = SETTING_CHOICE,
      .standard = "one-sided",
      .choices = sides,
      .help = "How a letter of several pages is printed on its sheets (RFC 8011 section 5.2.8)." },
    { .name = "print.confirm",
      .type = SETTING_CHOICE,
      .standard = "completed",
      .choices = confirmations,
      .help = "Whose word makes a letter delivered: the printer's (completed) or the spooler's (accepted)." },
    { .name = "print.spool_guard",
      .type = SETTING_CHOICE,
      .standard = "warn",
      .choices = guards,
      .help =
          "What a queue that is unsafe for PINs means: letters go there and it is told (warn), or wait (require)." },
    { .name = "print.stuck_after",
      .type = SETTING_DURATION,
      .standard = "2m",
      .least = MICROSECONDS_PER_SECOND,
      .most = 7 * 86400 * MICROSECONDS_PER_SECOND,
      .help = "When nothing has moved at the printer for so long, and for longer than its letters take, that is "
              "trouble." },
    { .name = "print.former",
      .type = SETTING_LIST,
      .standard = "",
      .check = print_target_check_server,
      .help = "CUPS servers that print.server named before: letters that are there are followed to their end." },
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
    .flags = METHOD_FENCED | METHOD_STEPS_BACK,
    .document = DOCUMENT_LETTER,
    .settings = settings,
    .workers = "workers.print",
    .window = "print.window",
    .destination = "print.printer",
    .warn = print_target_warn,
    .open = print_open,
    .deliver = print_deliver,
    .tidy = print_tidy,
    .close = print_close,
};

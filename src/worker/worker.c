#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "confine.h"
#include <pindispatch/config.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/json.h>
#include <pindispatch/log.h>
#include <pindispatch/protocol.h>
#include <pindispatch/secret.h>

static struct worker *worker_of(struct desk *d)
{
    return (struct worker *)d;
}

static int say(struct worker *w, struct buffer *line, int r)
{
    if (r == 0)
        r = lines_write(w->fd, buffer_bytes(line), buffer_size(line));
    buffer_release(line);
    return r;
}

/* Each step of a mail arms it anew: within a second of what is wanted it stays, without a system call. */
static void arm_deadline(struct worker *w, unsigned seconds)
{
    int64_t at = seconds ? clock_monotonic() + seconds * MICROSECONDS_PER_SECOND : 0;

    if (llabs(at - w->deadline) < MICROSECONDS_PER_SECOND)
        return;
    alarm(seconds);
    w->deadline = at;
}

static int queue_parcel(struct worker *w, struct order *o)
{
    struct item *item = calloc(1, sizeof(*item)), **last = &w->items;

    if (!item)
        return -ENOMEM;
    item->claim = o->kind == ORDER_PREPARE ? ITEM_AHEAD : ITEM_CLAIMED;
    item->parcel = o->parcel;
    o->parcel = (struct parcel){ .event = NULL };
    while (*last)
        last = &(*last)->next;
    *last = item;
    return 0;
}

static void settle_claims(struct worker *w, bool committed)
{
    for (struct item *item = w->items; item; item = item->next)
        if (item->claim == ITEM_AHEAD)
            item->claim = committed ? ITEM_CLAIMED : ITEM_DROPPED;
}

static int obey(struct worker *w, struct order *o)
{
    switch (o->kind) {
    case ORDER_DELIVER:
    case ORDER_PREPARE:
        return queue_parcel(w, o);
    case ORDER_CLAIMED:
    case ORDER_DROPPED:
        settle_claims(w, o->kind == ORDER_CLAIMED);
        return 0;
    case ORDER_GO:
        w->answer = ANSWER_GO;
        return 0;
    case ORDER_STOP:
        w->answer = ANSWER_STOP;
        return 0;
    case ORDER_TIDY:
        w->tidy = true;
        return 0;
    case ORDER_CLEAR:
        memcpy(w->left, o->left, sizeof(w->left));
        w->n_left = o->n_left;
        w->answer = ANSWER_CLEAR;
        return 0;
    case ORDER_QUIT:
        w->quit = true;
        return 0;
    case ORDER_SETUP:
        break;
    }
    return -EPROTO;
}

/* Takes one order. 0; -EAGAIN when none is there and WAIT is false; -EPIPE: the dispatcher is gone. */
static int listen_once(struct worker *w, bool wait)
{
    struct order o;
    char *line;
    size_t size;
    int r = lines_next(&w->input, wait, &line, &size);

    if (r <= 0)
        return r == 0 ? -EPIPE : r;
    r = order_parse(line, size, &o);
    if (r < 0)
        return r;
    r = obey(w, &o);
    order_release(&o);
    return r;
}

static struct item *first_free(struct worker *w)
{
    struct item *item = w->items;

    while (item && item->taken)
        item = item->next;
    return item;
}

static struct parcel *desk_next(struct desk *d)
{
    struct worker *w = worker_of(d);
    struct item *item = first_free(w);

    while (!item && !w->quit && listen_once(w, false) == 0)
        item = first_free(w);
    if (!item || w->tidy)
        return NULL;
    CRASH_POINT("worker.taken");
    item->taken = true;
    return &item->parcel;
}

/* There is nothing in hand: nothing of what was is to be found. */
static void rest(struct worker *w)
{
    composer_forget(w->composer);
    secret_wipe_stack();
}

/* Not by poll(), which is the mail's guard's in this executable. */
static bool desk_wait(struct desk *d, int other, int64_t time)
{
    struct worker *w = worker_of(d);
    struct pollfd fds[] = { { .fd = w->fd, .events = POLLIN }, { .fd = other, .events = POLLIN } };
    struct timespec left = { .tv_sec = time / MICROSECONDS_PER_SECOND,
                             .tv_nsec = time % MICROSECONDS_PER_SECOND * 1000 };

    rest(w);
    if (w->quit || ppoll(fds, ARRAY_SIZE(fds), &left, NULL) <= 0 || fds[1].revents)
        return false;
    return listen_once(w, true) == 0 && first_free(w);
}

/* 0, or -errno: the dispatcher is gone. Its commit takes its own time, not the method's. */
static int await_claim(struct worker *w, const struct item *item)
{
    int r = 0;

    if (item->claim == ITEM_AHEAD)
        arm_deadline(w, 0);
    while (r == 0 && item->claim == ITEM_AHEAD)
        r = listen_once(w, true);
    return r;
}

static int desk_compose(struct desk *d, const struct parcel *p, struct document *ret, struct outcome *trouble)
{
    struct worker *w = worker_of(d);
    struct item *item = (struct item *)p;
    int r = composer_compose(w->composer, p, d->form, ret, trouble), e;

    secret_wipe_stack();
    CRASH_POINT("worker.composed");
    if (r == 0)
        snprintf(item->template_hash, sizeof(item->template_hash), "%s", ret->template_hash);
    e = await_claim(w, item);
    if (e < 0 || item->claim == ITEM_CLAIMED)
        return e < 0 ? e : r;
    document_release(ret);
    outcome_set(trouble, OUTCOME_DEFERRED, "not-claimed", "the claim of this delivery was not committed");
    return 1;
}

static int await_answer(struct worker *w)
{
    int r = 0;

    while (r == 0 && w->answer == ANSWER_NONE)
        r = listen_once(w, true);
    return r;
}

static int desk_mark_all(struct desk *d, struct parcel *const *p, const json_t *const *evidence, size_t n)
{
    struct worker *w = worker_of(d);
    struct buffer line = BUFFER(PROTOCOL_LINE);
    int r;

    /* Waiting for the commit is the dispatcher's time, not the method's. */
    arm_deadline(w, 0);
    w->answer = ANSWER_NONE;
    CRASH_POINT("worker.marking");
    r = say(w, &line, word_add_mark(&line, p, evidence, n));
    if (r < 0)
        return -EPIPE;
    r = await_answer(w);
    if (r < 0)
        return -ENOTCONN;
    if (w->answer == ANSWER_STOP)
        r = -ECANCELED;
    CRASH_POINT("worker.marked");
    return r;
}

static int desk_mark(struct desk *d, const struct parcel *p, const json_t *evidence)
{
    struct parcel *one = (struct parcel *)p;

    return desk_mark_all(d, &one, &evidence, 1);
}

static int desk_begin(struct desk *d, const struct parcel *p)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    int r;

    CRASH_POINT("worker.beginning");
    r = say(worker_of(d), &line, word_add_begin(&line, &p->id));
    CRASH_POINT("worker.begun");
    return r;
}

static void drop_item(struct worker *w, struct item *item)
{
    struct item **at = &w->items;

    while (*at && *at != item)
        at = &(*at)->next;
    if (*at)
        *at = item->next;
    parcel_release(&item->parcel);
    free(item);
}

static int desk_report(struct desk *d, struct parcel *p, const struct outcome *o)
{
    struct worker *w = worker_of(d);
    struct item *item = (struct item *)p;
    struct buffer line = BUFFER(PROTOCOL_LINE);
    int r = await_claim(w, item);

    CRASH_POINT("worker.reporting");
    if (r == 0 && item->claim == ITEM_CLAIMED)
        r = say(w, &line, word_add_outcome(&line, &p->id, o, item->template_hash));
    CRASH_POINT("worker.reported");
    secret_wipe_frames(); /* those below were wiped when the document was composed */

    drop_item(w, item);
    return r;
}

static int desk_credential(struct desk *d, const char *name, const char *credential, struct secret **ret,
                           struct problem *p)
{
    return config_credential(d->settings, name, credential, ret, p);
}

static int desk_findings(struct desk *d, const json_t *findings)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    return say(worker_of(d), &line, word_add_findings(&line, findings));
}

static int desk_leftovers(struct desk *d, struct waiting *waiting, size_t n)
{
    struct worker *w = worker_of(d);
    struct buffer line = BUFFER(PROTOCOL_LINE);
    int r;

    arm_deadline(w, 0);
    w->answer = ANSWER_NONE;
    r = say(w, &line, word_add_waiting(&line, waiting, n));
    if (r == 0)
        r = await_answer(w);
    if (r == 0 && (w->answer != ANSWER_CLEAR || w->n_left != n))
        r = -EPROTO;
    for (size_t i = 0; r == 0 && i < n; i++)
        waiting[i].left = w->left[i];
    return r;
}

static void desk_deadline(struct desk *d, unsigned seconds)
{
    arm_deadline(worker_of(d), seconds);
}

static const struct desk desk_functions = {
    .next = desk_next,
    .wait = desk_wait,
    .compose = desk_compose,
    .mark = desk_mark,
    .mark_all = desk_mark_all,
    .begin = desk_begin,
    .report = desk_report,
    .credential = desk_credential,
    .findings = desk_findings,
    .leftovers = desk_leftovers,
    .deadline = desk_deadline,
};

static const struct method *find_method(const char *name)
{
    const struct method *m = method_find(SECRET_PIN, name);

    return m ? m : method_find(SECRET_PUK, name);
}

static int take_setup(struct worker *w, const struct order *o, struct problem *p)
{
    int r = o->kind == ORDER_SETUP ? settings_new(w->schemas, &w->settings) : -EPROTO;

    if (r == 0)
        r = settings_from_json(w->settings, o->settings, p);
    if (r != 0)
        return r;
    w->method = find_method(o->method);
    if (!w->method)
        return problem_set(p, "method", "", "this worker knows no method \"%s\"", o->method);
    w->desk.settings = w->settings;
    return composer_new(w->settings, w->method, w->desk.clock, settings_flag(w->settings, "dry_run"), &w->composer,
                        p);
}

/* The first order. 0; 1: unfit, and the dispatcher knows; -errno. */
static int set_up(struct worker *w)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct problem p = { .code = "" };
    struct order o;
    char *text;
    size_t size;
    int r = lines_next(&w->input, true, &text, &size);

    if (r <= 0)
        return r == 0 ? -EPIPE : r;
    r = order_parse(text, size, &o);
    if (r < 0)
        return r;
    r = take_setup(w, &o, &p);
    order_release(&o);
    if (r == 0)
        r = worker_confine(&p);
    CRASH_POINT("worker.set-up");
    if (r == 0)
        return say(w, &line, word_add_plain(&line, WORD_READY));
    if (r > 0) {
        char reason[sizeof(p.where) + sizeof(p.message) + 2];

        snprintf(reason, sizeof(reason), "%s%s%s", p.where, *p.where ? ": " : "", p.message);
        say(w, &line, word_add_unfit(&line, p.code, reason));
    }
    return r;
}

static int tidy(struct worker *w, void *session)
{
    bool real = !settings_flag(w->settings, "dry_run");
    struct buffer line = BUFFER(PROTOCOL_LINE);
    int r;

    CRASH_POINT("worker.tidying");
    w->tidy = false;
    r = real && w->method->tidy ? w->method->tidy(&w->desk, session) : 0;
    arm_deadline(w, 0);
    CRASH_POINT("worker.tidied");
    return r < 0 ? r : say(w, &line, word_add_tidied(&line, r == 0));
}

static int deliver_all(struct worker *w, void *session)
{
    int r = 0;

    while (r == 0) {
        while (r == 0 && !first_free(w) && !w->quit && !w->tidy)
            r = listen_once(w, true);
        if (r == 0 && w->tidy) {
            r = tidy(w, session);
            continue;
        }
        if (r == 0 && !first_free(w))
            return 0;
        if (r == 0)
            r = settings_flag(w->settings, "dry_run") ? worker_rehearse(w) : w->method->deliver(&w->desk, session);
        arm_deadline(w, 0);
        rest(w);
    }
    return r;
}

enum { NICE = 10 };

/* A spooler prints one letter after the other, and while one is drawn it would wait for the processor. As the
 * administrator has it when that is further back; who may not steps back no further. */
static void step_back(void)
{
    if (getpriority(PRIO_PROCESS, 0) < NICE)
        setpriority(PRIO_PROCESS, 0, NICE);
}

static int serve(struct worker *w)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    void *session = NULL;
    int r = w->method->open ? w->method->open(&w->desk, &session) : 0;

    if (w->method->flags & METHOD_STEPS_BACK)
        step_back();
    if (r == 0)
        r = deliver_all(w, session);
    if (r == 0)
        r = say(w, &line, word_add_plain(&line, WORD_BYE));
    if (w->method->close)
        w->method->close(session);
    return r;
}

int worker_run(int fd, const struct clock *clock, const struct setting *const *schemas)
{
    struct worker w = { .desk = desk_functions, .fd = fd, .schemas = schemas };
    int r;

    w.desk.clock = clock;
    w.input = (struct lines){ .fd = fd, .input = BUFFER(PROTOCOL_LINE + 1) };
    r = set_up(&w);
    if (r == 0)
        r = serve(&w);
    while (w.items)
        drop_item(&w, w.items);
    composer_free(w.composer);
    settings_free(w.settings);
    buffer_release(&w.input.input);
    return r;
}

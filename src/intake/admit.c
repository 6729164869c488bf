#include "admit.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/log.h>
#include <pindispatch/method.h>
#include <pindispatch/seal.h>
#include <pindispatch/secret.h>
#include <pindispatch/settings.h>
#include <pindispatch/site.h>

enum {
    RETRY_BUSY = 1,                  /* seconds: memory comes back */
    RETRY_STORE = 5,                 /* seconds: a disk that is full or broken needs somebody */
    RETRY_FULL = 30,                 /* seconds: a long queue takes its time */
    PENDING_MOST = 32 * 1024 * 1024, /* bytes of events that wait for one commit */
    LOGGED_MOST = 20,                /* refusals logged a second: whoever floods us must not flood the log */
};

/* The sealed texts of one admission, until the store has them. */
struct seals {
    char *texts[SECRET_KINDS];
};

static void seals_cleanup(struct seals *s)
{
    for (size_t k = 0; k < SECRET_KINDS; k++)
        free(s->texts[k]);
}

static int refuse_for_now(struct ticket *t, const char *code, unsigned retry_after, const char *message)
{
    t->retry_after = retry_after;
    return problem_set(&t->problem, code, NULL, "%s", message);
}

static int refuse_by_store(struct ticket *t, int error)
{
    if (error == -ENOMEM || error == -EAGAIN || error == -EBUSY)
        return refuse_for_now(t, "busy", RETRY_BUSY, "there is too much to do; try again");
    return refuse_for_now(t, "store", RETRY_STORE, "the store cannot take the event; nothing of it was kept");
}

static int refuse_by_memory(struct ticket *t)
{
    return refuse_for_now(t, "busy", RETRY_BUSY, "out of memory; try again");
}

/* What is not over, due or not. */
static uint64_t count_waiting(const struct store_stat *s)
{
    return s->by_state[STATE_QUEUED] + s->by_state[STATE_SENDING] + s->by_state[STATE_SPOOLED] +
           s->by_state[STATE_DEFERRED] + s->by_state[STATE_HELD];
}

/* Asked of a good event before anything is done for it: a bad one is told for good what is wrong with it. */
static int check_store(struct ticket *t)
{
    const struct site *site = t->admit->site;

    if (commit_is_in_trouble(site->commit))
        return refuse_by_store(t, commit_trouble(site->commit)->error);
    if (t->admit->pending_bytes > PENDING_MOST)
        return refuse_for_now(t, "busy", RETRY_BUSY, "there is too much to do; try again");
    return 0;
}

/* Asked of an event that is new. */
static int check_queue(struct ticket *t)
{
    const struct site *site = t->admit->site;
    int64_t most = settings_integer(site->settings, "submit.max_waiting");
    struct store_stat stat;

    if (most > 0 && store_stat(site->store, &stat) == 0 && count_waiting(&stat) >= (uint64_t)most)
        return refuse_for_now(t, "busy", RETRY_FULL, "as many deliveries wait as may wait here; try again later");
    return 0;
}

static const struct method *method_of(const struct site *site, enum secret_kind kind)
{
    static const char *const names[SECRET_KINDS] = { "CardsPINDeliveryMethod", "CardsPUKDeliveryMethod" };

    return method_find(kind, settings_text(site->settings, names[kind]));
}

/* A test goes its own way, whatever is configured; see EVENT_TEST_TYPE for why that gives no PIN away. */
static const struct method *method_for(const struct ticket *t, enum secret_kind kind)
{
    const char *test = event_test_method(t->event);

    return test ? method_find(SECRET_PIN, test) : method_of(t->admit->site, kind);
}

/* Nobody can know whether a sealed text holds a PUK when its event does not say so. Where PUKs are not delivered
 * there is then no PUK to record. */
static bool is_wanted(const struct event *e, enum secret_kind kind, const struct method *m)
{
    return e->brings[kind] && (e->stated || kind != SECRET_PUK || !(m->flags & METHOD_KEEPS_NOTHING));
}

/* Each delivery of a clear secret gets a JWE of its own, with that secret and the password; a JWE that came is taken
 * as it is.
 */
static int close_secret(struct ticket *t, enum secret_kind kind, struct seals *s)
{
    const struct seal_binding binding = { .source = t->event->source, .id = t->event->id };
    struct secret *only[SECRET_PARTS] = { NULL };
    int r;

    if (t->event->sealed) {
        s->texts[kind] = strdup(t->event->sealed);
        return s->texts[kind] ? 0 : refuse_by_memory(t);
    }
    only[kind] = t->event->secrets[kind];
    only[SECRET_PASSWORD] = t->event->secrets[SECRET_PASSWORD];
    r = seal_close(seal_ring_newest(t->admit->site->keys), only, &binding, &s->texts[kind]);
    if (r == -ENOMEM)
        return refuse_by_memory(t);
    return r == 0 ? 0 : refuse_for_now(t, "busy", RETRY_BUSY, "the secret could not be sealed; try again");
}

static int add_item(struct ticket *t, enum secret_kind kind, const struct method *m, struct seals *s)
{
    struct admitted *item = &t->admission.items[t->admission.n];
    bool keeps = !(m->flags & METHOD_KEEPS_NOTHING);

    if (keeps && m->check && m->check(t->event, t->admit->site->settings, &t->problem) != 0)
        return 1;
    if (keeps && close_secret(t, kind, s) != 0)
        return 1;
    *item = (struct admitted){ .secret = kind,
                               .state = keeps ? STATE_QUEUED : STATE_NOPIN,
                               .sealed = s->texts[kind],
                               .stated = t->event->stated };
    snprintf(item->method, sizeof(item->method), "%s", m->names[kind]);
    t->admission.n++;
    return 0;
}

static int check_sealed(struct ticket *t)
{
    const struct site *site = t->admit->site;
    const struct seal_binding binding = { .source = t->event->source,
                                          .id = t->event->id,
                                          .required = settings_flag(site->settings, "seal.require_binding") };

    if (!t->event->sealed || seal_check(site->keys, t->event->sealed, &binding, &t->problem) == 0)
        return 0;
    snprintf(t->problem.where, sizeof(t->problem.where), "$.data.sealed");
    return 1;
}

static int add_items(struct ticket *t, struct seals *s)
{
    if (check_sealed(t) != 0)
        return 1;
    for (unsigned k = 0; k < SECRET_KINDS; k++) {
        const struct method *m = method_for(t, k);

        if (!m)
            return problem_set(&t->problem, "value", "$.type", "there is no method of that name to test");
        if (is_wanted(t->event, k, m) && add_item(t, k, m, s) != 0)
            return 1;
    }
    return 0;
}

/* What is in the ticket from here on may be shown. */
static void forget_secrets(struct event *e)
{
    for (size_t k = 0; k < SECRET_PARTS; k++)
        e->secrets[k] = secret_free(e->secrets[k]);
    free(TAKE(e->sealed));
}

/* R is the store's answer. 0 when the event is in the open transaction, also as one that was there already or stands
 * in the way. */
static int judge(struct ticket *t, int r)
{
    for (size_t i = 0; i < t->admission.n; i++)
        t->admission.items[i].sealed = NULL;
    if (r < 0) {
        commit_fail(t->admit->site->commit, r);
        return refuse_by_store(t, r);
    }
    t->verdict = r == STORE_DUPLICATE ? VERDICT_DUPLICATE : r == STORE_CONFLICT ? VERDICT_REJECTED : VERDICT_ACCEPTED;
    if (r == STORE_CONFLICT)
        problem_set(&t->problem, "conflict", "$.id", "there is another event with this source and id");
    return 0;
}

static int add_and_put(struct ticket *t)
{
    CLEANUP(seals_cleanup) struct seals seals = { { NULL } };
    int r = check_queue(t);

    if (r == 0)
        r = add_items(t, &seals);
    CRASH_POINT("intake.sealed");
    if (r == 0)
        r = judge(t, store_put(t->admit->site->store, &t->admission));
    CRASH_POINT("intake.put");
    return r;
}

/* An event that is there already keeps the methods that were in force when it came: it is not looked at with today's,
 * and nothing is sealed for it. */
static int take(struct ticket *t, const struct origin *o)
{
    const struct site *site = t->admit->site;
    int r = check_store(t);

    if (r != 0) {
        forget_secrets(t->event);
        return r;
    }
    t->admission.event = t->event;
    t->admission.cause = (struct cause){
        .what = o->what, .uid = o->uid, .generation = site->generation, .now = clock_now(site->clock)
    };
    r = store_recall(site->store, &t->admission);
    r = r == 0 ? add_and_put(t) : judge(t, r);
    forget_secrets(t->event);
    return r;
}

static int decide(struct ticket *t, const struct origin *o, const char *line, size_t size)
{
    int r = event_parse(line, size, settings_list(t->admit->site->settings, "accept_types"), &t->event, &t->problem);

    if (r < 0)
        return refuse_by_memory(t);
    if (r > 0) {
        (void)event_identify(line, size, &t->event);
        return 1;
    }
    CRASH_POINT("intake.parsed");
    return take(t, o);
}

static void log_taken(const struct ticket *t)
{
    char ids[SECRET_KINDS][UUID_TEXT] = { "", "" };

    for (size_t i = 0; i < t->admission.n; i++)
        uuid_format(&t->admission.items[i].id, ids[i]);
    log_event(LOG_INFO, MESSAGE_EVENT_ACCEPTED,
              LOG_FIELDS(LOG_FIELD("EVENT_SOURCE", t->event->source), LOG_FIELD("EVENT_ID", t->event->id),
                         LOG_FIELD("DELIVERY_ID", ids[0]), LOG_FIELD("DELIVERY_ID", ids[1][0] ? ids[1] : NULL)),
              "event %s", t->verdict == VERDICT_DUPLICATE ? "was there already" : "accepted");
}

static void log_refused(struct admit *a, const struct ticket *t)
{
    int64_t second = clock_now(a->site->clock) / MICROSECONDS_PER_SECOND;

    if (second != a->second)
        a->logged = 0;
    a->second = second;
    if (a->logged++ > LOGGED_MOST)
        return;
    if (a->logged > LOGGED_MOST) {
        log_plain(LOG_NOTICE, "more events are rejected than are logged; the counters have them all");
        return;
    }
    log_event(t->retry_after ? LOG_WARNING : LOG_NOTICE,
              t->retry_after ? MESSAGE_STORE_REFUSED : MESSAGE_EVENT_REJECTED,
              LOG_FIELDS(LOG_FIELD("EVENT_SOURCE", t->event ? t->event->source : NULL),
                         LOG_FIELD("EVENT_ID", t->event ? t->event->id : NULL), LOG_FIELD("CODE", t->problem.code),
                         LOG_FIELD("PATH", t->problem.where[0] ? t->problem.where : NULL)),
              "event rejected: %s", t->problem.message);
}

static void settle(struct admit *a, struct ticket *t)
{
    t->settled = true;
    if (t->verdict == VERDICT_REJECTED) {
        a->stat.rejected++;
        log_refused(a, t);
        return;
    }
    if (t->verdict == VERDICT_DUPLICATE)
        a->stat.duplicates++;
    else
        a->stat.accepted++;
    log_taken(t);
}

static void refuse(struct admit *a, struct ticket *t)
{
    t->verdict = VERDICT_REJECTED;
    settle(a, t);
}

/* Once for all events of a turn of the loop: it costs more than one of them. */
static void wipe_marks(struct admit *a)
{
    if (!a->is_marked)
        return;
    a->is_marked = false;
    secret_wipe_stack();
    seal_ring_forget(a->site->keys);
}

static void on_commit(struct commit_waiter *w, int r)
{
    struct ticket *t = (struct ticket *)((char *)w - offsetof(struct ticket, waiter));
    struct admit *a = t->admit;

    CRASH_POINT("intake.committed");
    wipe_marks(a);
    a->pending--;
    a->pending_bytes -= t->size;
    if (r < 0) {
        t->problem = (struct problem){ .code = "" };
        refuse_by_store(t, r);
        refuse(a, t);
    } else {
        settle(a, t);
    }
    if (t->notify)
        t->notify(t->owner);
    else
        ticket_free(t);
}

void admit_line(struct admit *a, struct ticket *t, const struct origin *o, const char *line, size_t size)
{
    int r = decide(t, o, line, size);

    secret_wipe_frames();
    a->is_marked = true;
    if (r != 0) {
        wipe_marks(a);
        refuse(a, t);
        return;
    }
    t->waiter.done = on_commit;
    t->size = size;
    a->pending++;
    a->pending_bytes += size;
    commit_join(a->site->commit, &t->waiter);
}

void admit_denied(struct admit *a, struct ticket *t, const struct origin *o)
{
    problem_set(&t->problem, "denied", NULL, "the user with uid %lld may not hand in events here", (long long)o->uid);
    refuse(a, t);
}

void admit_too_long(struct admit *a, struct ticket *t)
{
    secret_wipe_frames(); /* who knows what is in it: it was looked through for its end */
    problem_set(&t->problem, "size", "$", "an event must have at most %d bytes", EVENT_MOST);
    refuse(a, t);
}

#include <pindispatch/commit.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/store.h>

enum {
    LATEST = 20,         /* milliseconds that a transaction may wait while other things keep the loop busy */
    TIDY_AFTER = 1000,   /* milliseconds of quiet, after a commit that erased, to emptying the store's log */
    TIDY_LATEST = 5000,  /* … and from that commit when it does not become quiet: a log that was emptied has to grow
                          * again, which makes commits slow */
    REVIVE_FIRST = 1000, /* milliseconds from a failure to the first try, and between tries */
    REVIVE_MOST = 60000, /* … when trouble comes back each time */
    REVIVE_SHARE = 10,   /* a try takes at most this part of the time */
    FLUSH_TURNS = 16,    /* waiters that join while they are told get turns of their own, but not for ever */
};

struct commit {
    struct store *store;
    sd_event_source *turn, *latest, *tidy, *revive;
    struct commit_hook *hooks, **last_hook;
    struct commit_waiter *waiters, **last_waiter;
    unsigned joined;
    bool armed;
    int64_t tidy_latest; /* monotonic milliseconds; 0: the timer does not run */
    int failed;          /* a verb failed in this turn: negative */
    struct commit_trouble trouble;
    uint64_t revive_after; /* milliseconds */
    int64_t well_since;    /* monotonic */
    void (*changed)(void *userdata, const struct commit_trouble *t);
    void *userdata;
};

static int arm_timer(sd_event_source *source, uint64_t milliseconds)
{
    int r = sd_event_source_set_time_relative(source, milliseconds * MICROSECONDS_PER_MILLISECOND);

    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Normally last of all that is ready. Neither call can fail on a source of this kind in a living loop. */
static void arm(struct commit *c)
{
    if (c->armed)
        return;
    c->armed = true;
    (void)sd_event_source_set_enabled(c->turn, SD_EVENT_ONESHOT);
    (void)arm_timer(c->latest, LATEST);
}

static void disarm(struct commit *c)
{
    c->armed = false;
    c->joined = 0;
    (void)sd_event_source_set_priority(c->turn, SD_EVENT_PRIORITY_IDLE);
    (void)sd_event_source_set_enabled(c->turn, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(c->latest, SD_EVENT_OFF);
}

/* Each commit puts it off. */
static void plan_tidy(struct commit *c, int64_t milliseconds)
{
    int64_t now = clock_monotonic() / MICROSECONDS_PER_MILLISECOND, left;

    if (!store_is_untidy(c->store))
        return;
    if (!c->tidy_latest)
        c->tidy_latest = now + TIDY_LATEST;
    left = c->tidy_latest > now ? c->tidy_latest - now : 0;
    if (arm_timer(c->tidy, (uint64_t)(milliseconds < left ? milliseconds : left)) < 0)
        c->tidy_latest = 0;
}

static int commit_changes(struct commit *c)
{
    int r;

    if (!store_is_dirty(c->store))
        return store_commit(c->store);
    CRASH_POINT("store.committing");
    r = store_commit(c->store);
    CRASH_POINT("store.committed");
    return r;
}

/* Others pass by themselves, or are one caller's own: memory, another process that writes, a wrong argument. */
static bool is_trouble(int r)
{
    return r == -EIO || r == -ENOSPC || r == -EROFS || r == -EUCLEAN;
}

static void tell_change(struct commit *c)
{
    if (c->changed)
        c->changed(c->userdata, &c->trouble);
}

static void note_trouble(struct commit *c, int r)
{
    bool again = clock_monotonic() - c->well_since < REVIVE_MOST * MICROSECONDS_PER_MILLISECOND;

    if (!is_trouble(r) || c->trouble.error < 0)
        return;
    c->revive_after = !again ? REVIVE_FIRST : c->revive_after < REVIVE_MOST / 2 ? 2 * c->revive_after : REVIVE_MOST;
    c->trouble.error = r;
    c->trouble.since = clock_monotonic();
    snprintf(c->trouble.reason, sizeof(c->trouble.reason), "the store takes no changes: %s",
             r == -EUCLEAN ? "the file is damaged" : strerror(-r));
    (void)arm_timer(c->revive, c->revive_after);
    tell_change(c);
}

static void end_trouble(struct commit *c)
{
    c->trouble = (struct commit_trouble){ .error = 0 };
    c->well_since = clock_monotonic();
    tell_change(c);
    arm(c);
}

static int on_revive(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct commit *c = userdata;
    struct problem p = { .code = "" };
    int64_t began = clock_monotonic();
    uint64_t spent, wait = c->revive_after;
    int r = store_revive(c->store, &p);

    (void)source;
    (void)usec;
    if (r == 0) {
        end_trouble(c);
        return 0;
    }
    if (r > 0)
        snprintf(c->trouble.reason, sizeof(c->trouble.reason), "%s", p.message);
    spent = (uint64_t)((clock_monotonic() - began) / MICROSECONDS_PER_MILLISECOND);
    (void)arm_timer(c->revive, wait > REVIVE_SHARE * spent ? wait : REVIVE_SHARE * spent);
    if (r == -EBUSY)
        arm(c);
    return 0;
}

static int end_transaction(struct commit *c)
{
    int r = c->failed;

    c->failed = 0;
    if (r == 0)
        return commit_changes(c);
    store_abort(c->store);
    return r;
}

static int turn(struct commit *c, bool with_hooks)
{
    struct commit_waiter *w;
    int r;

    for (struct commit_hook *h = c->hooks; with_hooks && h && c->failed == 0 && c->trouble.error == 0; h = h->next)
        h->before(h->userdata);
    /* From here on joiners belong to the next transaction. */
    w = c->waiters;
    c->waiters = NULL;
    c->last_waiter = &c->waiters;
    disarm(c);
    r = end_transaction(c);
    note_trouble(c, r);
    for (struct commit_hook *h = c->hooks; h; h = h->next)
        if (h->after)
            h->after(h->userdata, r);
    while (w) {
        struct commit_waiter *next = w->next; /* done may free its waiter */

        w->done(w, r);
        w = next;
    }
    plan_tidy(c, TIDY_AFTER);
    return r;
}

static int on_turn(sd_event_source *source, void *userdata)
{
    (void)source;
    turn(userdata, true);
    return 0;
}

static int on_latest(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    turn(userdata, true);
    return 0;
}

static int on_tidy(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct commit *c = userdata;
    int r;

    (void)source;
    (void)usec;
    c->tidy_latest = 0;
    r = store_tidy(c->store);
    if (r == -EBUSY)
        plan_tidy(c, TIDY_AFTER);
    else if (r < 0)
        plan_tidy(c, TIDY_LATEST);
    return 0;
}

static int add_timer(struct commit *c, sd_event *loop, sd_event_source **ret, sd_event_time_handler_t handler,
                     int64_t priority)
{
    int r = sd_event_add_time_relative(loop, ret, CLOCK_MONOTONIC, UINT64_MAX / 4, 1, handler, c);

    if (r >= 0)
        r = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
    return r < 0 ? r : sd_event_source_set_priority(*ret, priority);
}

static int add_sources(struct commit *c, sd_event *loop)
{
    int r = sd_event_add_defer(loop, &c->turn, on_turn, c);

    if (r >= 0)
        r = add_timer(c, loop, &c->latest, on_latest, SD_EVENT_PRIORITY_IMPORTANT);
    if (r >= 0)
        r = add_timer(c, loop, &c->tidy, on_tidy, SD_EVENT_PRIORITY_IDLE);
    if (r >= 0)
        r = add_timer(c, loop, &c->revive, on_revive, SD_EVENT_PRIORITY_NORMAL);
    return r < 0 ? r : 0;
}

int commit_new(sd_event *loop, struct store *store, struct commit **ret)
{
    CLEANUP(commit_cleanup) struct commit *c = calloc(1, sizeof(*c));
    int r;

    if (!c)
        return -ENOMEM;
    c->store = store;
    c->last_hook = &c->hooks;
    c->last_waiter = &c->waiters;
    c->well_since = clock_monotonic() - REVIVE_MOST * MICROSECONDS_PER_MILLISECOND;
    r = add_sources(c, loop);
    if (r < 0)
        return r;
    disarm(c);
    *ret = TAKE(c);
    return 0;
}

struct commit *commit_free(struct commit *c)
{
    if (!c)
        return NULL;
    sd_event_source_disable_unref(c->turn);
    sd_event_source_disable_unref(c->latest);
    sd_event_source_disable_unref(c->tidy);
    sd_event_source_disable_unref(c->revive);
    free(c);
    return NULL;
}

void commit_hook(struct commit *c, struct commit_hook *h)
{
    h->next = NULL;
    *c->last_hook = h;
    c->last_hook = &h->next;
}

void commit_unhook(struct commit *c, const struct commit_hook *h)
{
    struct commit_hook **at = &c->hooks;

    while (*at && *at != h)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = h->next;
    if (!*at)
        c->last_hook = at;
}

void commit_leave(struct commit *c, const struct commit_waiter *w)
{
    struct commit_waiter **at = &c->waiters;

    while (*at && *at != w)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = w->next;
    if (!*at)
        c->last_waiter = at;
}

void commit_join(struct commit *c, struct commit_waiter *w)
{
    w->next = NULL;
    *c->last_waiter = w;
    c->last_waiter = &w->next;
    arm(c);
    if (++c->joined == COMMIT_MOST)
        (void)sd_event_source_set_priority(c->turn, SD_EVENT_PRIORITY_IMPORTANT);
}

void commit_poke(struct commit *c)
{
    arm(c);
}

void commit_fail(struct commit *c, int r)
{
    if (c->failed == 0)
        c->failed = r;
    arm(c);
}

const char *commit_trouble_code(const struct commit_trouble *t)
{
    switch (t->error) {
    case 0:
        return NULL;
    case -ENOSPC:
        return "full";
    case -EROFS:
        return "read-only";
    case -EUCLEAN:
        return "damaged";
    default:
        return "io";
    }
}

const struct commit_trouble *commit_trouble(const struct commit *c)
{
    return &c->trouble;
}

void commit_watch(struct commit *c, void (*changed)(void *userdata, const struct commit_trouble *t), void *userdata)
{
    c->changed = changed;
    c->userdata = userdata;
}

int commit_flush(struct commit *c)
{
    int first = 0;

    for (int i = 0; i < FLUSH_TURNS && (c->waiters || c->failed || store_is_dirty(c->store)); i++) {
        int r = turn(c, false);

        if (first == 0)
            first = r;
    }
    return first;
}

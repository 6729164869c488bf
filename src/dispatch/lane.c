#include "lane.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/log.h>
#include <pindispatch/settings.h>

enum {
    LOOK_FEW = 16,         /* resting flights at once, while some end */
    RECOVER_MOST = 100000, /* in hand at the end of an earlier run: bounded by its windows, far below this */
};

#define LOOK_FIRST (INT64_C(25) * MICROSECONDS_PER_MILLISECOND)
/* Not longer than it takes somebody to hold a letter and to release it again. */
#define LOOK_MOST  (INT64_C(1) * MICROSECONDS_PER_SECOND)

const struct settings *lane_settings(const struct lane *l)
{
    return l->dispatch->site->settings;
}

int64_t lane_now(const struct lane *l)
{
    return clock_now(l->dispatch->site->clock);
}

struct cause lane_cause(const struct lane *l, const char *what)
{
    return (struct cause){ .what = what, .uid = -1, .generation = l->dispatch->site->generation, .now = lane_now(l) };
}

struct retry_law lane_law(const struct lane *l)
{
    const struct settings *s = lane_settings(l);
    int64_t give_up_after = settings_duration(s, "retry.give_up_after");

    return (struct retry_law){ .first = settings_duration(s, "retry.first"),
                               .factor = settings_real(s, "retry.factor"),
                               .most = settings_duration(s, "retry.max"),
                               .give_up_after = l->dispatch->site->patient ? 0 : give_up_after };
}

void lane_wake(sd_event_source *timer, int64_t microseconds)
{
    sd_event_source_set_time_relative(timer, microseconds > 0 ? (uint64_t)microseconds : 0);
    sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void lane_try_later(struct lane *l)
{
    lane_wake(l->again, MICROSECONDS_PER_SECOND);
}

/* ---- handing out ---- */

static struct link *roomiest(const struct lane *l)
{
    struct link *best = NULL;

    for (struct link *k = l->links; k; k = k->next)
        if (link_room(k) > (best ? link_room(best) : 0))
            best = k;
    return best;
}

/* Looks go to one worker, however full: it asks the printer for all of them at once. */
struct link *lane_idlest(const struct lane *l)
{
    struct link *best = NULL;

    for (struct link *k = l->links; k; k = k->next)
        if (k->channel && k->ready && !k->quitting && (!best || k->in_hand < best->in_hand))
            best = k;
    return best;
}

/* False when no worker has room. One that cannot be handed out now holds up no other. */
static bool hand_out_one(struct lane *l, struct flight *f, struct link *look_link)
{
    struct link *k = f->parcel.stage == STAGE_SPOOLED ? look_link : roomiest(l);
    int r;

    if (!k)
        return false;
    r = flight_fetch(f);
    if (r == 0)
        r = link_deliver(k, f);
    if (r != 0)
        lane_try_later(l);
    return true;
}

void lane_hand_out(struct lane *l)
{
    struct link *look_link = lane_idlest(l);
    struct flight *next;

    for (struct flight *f = l->flights; f; f = next) {
        next = f->next;
        if (f->place == FLIGHT_WAITING && !hand_out_one(l, f, look_link))
            return;
    }
}

/* One that was tried before may have left something at the destination, which is looked for first. */
void lane_hand_ahead(struct lane *l)
{
    for (struct flight *f = l->flights; f; f = f->next)
        if (f->place == FLIGHT_CLAIMED && f->parcel.stage == STAGE_FRESH && !hand_out_one(l, f, NULL))
            break;
    for (struct link *k = l->links; k; k = k->next)
        if (k->ahead > 0)
            channel_push(k->channel);
}

void lane_tell_claims(struct lane *l, int r)
{
    for (struct link *k = l->links; k; k = k->next)
        if (k->ahead > 0)
            link_tell_claims(k, r);
}

/* ---- timers ---- */

static int on_due(sd_event_source *source, uint64_t now, void *userdata)
{
    struct lane *l = userdata;

    (void)source;
    (void)now;
    commit_poke(l->dispatch->site->commit);
    return 0;
}

/* While some end, a look is at the oldest: a destination takes them in their order, and to ask it of each costs both
 * sides. Whatever is wanted back is among them. */
static int on_look(sd_event_source *source, uint64_t now, void *userdata)
{
    struct lane *l = userdata;
    unsigned most = l->ends ? LOOK_FEW : UINT_MAX, n = 0;

    (void)source;
    (void)now;
    l->look_after = l->look_after * 2 < LOOK_MOST ? l->look_after * 2 : LOOK_MOST;
    l->ends = false;
    for (struct flight *f = l->flights; f; f = f->next)
        if (f->place == FLIGHT_RESTING && (n++ < most || f->parcel.withdraw))
            f->place = FLIGHT_WAITING;
    lane_hand_out(l);
    return 0;
}

/* Is the timer set to go off within that time? */
static bool is_set_within(sd_event_source *timer, int64_t microseconds)
{
    int enabled = SD_EVENT_OFF;
    uint64_t at = 0, now = 0;

    sd_event_source_get_enabled(timer, &enabled);
    sd_event_source_get_time(timer, &at);
    sd_event_now(sd_event_source_get_event(timer), CLOCK_MONOTONIC, &now);
    return enabled != SD_EVENT_OFF && at <= now + (uint64_t)microseconds;
}

/* Makes the look sooner, never later: where letters go out all the time, others end all the time. */
void lane_look_soon(struct lane *l, bool changed)
{
    if (changed)
        l->look_after = LOOK_FIRST;
    if (!is_set_within(l->look, l->look_after))
        lane_wake(l->look, l->look_after);
}

static void do_again(struct lane *l)
{
    struct flight *next;

    for (struct flight *f = l->flights; f; f = next) {
        next = f->next;
        if (f->place == FLIGHT_UNSAVED)
            flight_save_again(f);
    }
    lane_hand_out(l);
    commit_poke(l->dispatch->site->commit);
}

/* While the store is in trouble nothing is gained by trying: its end is told (lane_resume()). */
static int on_again(sd_event_source *source, uint64_t now, void *userdata)
{
    struct lane *l = userdata;

    (void)source;
    (void)now;
    if (commit_is_in_trouble(l->dispatch->site->commit))
        return 0;
    if (l->is_unread)
        lane_recover(l);
    do_again(l);
    return 0;
}

int lane_add_timer(struct lane *l, sd_event_time_handler_t handler, sd_event_source **ret)
{
    int r = sd_event_add_time_relative(l->dispatch->site->loop, ret, CLOCK_MONOTONIC, 0, 1000, handler, l);

    return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

/* ---- life ---- */

int lane_open(struct lane *l, struct dispatch *d, const struct method *m)
{
    int r;

    *l = (struct lane){ .dispatch = d, .method = m, .look_after = LOOK_FIRST, .trust = TRUST_FIRST };
    l->last_flight = &l->flights;
    r = lane_add_timer(l, on_due, &l->due);
    if (r >= 0)
        r = lane_add_timer(l, on_look, &l->look);
    if (r >= 0)
        r = lane_add_timer(l, on_again, &l->again);
    if (r >= 0)
        r = sweep_open(l);
    if (r >= 0)
        lane_ensure_links(l);
    return r < 0 ? r : 0;
}

void lane_close(struct lane *l)
{
    while (l->links)
        link_free(l->links);
    while (l->flights) {
        commit_leave(l->dispatch->site->commit, &l->flights->waiter);
        flight_free(l->flights);
    }
    sd_event_source_disable_unref(l->due);
    sd_event_source_disable_unref(l->look);
    sd_event_source_disable_unref(l->again);
    sd_event_source_disable_unref(l->sweep);
    json_decref(l->findings);
}

/* One delivery that an earlier run had in hand. */
static int take_left(void *userdata, const struct record *r)
{
    struct lane *l = userdata;
    struct flight *f;
    int e;

    if (strcmp(r->method, l->method->names[SECRET_PIN]) != 0)
        return 0;
    e = flight_new(l, r, &f);
    if (e < 0)
        return e;
    free(TAKE(f->event)); /* a list comes without the sealed secret: both are fetched when handed out */
    f->place = FLIGHT_WAITING;
    return 0;
}

static int take_missing(void *userdata, const struct record *r)
{
    return flight_find(userdata, &r->id) ? 0 : take_left(userdata, r);
}

/* A mail that may have gone out is marked where doubt matters (struct desk's mark); one that is not may be sent
 * (again). A letter is looked for at the printer. */
static void settle_left(struct lane *l, struct flight *first)
{
    struct flight *next;

    for (struct flight *f = first; f; f = next) {
        next = f->next;
        if (!(l->method->flags & METHOD_FENCED) || f->parcel.stage == STAGE_SPOOLED)
            flight_orphan(f, "restart", "the dispatcher ended");
        CRASH_POINT("dispatch.recovering");
    }
}

void lane_recover(struct lane *l)
{
    unsigned mask = STATE_BIT(STATE_SENDING) | STATE_BIT(STATE_SPOOLED);
    struct flight **end = l->last_flight;
    int r = store_list(l->dispatch->site->store, mask, RECOVER_MOST, NULL, take_missing, l);

    if (r < 0) {
        if (!l->is_unread)
            log_plain(LOG_ERR, "what is in hand cannot be read from the store: %s", strerror(-r));
        lane_try_later(l);
    }
    l->is_unread = r < 0;
    settle_left(l, *end);
}

void lane_resume(struct lane *l)
{
    lane_recover(l);
    do_again(l);
}

bool lane_is_quiet(const struct lane *l)
{
    return !l->flights && (l->drained || lane_is_paused(l) || l->dispatch->stopping);
}

/* What a lane takes from the store: as much as its workers and its destination's window hold. */
#include "lane.h"

#include <stdio.h>
#include <string.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/settings.h>

enum { HASTEN_MOST = 1000 }; /* rows in one transaction */

static unsigned count_links(const struct lane *l)
{
    unsigned n = 0;

    for (const struct link *k = l->links; k; k = k->next)
        n += k->channel && !k->quitting;
    return n;
}

static unsigned wanted_links(const struct lane *l)
{
    return (unsigned)settings_integer(lane_settings(l), l->method->workers);
}

void lane_ensure_links(struct lane *l)
{
    while (count_links(l) < wanted_links(l)) {
        int r = link_open(l);
        char reason[256];

        if (r == 0)
            continue;
        snprintf(reason, sizeof(reason), "a worker cannot be started: %s", strerror(-r));
        lane_note_unfit(l, "worker-start", reason);
        return;
    }
}

static unsigned count_flights(const struct lane *l)
{
    unsigned n = 0;

    for (const struct flight *f = l->flights; f; f = f->next)
        n++;
    return n;
}

/* In an outage: one finds out whether it is over, wherever it is by now. What was at the destination before may stay
 * there for long. */
static bool may_probe(const struct lane *l)
{
    const struct flight *f = l->flights;

    while (f && f->state == STATE_SPOOLED && (!f->is_probe || f->parked))
        f = f->next;
    return !f;
}

/* How many flights wait for a worker already. */
static unsigned count_unplaced(const struct lane *l)
{
    unsigned n = 0;

    for (const struct flight *f = l->flights; f; f = f->next)
        n += f->place == FLIGHT_CLAIMED || f->place == FLIGHT_WAITING;
    return n;
}

/* Those that do not move take no place, as many as have one. */
static unsigned count_window(const struct lane *l, unsigned window)
{
    unsigned n = count_flights(l), parked = 0;

    for (const struct flight *f = l->flights; f && parked < window; f = f->next)
        parked += f->place == FLIGHT_RESTING && f->parked;
    return n - parked;
}

static unsigned below(unsigned most, unsigned used)
{
    return most > used ? most - used : 0;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned lane_room(const struct lane *l)
{
    unsigned room = 0;

    for (const struct link *k = l->links; k; k = k->next)
        room += link_room(k);
    room = below(room, count_unplaced(l));
    if (l->method->window) {
        unsigned window = (unsigned)settings_integer(lane_settings(l), l->method->window);
        unsigned there = count_window(l, window);

        room = least(room, below(l->trouble.on ? window : least(window, l->trust), there));
    }
    return l->trouble.on && room > 0 ? may_probe(l) : room;
}

struct claim {
    struct lane *lane;
    unsigned n;
};

static int take_claimed(void *userdata, const struct record *r)
{
    struct claim *c = userdata;
    struct flight *f;
    int e = flight_new(c->lane, r, &f);

    if (e < 0)
        return e;
    c->n++;
    f->state = STATE_SENDING;
    f->place = FLIGHT_CLAIMED;
    f->is_probe = c->lane->trouble.on;
    c->lane->claimed++;
    /* Whatever an earlier attempt left must be looked for; a claim is the first only when it was never tried. */
    if (r->attempts > 1 && f->parcel.stage == STAGE_FRESH)
        f->parcel.stage = STAGE_BEGUN;
    commit_join(c->lane->dispatch->site->commit, &f->waiter);
    return 0;
}

static void sleep_until_due(struct lane *l)
{
    int64_t due = 0;

    if (store_next_due(l->dispatch->site->store, l->method->names[SECRET_PIN], &due) == 0 && due > 0)
        lane_wake(l->due, due - lane_now(l));
}

/* A probe came out. Not when others did that were on their way before: they say little of a destination that takes
 * some and refuses others. */
static int hasten(struct lane *l, int64_t now)
{
    int n =
        l->hastens ? store_hasten(l->dispatch->site->store, l->method->names[SECRET_PIN], now, now, HASTEN_MOST) : 0;

    if (n == HASTEN_MOST)
        commit_poke(l->dispatch->site->commit);
    l->hastens &= n < 0 || n == HASTEN_MOST;
    return n < 0 ? n : 0;
}

void lane_claim(struct lane *l)
{
    struct cause cause = lane_cause(l, "claim");
    struct claim claim = { .lane = l };
    unsigned room;
    int r;

    if (l->dispatch->stopping)
        return;
    if (lane_is_paused(l)) {
        /* The timer counts from the loop's time, which is a little older than the clock's: it may come too early. */
        lane_wake(l->due, l->trouble.until - lane_now(l));
        return;
    }
    lane_ensure_links(l);
    if (!l->flights)
        l->trust = TRUST_FIRST; /* what it did before a rest is no proof */
    room = lane_room(l);
    l->drained = false;
    if (room == 0)
        return;
    r = hasten(l, cause.now);
    if (r == 0)
        r = store_claim(l->dispatch->site->store, l->method->names[SECRET_PIN], room, &cause, take_claimed, &claim);
    if (r < 0) {
        commit_fail(l->dispatch->site->commit, r);
        lane_try_later(l);
        return;
    }
    if (claim.n > 0) {
        CRASH_POINT("dispatch.claimed");
        lane_hand_ahead(l);
    }
    l->drained = claim.n < room;
    if (l->drained)
        sleep_until_due(l);
}

/* What time does to the store: old rows expire, and holders' data of old deliveries goes. */
#include "daemon.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <pindispatch/commit.h>
#include <pindispatch/log.h>
#include <pindispatch/store.h>

enum { SWEEP_LIMIT = 200 };
#define SWEEP_EVERY (3600 * MICROSECONDS_PER_SECOND)

static int64_t before(int64_t now, int64_t age)
{
    return age > 0 ? now - age : 0;
}

/* Some rows at a time, so that a large sweep does not hold up the loop. True: there may be more. */
static bool sweep_some(struct daemon *d)
{
    int64_t now = clock_now(d->site.clock);
    struct cause cause = { .what = "sweep", .uid = -1, .generation = d->site.generation, .now = now };
    int n = store_sweep(d->store, before(now, settings_duration(d->settings, "expire_after")),
                        before(now, settings_duration(d->settings, "retention")), SWEEP_LIMIT, &cause);

    if (n < 0)
        commit_fail(d->commit, n);
    else if (n > 0)
        commit_poke(d->commit);
    return n == SWEEP_LIMIT;
}

static int on_upkeep(sd_event_source *source, uint64_t now, void *userdata)
{
    struct daemon *d = userdata;
    int64_t next = SWEEP_EVERY;
    bool well = !commit_is_in_trouble(d->commit);
    bool more = !well || guard_hasten(d);

    (void)now;
    if (well && guard_may_erase(d))
        more = sweep_some(d) || more;
    if (more)
        next = MICROSECONDS_PER_SECOND;
    sd_event_source_set_time_relative(source, (uint64_t)next);
    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
    struct daemon *d = userdata;

    (void)source;
    guard_clock(d);
    anchor_look(d);
    return 0;
}

void upkeep_soon(struct daemon *d)
{
    sd_event_source_set_time_relative(d->upkeep, 0);
    sd_event_source_set_enabled(d->upkeep, SD_EVENT_ONESHOT);
}

int upkeep_start(struct daemon *d)
{
    int r = sd_event_add_time_relative(d->site.loop, &d->upkeep, CLOCK_MONOTONIC, MICROSECONDS_PER_SECOND,
                                       MICROSECONDS_PER_SECOND / 4, on_upkeep, d);

    if (r >= 0)
        r = sd_event_add_post(d->site.loop, NULL, on_turn, d);
    return r < 0 ? r : 0;
}

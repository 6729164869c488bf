/* What goes wrong around the dispatcher: the store's disk, the machine's clock. */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include <pindispatch/commit.h>
#include <pindispatch/dispatch.h>
#include <pindispatch/json.h>
#include <pindispatch/log.h>
#include <pindispatch/method.h>
#include <pindispatch/store.h>

enum { HASTEN_LIMIT = 1000 };
#define JUMP_LEAST   (5 * MICROSECONDS_PER_SECOND)     /* what is less is a clock being set right */
#define FORWARD_MOST (3600 * MICROSECONDS_PER_SECOND)  /* beyond, nothing is erased by age for a while */
#define ERASE_AFTER  (86400 * MICROSECONDS_PER_SECOND) /* the while, so that somebody can set the clock right */

/* ---- the store ---- */

static void on_trouble(void *userdata, const struct commit_trouble *t)
{
    struct daemon *d = userdata;

    if (t->error < 0) {
        log_event(LOG_ERR, MESSAGE_TROUBLE, LOG_FIELDS(LOG_FIELD("REASON_CODE", commit_trouble_code(t))),
                  "%s: events are refused and nothing new is tried until it does", t->reason);
        return;
    }
    log_event(LOG_NOTICE, MESSAGE_TROUBLE_OVER, NULL, "the store takes changes again");
    if (d->dispatch)
        dispatch_resume(d->dispatch);
}

/* ---- the clock ---- */

/* Also grows while the machine sleeps. */
static int64_t clock_boot(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * MICROSECONDS_PER_SECOND + t.tv_nsec / 1000;
}

bool guard_may_erase(const struct daemon *d)
{
    return clock_boot() >= d->erase_after;
}

static void on_jump(struct daemon *d, int64_t jump)
{
    char seconds[32];

    snprintf(seconds, sizeof(seconds), "%lld", (long long)(jump / MICROSECONDS_PER_SECOND));
    if (jump > FORWARD_MOST) {
        d->erase_after = clock_boot() + ERASE_AFTER;
        d->jumped = clock_now(d->site.clock);
    }
    if (jump < 0) {
        d->erase_after = 0;
        d->hasten = true;
    }
    d->site.patient = !guard_may_erase(d);
    log_event(LOG_WARNING, MESSAGE_CLOCK, LOG_FIELDS(LOG_FIELD("SECONDS", seconds)),
              "the clock went %s by %s seconds%s", jump < 0 ? "back" : "forward", jump < 0 ? seconds + 1 : seconds,
              d->erase_after ? ": nothing ends or is erased by its age for a day, or until the next start" : "");
    dispatch_nudge(d->dispatch);
    upkeep_soon(d);
}

void guard_clock(struct daemon *d)
{
    int64_t offset = clock_now(d->site.clock) - clock_boot();
    int64_t jump = offset - d->clock_offset;

    d->clock_offset = offset;
    d->site.patient = !guard_may_erase(d);
    if (jump > JUMP_LEAST || jump < -JUMP_LEAST)
        on_jump(d, jump);
}

/* What was made due by a clock that was ahead must not wait until this one is there. True: there may be more. */
bool guard_hasten(struct daemon *d)
{
    int64_t now = clock_now(d->site.clock), latest = now + settings_duration(d->settings, "retry.max");
    bool more = false;

    for (const struct method *const *m = methods; d->hasten && *m; m++) {
        int n;

        if (!(*m)->workers)
            continue;
        n = store_hasten(d->store, (*m)->names[SECRET_PIN], now, latest, HASTEN_LIMIT);
        if (n < 0)
            commit_fail(d->commit, n);
        else
            commit_poke(d->commit);
        more = more || n < 0 || n == HASTEN_LIMIT;
    }
    d->hasten = more;
    return more;
}

/* The kernel tells of a clock that is set while nothing else happens: this timer is cancelled by it. */
static int arm_timer(int fd)
{
    const struct itimerspec never = { .it_value = { .tv_sec = INT32_MAX } };

    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ? -errno : 0;
}

static int on_clock_set(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    uint64_t n;

    (void)source;
    (void)events;
    while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
        ;
    (void)arm_timer(fd);
    guard_clock(userdata);
    return 0;
}

static int watch_clock(struct daemon *d)
{
    CLEANUP(fd_cleanup) int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    sd_event_source *source = NULL;
    int r = fd < 0 ? -errno : arm_timer(fd);

    if (r == 0)
        r = sd_event_add_io(d->site.loop, &source, fd, EPOLLIN, on_clock_set, d);
    if (r >= 0)
        r = sd_event_source_set_io_fd_own(source, true);
    if (r < 0)
        return r;
    fd_take(&fd);
    r = sd_event_source_set_floating(source, true);
    sd_event_source_unref(source);
    return r;
}

static int note_time(void *userdata, const struct audit_row *r)
{
    *(int64_t *)userdata = r->time;
    return 0;
}

/* A clock that is behind the newest change in the store was ahead then, or is wrong now. */
static void compare_with_store(struct daemon *d)
{
    struct store_stat stat;
    int64_t newest = 0;

    if (store_stat(d->store, &stat) < 0 || stat.audit_rows == 0 ||
        store_audit(d->store, NULL, stat.audit_rows - 1, note_time, &newest) < 0)
        return;
    if (newest > clock_now(d->site.clock) + JUMP_LEAST)
        on_jump(d, clock_now(d->site.clock) - newest);
}

void guard_start(struct daemon *d)
{
    commit_watch(d->commit, on_trouble, d);
    d->clock_offset = clock_now(d->site.clock) - clock_boot();
    compare_with_store(d);
    /* Without that timer a jump is seen a little later, with whatever happens next. */
    (void)watch_clock(d);
}

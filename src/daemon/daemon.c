#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include <pindispatch/channel.h>
#include <pindispatch/commit.h>
#include <pindispatch/config.h>
#include <pindispatch/control.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/dispatch.h>
#include <pindispatch/file.h>
#include <pindispatch/intake.h>
#include <pindispatch/log.h>
#include <pindispatch/schemas.h>
#include <pindispatch/seal.h>
#include <pindispatch/store.h>

/* ---- settings ---- */

/* A dry run has a store of its own, beside the real one: "dry-run/store.db". */
static int move_store(struct settings *s)
{
    CLEANUP(free_cleanup) char *folder = path_folder(settings_text(s, "store.path"));
    CLEANUP(free_cleanup) char *path = NULL;

    if (!folder || asprintf(&path, "%s/dry-run/store.db", folder) < 0)
        return -ENOMEM;
    return settings_set(s, "store.path", path, NULL);
}

static void show_problem(const struct problem *p)
{
    fprintf(stderr, "%s%s%s\n", p->where, *p->where ? ": " : "", p->message);
}

/* The first problem as P, all of them on standard error. */
static int read_settings(const struct daemon_options *o, struct settings **ret, struct problem *p)
{
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    struct config_problems problems = { .n = 0 };
    int r = config_load(o->config, site_schemas(), &s, &problems);

    for (size_t i = 0; i < problems.n; i++)
        show_problem(&problems.items[i]);
    if (r > 0 && p && problems.n > 0)
        *p = problems.items[0];
    config_problems_release(&problems);
    if (r == 0 && o->dry_run)
        r = settings_set(s, "dry_run", "true", NULL);
    if (r == 0)
        *ret = TAKE(s);
    return r;
}

int daemon_load_settings(const struct daemon_options *o, struct settings **ret)
{
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    int r = read_settings(o, &s, NULL);

    if (r == 0 && settings_flag(s, "dry_run"))
        r = move_store(s);
    if (r == 0)
        *ret = TAKE(s);
    return r;
}

/* ---- reload ---- */

static int tell_waiting(void *userdata, const struct setting *row)
{
    const struct settings *s = userdata;

    if (settings_waiting(s, row->name))
        log_plain(LOG_NOTICE, "%s changed: this takes effect at the next start", row->name);
    return 0;
}

static int load_public_keys(const struct settings *s, struct seal_ring **ret, struct problem *p)
{
    return seal_ring_load(settings_text(s, "seal.public_key"), NULL, ret, p);
}

static void swap_settings(struct daemon *d, struct settings *s, struct seal_ring *keys)
{
    settings_hold(s, d->settings);
    settings_each(s, tell_waiting, s);
    settings_free(d->settings);
    seal_ring_free(d->keys);
    d->site.settings = d->settings = s;
    d->site.keys = d->keys = keys;
    d->site.generation++;
    d->refused_at = 0;
}

int daemon_check_keys(const struct settings *s)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *keys = NULL;
    struct problem p = { .code = "" };
    int r = load_public_keys(s, &keys, &p);

    if (r > 0)
        show_problem(&p);
    return r;
}

/* While a dry run is in force, the store that the file names is the one beside which the dry run has its own. */
static int reload_settings(const struct daemon *d, struct settings **ret, struct problem *p)
{
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    int r = read_settings(&d->options, &s, p);

    if (r == 0 && d->site.dry_run)
        r = move_store(s);
    if (r == 0)
        *ret = TAKE(s);
    return r;
}

static int refuse_reload(struct daemon *d, const struct problem *p, int r)
{
    d->refused = *p;
    d->refused_at = clock_now(d->site.clock);
    log_event(LOG_ERR, MESSAGE_RELOAD_REFUSED, NULL,
              "the configuration was not reloaded, the old one stays in force: %s: %s", p->where, p->message);
    return r;
}

int daemon_reload(struct daemon *d, struct problem *p)
{
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    CLEANUP(seal_ring_cleanup) struct seal_ring *keys = NULL;
    int r = reload_settings(d, &s, p);

    if (r == 0)
        r = load_public_keys(s, &keys, p);
    if (r != 0)
        return refuse_reload(d, p, r);
    CRASH_POINT("daemon.reloading");
    swap_settings(d, TAKE(s), TAKE(keys));
    dispatch_reload(d->dispatch);
    CRASH_POINT("daemon.reloaded");
    log_event(LOG_NOTICE, MESSAGE_RELOADED, NULL, "configuration %ju is in force: PIN by %s, PUK by %s",
              (uintmax_t)d->site.generation, settings_text(d->settings, "CardsPINDeliveryMethod"),
              settings_text(d->settings, "CardsPUKDeliveryMethod"));
    return 0;
}

static int host_reload(void *userdata, struct problem *p)
{
    return daemon_reload(userdata, p);
}

static void host_nudge(void *userdata)
{
    dispatch_nudge(((struct daemon *)userdata)->dispatch);
}

static int host_withdraw(void *userdata, const struct uuid *id, const char *words, int64_t uid)
{
    return dispatch_withdraw(((struct daemon *)userdata)->dispatch, id, words, uid);
}

static enum control_privilege host_privilege(void *userdata, const struct channel *peer)
{
    const struct settings *s = ((struct daemon *)userdata)->settings;
    const char *readers = settings_text(s, "control.read_group");

    if (channel_peer_may(peer, settings_text(s, "control.group")))
        return CONTROL_OPERATE;
    return *readers && channel_peer_may(peer, readers) ? CONTROL_READ : CONTROL_WATCH;
}

/* ---- signals ---- */

static int on_drained(sd_event_source *source, uint64_t now, void *userdata)
{
    struct daemon *d = userdata;

    (void)source;
    (void)now;
    log_plain(LOG_WARNING, "what is in hand was not done within stop_after (%s): it is taken up at the next start",
              settings_shown(d->settings, "stop_after"));
    return sd_event_exit(d->site.loop, d->status);
}

static int stop(struct daemon *d, int status)
{
    CRASH_POINT("daemon.stopping");
    d->stopping = true;
    d->status = status;
    sd_notify(0, "STOPPING=1");
    intake_stop(d->intake);
    dispatch_stop(d->dispatch);
    return sd_event_add_time_relative(d->site.loop, &d->drain, CLOCK_MONOTONIC,
                                      (uint64_t)settings_duration(d->settings, "stop_after"), 0, on_drained, d);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct daemon *d = userdata;

    (void)source;
    (void)info;
    return d->stopping ? sd_event_exit(d->site.loop, d->status) : stop(d, 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct daemon *d = userdata;
    struct problem p = { .code = "" };

    (void)source;
    (void)info;
    /* Type=notify-reload is younger than systemd 252, which understands the messages all the same. */
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%jd", (intmax_t)clock_monotonic());
    (void)daemon_reload(d, &p);
    sd_notify(0, "READY=1");
    return 0;
}

/* 0 all final, 1 something is deferred, failed or in doubt. */
static int status_of_once(struct daemon *d)
{
    struct store_stat s;

    if (store_stat(d->store, &s) < 0)
        return 1;
    return s.by_state[STATE_DEFERRED] + s.by_state[STATE_FAILED] + s.by_state[STATE_IN_DOUBT] +
                       s.by_state[STATE_QUEUED] + s.by_state[STATE_SENDING] + s.by_state[STATE_SPOOLED] >
                   0
               ? 1
               : 0;
}

static int on_settled(sd_event_source *source, void *userdata)
{
    struct daemon *d = userdata;

    (void)source;
    if (intake_is_busy(d->intake) || store_is_dirty(d->store))
        return 0;
    if (d->stopping)
        return dispatch_is_busy(d->dispatch) ? 0 : sd_event_exit(d->site.loop, d->status);
    if (d->options.once && commit_is_in_trouble(d->commit))
        return sd_event_exit(d->site.loop, 1);
    if (d->options.once && dispatch_is_quiet(d->dispatch))
        return stop(d, status_of_once(d));
    return 0;
}

static int watch_signals(struct daemon *d)
{
    sd_event *loop = d->site.loop;
    int r = sd_event_add_signal(loop, NULL, SIGTERM, on_stop, d);

    if (r >= 0)
        r = sd_event_add_signal(loop, NULL, SIGINT, on_stop, d);
    if (r >= 0)
        r = sd_event_add_signal(loop, NULL, SIGHUP, on_reload, d);
    if (r >= 0)
        r = sd_event_add_post(loop, &d->settled, on_settled, d);
    return r < 0 ? r : 0;
}

/* ---- start ---- */

static int refuse(const struct problem *p)
{
    log_plain(LOG_ERR, "%s%s%s", p->where, *p->where ? ": " : "", p->message);
    return 1;
}

/* The worker stands beside the daemon. */
static char *find_worker_program(void)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    CLEANUP(free_cleanup) char *folder = NULL;

    if (n < 0)
        return NULL;
    self[n] = '\0';
    folder = path_folder(self);
    return folder ? path_join(folder, "pindispatch-worker") : NULL;
}

static int open_loop(struct daemon *d)
{
    sigset_t handled;
    int r;

    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    sigaddset(&handled, SIGCHLD);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    signal(SIGPIPE, SIG_IGN);
    r = sd_event_default(&d->site.loop);
    if (r >= 0)
        r = sd_event_set_watchdog(d->site.loop, true);
    return r < 0 ? r : 0;
}

static int open_store(struct daemon *d)
{
    const char *path = settings_text(d->settings, "store.path");
    struct problem p = { .code = "" };
    int r = load_public_keys(d->settings, &d->keys, &p);

    if (r == 0)
        r = store_open(settings_text(d->settings, "store.backend"), path, &d->store, &p);
    if (r > 0)
        return refuse(&p);
    d->site.keys = d->keys;
    d->site.store = d->store;
    if (r == 0)
        r = commit_new(d->site.loop, d->store, &d->commit);
    d->site.commit = d->commit;
    if (r == 0)
        r = anchor_start(d, &p);
    return r > 0 ? refuse(&p) : r;
}

static int open_rooms(struct daemon *d)
{
    const struct control_host host = {
        .status = daemon_status,
        .reload = host_reload,
        .nudge = host_nudge,
        .withdraw = host_withdraw,
        .privilege = host_privilege,
        .userdata = d,
    };
    int r = intake_new(&d->site, &d->intake);

    if (r == 0)
        r = control_new(&d->site, &host, &d->control);
    if (r == 0)
        r = dispatch_new(&d->site, d->worker_program, &d->dispatch);
    return r;
}

static int open_doors(struct daemon *d)
{
    const char *directory = settings_text(d->settings, "submit.directory");
    int r = d->options.once ? 0 : sockets_open(d);

    if (r == 0 && *directory) {
        r = intake_watch(d->intake, directory);
        if (r < 0)
            log_plain(LOG_ERR, "%s: the drop directory (submit.directory) cannot be watched: %s", directory,
                      strerror(-r));
    }
    return r;
}

static int start_all(struct daemon *d)
{
    int r = open_loop(d);

    if (r == 0)
        r = open_store(d);
    if (r == 0)
        r = open_rooms(d);
    if (r == 0)
        r = watch_signals(d);
    if (r == 0)
        r = upkeep_start(d);
    if (r != 0)
        return r;
    guard_start(d);
    return open_doors(d);
}

int daemon_start(struct daemon *d, const struct daemon_options *o)
{
    int r;

    *d = (struct daemon){ .options = *o, .site = { .clock = &clock_real, .generation = 1 } };
    r = daemon_load_settings(o, &d->settings);
    if (r != 0)
        return r;
    d->site.settings = d->settings;
    d->site.dry_run = settings_flag(d->settings, "dry_run");
    d->started = clock_now(d->site.clock);
    d->worker_program = find_worker_program();
    r = d->worker_program ? start_all(d) : -ENOMEM;
    if (r < 0)
        log_plain(LOG_ERR, "the start failed: %s", strerror(-r));
    return r;
}

int daemon_run(struct daemon *d)
{
    int r;

    log_event(LOG_NOTICE, MESSAGE_STARTED, NULL, "pindispatchd %s is ready: PIN by %s, PUK by %s%s",
              PINDISPATCH_VERSION, settings_text(d->settings, "CardsPINDeliveryMethod"),
              settings_text(d->settings, "CardsPUKDeliveryMethod"), d->site.dry_run ? " (dry run)" : "");
    CRASH_POINT("daemon.ready");
    sd_notify(0, "READY=1");
    r = sd_event_loop(d->site.loop);
    CRASH_POINT("daemon.flushing");
    commit_flush(d->commit);
    anchor_stop(d);
    commit_flush(d->commit);
    CRASH_POINT("daemon.flushed");
    log_event(LOG_NOTICE, MESSAGE_STOPPED, NULL, "pindispatchd ends");
    return r < 0 ? 1 : r;
}

void daemon_release(struct daemon *d)
{
    dispatch_free(d->dispatch);
    control_free(d->control);
    intake_free(d->intake);
    anchor_release(d);
    commit_free(d->commit);
    sd_event_source_disable_unref(d->drain);
    sd_event_source_disable_unref(d->upkeep);
    sd_event_source_disable_unref(d->settled);
    store_close(d->store);
    seal_ring_free(d->keys);
    settings_free(d->settings);
    free(d->worker_program);
    sd_event_unref(d->site.loop);
}

#include "lane.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/settings.h>

/* Each turn of the loop: what came free and what became due is claimed in the same transaction as what came in. */
static void before_commit(void *userdata)
{
    struct dispatch *d = userdata;

    for (size_t i = 0; i < d->n_lanes; i++)
        lane_claim(&d->lanes[i]);
}

/* Workers prepare what was claimed while it is committed: they wait for this word, and others can wait for theirs. */
static void after_commit(void *userdata, int r)
{
    struct dispatch *d = userdata;

    for (size_t i = 0; i < d->n_lanes; i++)
        lane_tell_claims(&d->lanes[i], r);
}

static size_t count_lanes(void)
{
    size_t n = 0;

    for (const struct method *const *m = methods; *m; m++)
        n += (*m)->workers != NULL;
    return n;
}

static int open_lanes(struct dispatch *d)
{
    d->lanes = calloc(count_lanes(), sizeof(*d->lanes));
    if (!d->lanes)
        return -ENOMEM;
    for (const struct method *const *m = methods; *m; m++) {
        int r = (*m)->workers ? lane_open(&d->lanes[d->n_lanes++], d, *m) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

int dispatch_new(const struct site *site, const char *worker_program, struct dispatch **ret)
{
    CLEANUP(dispatch_cleanup) struct dispatch *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return -ENOMEM;
    *d = (struct dispatch){ .site = site, .worker_program = worker_program };
    r = open_lanes(d);
    if (r < 0)
        return r;
    for (size_t i = 0; i < d->n_lanes; i++)
        lane_recover(&d->lanes[i]);
    d->hook = (struct commit_hook){ .before = before_commit, .after = after_commit, .userdata = d };
    commit_hook(site->commit, &d->hook);
    commit_poke(site->commit);
    *ret = TAKE(d);
    return 0;
}

struct dispatch *dispatch_free(struct dispatch *d)
{
    if (!d)
        return NULL;
    commit_unhook(d->site->commit, &d->hook);
    for (size_t i = 0; i < d->n_lanes; i++)
        lane_close(&d->lanes[i]);
    free(d->lanes);
    free(d);
    return NULL;
}

static void quit_links(struct dispatch *d)
{
    for (size_t i = 0; i < d->n_lanes; i++)
        for (struct link *k = d->lanes[i].links; k; k = k->next)
            link_quit(k);
}

void dispatch_reload(struct dispatch *d)
{
    quit_links(d);
    dispatch_nudge(d);
}

void dispatch_stop(struct dispatch *d)
{
    d->stopping = true;
    quit_links(d);
}

bool dispatch_is_busy(const struct dispatch *d)
{
    for (size_t i = 0; i < d->n_lanes; i++) {
        if (d->stopping && d->lanes[i].links)
            return true;
        for (const struct flight *f = d->lanes[i].flights; f; f = f->next)
            if (f->place == FLIGHT_CLAIMED || f->place == FLIGHT_AT_WORK || f->place == FLIGHT_SETTLING ||
                f->place == FLIGHT_UNSAVED)
                return true;
    }
    return false;
}

int dispatch_withdraw(struct dispatch *d, const struct uuid *id, const char *words, int64_t uid)
{
    for (size_t i = 0; i < d->n_lanes; i++) {
        struct flight *f = flight_find(&d->lanes[i], id);
        int r = f ? flight_withdraw(f, words, uid) : -ENOENT;

        if (r == 0)
            lane_look_soon(&d->lanes[i], true);
        if (f)
            return r;
    }
    return -ENOENT;
}

void dispatch_resume(struct dispatch *d)
{
    for (size_t i = 0; i < d->n_lanes; i++)
        lane_resume(&d->lanes[i]);
}

void dispatch_nudge(struct dispatch *d)
{
    for (size_t i = 0; i < d->n_lanes; i++)
        lane_nudge(&d->lanes[i]);
    commit_poke(d->site->commit);
}

bool dispatch_is_quiet(const struct dispatch *d)
{
    for (size_t i = 0; i < d->n_lanes; i++)
        if (!lane_is_quiet(&d->lanes[i]))
            return false;
    return true;
}

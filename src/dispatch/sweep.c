/* A worker that was interrupted, or that outlived its dispatcher for a while, may leave something at the destination
 * that is ready to be sent and that no later attempt looks for: a held job with a letter in it. Only the dispatcher
 * knows what all workers have in hand, so that a worker lists what waits there and asks. The list is older than the
 * answer: what a new attempt makes is not on it, and an attempt that is in hand keeps what it made. */
#include "lane.h"

#include <string.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/json.h>
#include <pindispatch/settings.h>

#define SWEEP_FIRST (100 * MICROSECONDS_PER_MILLISECOND)
#define SWEEP_GROWS 10 /* what was interrupted may be stopped for a while before it leaves something */
/* Longer than a worker makes letters that nobody waits for any more: a batch's patience, and then the deadlines that
 * it sets itself for its requests. */
#define SWEEP_SPAN  (300 * MICROSECONDS_PER_SECOND)

int64_t sweep_next(int64_t after, bool clean)
{
    if (after >= SWEEP_SPAN && clean)
        return 0;
    return after * SWEEP_GROWS < SWEEP_SPAN ? after * SWEEP_GROWS : SWEEP_SPAN;
}

static bool is_tidying(const struct lane *l)
{
    const struct link *k = l->links;

    while (k && !(k->channel && k->tidying))
        k = k->next;
    return k;
}

/* Without a worker the next one that is ready sweeps. */
static int on_sweep(sd_event_source *source, uint64_t now, void *userdata)
{
    struct lane *l = userdata;
    struct link *k = lane_idlest(l);

    (void)source;
    (void)now;
    if (k && !is_tidying(l) && !l->dispatch->stopping)
        link_tidy(k);
    CRASH_POINT("dispatch.sweeping");
    return 0;
}

int sweep_open(struct lane *l)
{
    return l->method->tidy ? lane_add_timer(l, on_sweep, &l->sweep) : 0;
}

static void plan(struct lane *l, int64_t after)
{
    l->sweep_after = after;
    if (l->sweep && after)
        lane_wake(l->sweep, after);
}

void sweep_soon(struct lane *l)
{
    plan(l, SWEEP_FIRST);
}

void sweep_done(struct lane *l, bool clean)
{
    plan(l, sweep_next(l->sweep_after, clean));
}

static bool is_in_hand(const struct dispatch *d, const struct uuid *id)
{
    for (size_t i = 0; i < d->n_lanes; i++)
        if (flight_find(&d->lanes[i], id))
            return true;
    return false;
}

/* The job that the delivery knows as its own: marked, or in the evidence of its last outcome. 0: none. */
static json_int_t noted_job(const struct record *r)
{
    const char *text = r->mark ? r->mark : r->outcome;
    CLEANUP(json_cleanup) json_t *j = text ? json_parse_line(text, strlen(text)) : NULL;

    return json_number(r->mark ? j : json_object_get(j, "evidence"), "job_id", 0);
}

/* What was allowed to be sent is the letter itself, though somebody may hold it at the printer. */
static int judge_record(void *userdata, const struct record *r)
{
    struct waiting *w = userdata;
    bool sent = r->stage == STAGE_RELEASING || r->stage == STAGE_SPOOLED;
    json_int_t noted = sent ? noted_job(r) : 0;

    w->left = !uuid_equal(&r->job_uuid, &w->job_uuid) || !sent || (noted && noted != w->job);
    return 0;
}

/* A delivery that this store does not have is another dispatcher's, which may use the same printer. */
int sweep_judge(const struct lane *l, struct waiting *w, size_t n)
{
    struct store *store = l->dispatch->site->store;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        w[i].left = false;
        if (!is_in_hand(l->dispatch, &w[i].id))
            r = store_find(store, &w[i].id, judge_record, &w[i]);
    }
    return r < 0 ? r : 0;
}

#include "lane.h"

#include <pindispatch/clock.h>
#include <pindispatch/json.h>
#include <pindispatch/settings.h>

static json_t *describe_trouble(const struct trouble *t)
{
    char since[CLOCK_TEXT], next_try[CLOCK_TEXT];

    if (!t->on)
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:s}", "code", t->code, "reason", t->reason, "since",
                     clock_format(t->since, since), "next_try", clock_format(t->until, next_try));
}

static json_int_t count_place(const struct lane *l, bool spooled)
{
    json_int_t n = 0;

    for (const struct flight *f = l->flights; f; f = f->next)
        n += (f->state == STATE_SPOOLED) == spooled;
    return n;
}

/* A worker counts when it has its settings, its key and its template. */
static json_int_t count_ready(const struct lane *l, bool busy_only)
{
    json_int_t n = 0;

    for (const struct link *k = l->links; k; k = k->next)
        n += k->channel && k->ready && !k->quitting && (!busy_only || k->in_hand > 0);
    return n;
}

static json_t *describe_lane(const struct lane *l)
{
    const struct settings *s = lane_settings(l);
    const char *destination = l->method->destination ? settings_text(s, l->method->destination) : "";

    return json_pack("{s:s, s:{s:I, s:I, s:I}, s:s, s:I, s:I, s:o, s:O*}", "method", l->method->names[SECRET_PIN],
                     "workers", "wanted", (json_int_t)settings_integer(s, l->method->workers), "running",
                     count_ready(l, false), "busy", count_ready(l, true), "destination", destination, "in_hand",
                     count_place(l, false), "spooled", count_place(l, true), "trouble", describe_trouble(&l->trouble),
                     "findings", l->findings);
}

json_t *dispatch_status(const struct dispatch *d)
{
    CLEANUP(json_cleanup) json_t *list = json_array();

    for (size_t i = 0; i < d->n_lanes; i++)
        if (json_array_append_new(list, describe_lane(&d->lanes[i])) < 0)
            return NULL;
    return TAKE(list);
}

#include "request.h"

#include <errno.h>
#include <stdio.h>

#include <pindispatch/clock.h>
#include <pindispatch/commit.h>
#include <pindispatch/log.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

static json_t *counts_to_json(const struct store_stat *stat)
{
    CLEANUP(json_cleanup) json_t *counts = json_object();

    for (int s = 0; counts && s < STATE_COUNT; s++)
        if (json_object_set_new(counts, state_name(s), json_integer((json_int_t)stat->by_state[s])) < 0)
            return NULL;
    return TAKE(counts);
}

static json_t *trouble_to_json(const struct commit_trouble *t, int64_t now)
{
    char since[CLOCK_TEXT];

    if (t->error == 0)
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "code", commit_trouble_code(t), "reason", t->reason, "since",
                     clock_format(now - (clock_monotonic() - t->since), since));
}

/* The host's members and the store's in one object: what `status` shows and `metrics` is made from. */
json_t *status_to_json(const struct request *q)
{
    CLEANUP(json_cleanup) json_t *status = q->host->status(q->host->userdata);
    struct store_stat stat = { 0 };
    json_t *store;

    if (!status || json_object_set_new(status, "dry_run", json_boolean(q->site->dry_run)) < 0)
        return NULL;
    /* A store that cannot be read is just what an operator wants to see here, beside the rest. */
    if (store_stat(q->site->store, &stat) < 0)
        store = json_object();
    else
        store =
            json_pack("{s:o, s:I, s:I, s:i}", "deliveries", counts_to_json(&stat), "events", (json_int_t)stat.events,
                      "audit_rows", (json_int_t)stat.audit_rows, "schema", (int)stat.schema);
    if (json_object_set_new(status, "store", store) < 0 ||
        json_object_set_new(store, "trouble",
                            trouble_to_json(commit_trouble(q->site->commit), clock_now(q->site->clock))) < 0)
        return NULL;
    return TAKE(status);
}

int command_status(struct request *q)
{
    json_t *status = status_to_json(q);

    return request_answer(q, status ? json_pack("{s:o}", "status", status) : NULL);
}

int command_reload(struct request *q)
{
    struct problem p = { 0 };
    int r = q->host->reload(q->host->userdata, &p);
    char uid[24];

    snprintf(uid, sizeof(uid), "%lld", (long long)q->uid);
    log_event(LOG_NOTICE, MESSAGE_OPERATOR,
              LOG_FIELDS(LOG_FIELD("OPERATOR_UID", uid), LOG_FIELD("COMMAND", q->command->name)),
              "operator with uid %s: reload %s", uid, r == 0 ? "done" : "refused");
    if (r < 0)
        return r;
    if (r > 0)
        return request_refuse(q, "config", "%s%s%s", p.where, p.where[0] ? ": " : "", p.message);
    return request_answer(q, json_pack("{s:I}", "generation", (json_int_t)q->site->generation));
}

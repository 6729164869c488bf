#include "request.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/site.h>
#include <pindispatch/store.h>

enum {
    LIST_STANDARD = 100,
    LIST_PAGE = 64,   /* rows read from the store in one step */
    SHOW_AUDIT = 500, /* rows of the audit trail that `show` gives; audit-export gives all */
};

/* A list tells what became of a delivery, not the evidence, which may hold an address. */
static int put_outcome(json_t *delivery, const char *outcome, bool whole)
{
    json_t *parsed = outcome ? json_loads(outcome, 0, NULL) : NULL;

    if (!parsed)
        return 0;
    if (!whole)
        json_object_del(parsed, "evidence");
    return json_object_set_new(delivery, "outcome", parsed);
}

static json_t *record_to_json(const struct record *r, bool whole)
{
    CLEANUP(json_cleanup) json_t *j = NULL;
    char id[UUID_TEXT];

    j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "id", uuid_format(&r->id, id), "secret",
                  secret_kind_name(r->secret), "method", r->method, "state", state_name(r->state), "stage",
                  stage_name(r->stage), "attempts", (int)r->attempts, "copy", (int)r->copy);
    if (!j || put_time(j, "created", r->created) < 0 || put_time(j, "updated", r->updated) < 0 ||
        put_time(j, "due", r->due) < 0 || json_put_text(j, "source", r->source) < 0 ||
        json_put_text(j, "event_id", r->event_id) < 0 || put_outcome(j, r->outcome, whole) < 0)
        return NULL;
    return TAKE(j);
}

static int list_record(void *userdata, const struct record *r)
{
    struct request *q = userdata;
    int e = request_item(q, record_to_json(r, false));

    if (e != 0)
        return e;
    q->before = r->id;
    q->has_before = true;
    q->left--;
    return request_page_is_full(q) ? 1 : 0;
}

int command_list(struct request *q)
{
    json_int_t left;
    unsigned mask, page;
    int r = request_states(q, &mask);

    if (r != 0)
        return r;
    if (!q->begun) {
        r = request_number(q, "limit", 1, REQUEST_LIMIT_MOST, LIST_STANDARD, &q->left);
        if (r != 0)
            return r;
        q->begun = true;
    }
    left = q->left;
    page = left < LIST_PAGE ? (unsigned)left : LIST_PAGE;
    r = store_list(q->site->store, mask, page, q->has_before ? &q->before : NULL, list_record, q);
    if (r < 0)
        return r;
    if (q->left > 0 && (r > 0 || left - q->left == page))
        return STEP_MORE;
    return request_answer(q, json_object());
}

static int show_row(void *userdata, const struct audit_row *r)
{
    json_t *rows = userdata;
    json_t *row = audit_row_to_json(r);

    if (!row || json_array_append_new(rows, row) < 0)
        return -ENOMEM;
    return json_array_size(rows) >= SHOW_AUDIT ? 1 : 0;
}

static int show_record(void *userdata, const struct record *r)
{
    json_t **ret = userdata;
    CLEANUP(json_cleanup) json_t *j = record_to_json(r, true);
    char job[UUID_TEXT];
    json_t *event;

    if (!j || json_put_text(j, "job_uuid", uuid_format(&r->job_uuid, job)) < 0)
        return -ENOMEM;
    event = r->event ? json_loads(r->event, 0, NULL) : NULL;
    if (json_object_set_new(j, "event", event ? event : json_null()) < 0 ||
        json_object_set_new(j, "sealed", json_boolean(r->sealed != NULL)) < 0)
        return -ENOMEM;
    *ret = TAKE(j);
    return 0;
}

int command_show(struct request *q)
{
    CLEANUP(json_cleanup) json_t *delivery = NULL;
    struct uuid id;
    json_t *rows;
    int r = request_id(q, &id);

    if (r != 0)
        return r;
    r = store_find(q->site->store, &id, show_record, &delivery);
    if (r == STORE_UNKNOWN)
        return request_refuse(q, "unknown", "there is no delivery with this id");
    if (r < 0)
        return r;
    rows = json_array();
    if (json_object_set_new(delivery, "audit", rows) < 0)
        return -ENOMEM;
    r = store_audit(q->site->store, &id, 0, show_row, rows);
    if (r < 0)
        return r;
    return request_answer(q, json_pack("{s:o}", "delivery", TAKE(delivery)));
}

static int note_state(void *userdata, const struct record *r)
{
    enum delivery_state *state = userdata;

    *state = r->state;
    return 0;
}

/* An id that is none, or of no delivery, is told by null: one typing error does not spoil the others. */
static int put_state(struct request *q, json_t *states, const char *text)
{
    enum delivery_state state = STATE_COUNT;
    struct uuid id;
    int r = 0;

    if (uuid_parse(text, &id) == 0)
        r = store_find(q->site->store, &id, note_state, &state);
    if (r < 0)
        return r;
    return json_object_set_new(states, text, state < STATE_COUNT ? json_string(state_name(state)) : json_null());
}

int command_states(struct request *q)
{
    const json_t *ids = json_object_get(q->arguments, "ids");
    CLEANUP(json_cleanup) json_t *states = json_object();
    const json_t *id;
    size_t i;

    if (!json_is_array(ids) || json_array_size(ids) > REQUEST_IDS_MOST)
        return request_refuse(q, "usage", "\"ids\" is a list of at most %d ids", REQUEST_IDS_MOST);
    if (!states)
        return -ENOMEM;
    json_array_foreach (ids, i, id) {
        if (!json_is_string(id))
            return request_refuse(q, "usage", "\"ids\" is a list of texts");
        int r = put_state(q, states, json_string_value(id));

        if (r < 0)
            return r;
    }
    return request_answer(q, json_pack("{s:o}", "states", TAKE(states)));
}

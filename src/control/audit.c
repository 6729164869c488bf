#include "request.h"

#include <errno.h>

#include <pindispatch/settings.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

enum { VERIFY_ROWS = 10000 }; /* a step: some milliseconds */

static int put_detail(json_t *row, const char *detail)
{
    json_t *parsed;

    if (!detail)
        return 0;
    parsed = json_loads(detail, JSON_DECODE_ANY, NULL);
    return json_object_set_new(row, "detail", parsed ? parsed : json_null());
}

json_t *audit_row_to_json(const struct audit_row *r)
{
    CLEANUP(json_cleanup) json_t *row = NULL;
    char id[UUID_TEXT];

    row = json_pack("{s:I, s:s, s:s, s:I, s:I}", "seq", (json_int_t)r->seq, "delivery", uuid_format(&r->delivery, id),
                    "to", r->to, "uid", (json_int_t)r->uid, "generation", (json_int_t)r->generation);
    if (!row || put_time(row, "time", r->time) < 0 ||
        (r->prior > 0 && json_object_set_new(row, "prior", json_integer((json_int_t)r->prior)) < 0) ||
        json_put_text(row, "from", r->from && r->from[0] ? r->from : NULL) < 0 ||
        json_put_text(row, "cause", r->cause) < 0 || json_put_text(row, "words", r->words) < 0 ||
        json_put_text(row, "template", r->template_hash && r->template_hash[0] ? r->template_hash : NULL) < 0 ||
        put_detail(row, r->detail) < 0 || json_put_text(row, "hash", r->hash) < 0)
        return NULL;
    return TAKE(row);
}

static int export_row(void *userdata, const struct audit_row *r)
{
    struct request *q = userdata;
    int e = request_item(q, audit_row_to_json(r));

    if (e != 0)
        return e;
    q->after = r->seq;
    return request_page_is_full(q) ? 1 : 0;
}

static int export_anchor(void *userdata, const struct anchor *a)
{
    struct request *q = userdata;
    json_t *anchor;
    int e;

    if (a->number <= q->anchor || a->seq <= q->first)
        return 0;
    anchor = anchor_to_json(a);
    e = request_item(q, anchor ? json_pack("{s:o}", "anchor", anchor) : NULL);
    if (e != 0)
        return e;
    q->anchor = a->number;
    return request_page_is_full(q) ? 1 : 0;
}

int command_audit_export(struct request *q)
{
    json_int_t after;
    int r;

    if (!q->begun) {
        r = request_number(q, "after", 0, INT64_MAX, 0, &after);
        if (r != 0)
            return r;
        q->first = q->after = (uint64_t)after;
        q->begun = true;
    }
    r = q->rows_done ? 0 : store_audit(q->site->store, NULL, q->after, export_row, q);
    q->rows_done = r == 0;
    if (r == 0)
        r = store_anchors(q->site->store, export_anchor, q);
    if (r != 0)
        return r < 0 ? r : STEP_MORE;
    return request_answer(q, json_object());
}

/* The key that anchors are checked with; NULL: none is set. 0, STEP_REFUSED or negative. */
static int load_key(struct request *q)
{
    const char *path = settings_text(q->site->settings, "audit.public_key");
    struct problem p = { 0 };
    int r = *path ? audit_key_load(path, &q->key, &p) : 0;

    return r > 0 ? request_refuse(q, "config", "audit.public_key: %s: %s", p.where, p.message) : r;
}

static int begin_check(struct request *q, struct problem *p)
{
    q->begun = true;
    return audit_check_new(q->site->store, settings_text(q->site->settings, "store.path"), q->key, &q->check, p);
}

static int answer_check(struct request *q)
{
    json_t *answer = json_pack("{s:I}", "rows", (json_int_t)audit_check_rows(q->check));

    if (answer && q->key &&
        (json_object_set_new(answer, "anchors", json_integer((json_int_t)audit_check_anchors(q->check))) < 0 ||
         json_object_set_new(answer, "anchored", json_integer((json_int_t)audit_check_anchored(q->check))) < 0)) {
        json_decref(answer);
        answer = NULL;
    }
    return request_answer(q, answer);
}

/* In steps: a long trail must not hold up the loop. */
int command_audit_verify(struct request *q)
{
    struct problem p = { 0 };
    bool done = false;
    int r = q->begun ? 0 : load_key(q);

    if (r != 0)
        return r;
    r = q->begun ? 0 : begin_check(q, &p);
    if (r == 0)
        r = audit_check_step(q->check, VERIFY_ROWS, &done, &p);
    if (r < 0)
        return r;
    if (r > 0)
        return request_refuse(q, "audit", "%s%s%s", p.where, p.where[0] ? ": " : "", p.message);
    return done ? answer_check(q) : STEP_MORE;
}

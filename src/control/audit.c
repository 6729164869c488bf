#include "request.h"

#include <errno.h>

#include <pindispatch/site.h>
#include <pindispatch/store.h>

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

int command_audit_export(struct request *q)
{
    json_int_t after;
    int r;

    if (!q->begun) {
        r = request_number(q, "after", 0, INT64_MAX, 0, &after);
        if (r != 0)
            return r;
        q->after = (uint64_t)after;
        q->begun = true;
    }
    r = store_audit(q->site->store, NULL, q->after, export_row, q);
    if (r < 0)
        return r;
    return r > 0 ? STEP_MORE : request_answer(q, json_object());
}

int command_audit_verify(struct request *q)
{
    struct problem p = { 0 };
    uint64_t rows = 0;
    int r = store_audit_verify(q->site->store, &rows, &p);

    if (r < 0)
        return r;
    if (r > 0)
        return request_refuse(q, "audit", "%s%s%s", p.where, p.where[0] ? ": " : "", p.message);
    return request_answer(q, json_pack("{s:I}", "rows", (json_int_t)rows));
}

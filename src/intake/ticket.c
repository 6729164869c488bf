#include "ticket.h"

#include <errno.h>
#include <stdlib.h>

#include <pindispatch/json.h>

struct ticket *ticket_new(struct admit *a, void (*notify)(void *owner), void *owner)
{
    struct ticket *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->admit = a;
    t->notify = notify;
    t->owner = owner;
    return t;
}

struct ticket *ticket_free(struct ticket *t)
{
    if (!t)
        return NULL;
    event_free(t->event);
    free(t);
    return NULL;
}

void tickets_push(struct tickets *q, struct ticket *t)
{
    if (q->last)
        q->last->next = t;
    else
        q->first = t;
    q->last = t;
    q->n++;
}

static struct ticket *take_first(struct tickets *q)
{
    struct ticket *t = q->first;

    q->first = t->next;
    if (!q->first)
        q->last = NULL;
    q->n--;
    t->next = NULL;
    return t;
}

struct ticket *tickets_pop(struct tickets *q)
{
    return q->first && q->first->settled ? take_first(q) : NULL;
}

void tickets_abandon(struct tickets *q)
{
    while (q->first) {
        struct ticket *t = take_first(q);

        t->notify = NULL;
        if (t->settled)
            ticket_free(t);
    }
}

static const char *verdict_name(enum verdict v)
{
    static const char *const names[] = { "accepted", "duplicate", "rejected" };

    return names[v];
}

static json_t *delivery_to_json(const struct admitted *a)
{
    char id[UUID_TEXT];

    return json_pack("{s:s, s:s, s:s, s:s}", "id", uuid_format(&a->id, id), "secret", secret_kind_name(a->secret),
                     "method", a->method, "state", state_name(a->state));
}

static int add_deliveries(json_t *answer, const struct admission *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->n; i++)
        if (json_array_append_new(list, delivery_to_json(&a->items[i])) < 0) {
            json_decref(list);
            return -ENOMEM;
        }
    return json_object_set_new(answer, "deliveries", list) < 0 ? -ENOMEM : 0;
}

static int add_problem(json_t *answer, const struct ticket *t)
{
    int r = json_put_text(answer, "code", t->problem.code);

    if (r == 0 && t->problem.where[0])
        r = json_put_text(answer, "path", t->problem.where);
    if (r == 0)
        r = json_put_text(answer, "message", t->problem.message);
    if (r == 0 && t->retry_after > 0)
        r = json_object_set_new(answer, "retry_after", json_integer(t->retry_after)) < 0 ? -ENOMEM : 0;
    return r;
}

json_t *ticket_answer(const struct ticket *t)
{
    CLEANUP(json_cleanup) json_t *answer = json_object();
    int r = json_put_text(answer, "result", verdict_name(t->verdict));

    if (r == 0)
        r = json_put_text(answer, "source", t->event ? t->event->source : NULL);
    if (r == 0)
        r = json_put_text(answer, "id", t->event ? t->event->id : NULL);
    if (r == 0)
        r = t->verdict == VERDICT_REJECTED ? add_problem(answer, t) : add_deliveries(answer, &t->admission);
    return r == 0 ? TAKE(answer) : NULL;
}

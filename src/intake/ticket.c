#include "ticket.h"

#include <stdlib.h>

#include <pindispatch/json_line.h>

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

static void add_deliveries(struct json_line *l, const struct admission *a)
{
    char id[UUID_TEXT];

    json_line_open(l, "deliveries", '[');
    for (size_t i = 0; i < a->n; i++) {
        const struct admitted *item = &a->items[i];

        json_line_open(l, NULL, '{');
        json_line_text(l, "id", uuid_format(&item->id, id));
        json_line_text(l, "secret", secret_kind_name(item->secret));
        json_line_text(l, "method", item->method);
        json_line_text(l, "state", state_name(item->state));
        json_line_close(l, '}');
    }
    json_line_close(l, ']');
}

static void add_problem(struct json_line *l, const struct ticket *t)
{
    json_line_text(l, "code", t->problem.code);
    if (t->problem.where[0])
        json_line_text(l, "path", t->problem.where);
    json_line_text(l, "message", t->problem.message);
    if (t->retry_after > 0)
        json_line_number(l, "retry_after", t->retry_after);
}

int ticket_answer(const struct ticket *t, unsigned number, struct buffer *b)
{
    struct json_line l;

    json_line_begin(&l, b);
    json_line_text(&l, "result", verdict_name(t->verdict));
    json_line_text(&l, "source", t->event ? t->event->source : NULL);
    json_line_text(&l, "id", t->event ? t->event->id : NULL);
    if (t->verdict == VERDICT_REJECTED)
        add_problem(&l, t);
    else
        add_deliveries(&l, &t->admission);
    if (number > 0)
        json_line_number(&l, "line", number);
    return json_line_end(&l);
}

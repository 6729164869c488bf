#include "sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int event_key(struct sqlite *s, const struct event *e, int64_t *ret)
{
    int r = chain_key(&s->hasher, e->source, e->id, ret);

    return r < 0 ? sqlite_lose(s, r) : 0;
}

/* One delivery of an event that is there already. ORDER is 0 where the event has none of that kind. */
static int recall_item(struct sqlite *s, int64_t order, struct admission *a)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_DELIVERY_BRIEF);
    struct admitted *item = &a->items[a->n];
    const char *method;
    int r, secret, state;

    if (order == 0)
        return 0;
    bind_number(q, 1, order);
    r = sqlite_step(s, q);
    if (r <= 0)
        return r < 0 ? r : sqlite_lose(s, -EUCLEAN);
    secret = column_enum(q, 1, SECRET_KINDS);
    state = column_enum(q, 3, STATE_COUNT);
    if (secret < 0 || state < 0)
        return sqlite_lose(s, -EUCLEAN);
    *item = (struct admitted){ .secret = (enum secret_kind)secret,
                               .state = (enum delivery_state)state,
                               .stated = sqlite3_column_int(q, 4) != 0,
                               .id = uuid_of_row(order, sqlite3_column_int64(q, 0)) };
    method = column_text(q, 2);
    if (!method)
        return sqlite_lose(s, -ENOMEM);
    snprintf(item->method, sizeof(item->method), "%s", method);
    a->n++;
    return 0;
}

/* Q stands at the event that has A's identity. */
static int recall(struct sqlite *s, sqlite3_stmt *q, struct admission *a)
{
    int64_t ids[SECRET_KINDS] = { sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4) };
    int r = 0;

    if (sqlite3_column_bytes(q, 2) != EVENT_DIGEST ||
        memcmp(sqlite3_column_blob(q, 2), a->event->digest, EVENT_DIGEST) != 0)
        return STORE_CONFLICT;
    a->n = 0;
    for (int i = 0; r == 0 && i < SECRET_KINDS; i++)
        r = recall_item(s, ids[i], a);
    return r < 0 ? r : STORE_DUPLICATE;
}

static int find_event(struct sqlite *s, int64_t key, struct admission *a)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_EVENT_FIND);
    int r;

    bind_number(q, 1, key);
    while ((r = sqlite_step(s, q)) > 0) {
        const char *source = column_text(q, 0), *id = column_text(q, 1);

        if (!source || !id) /* both are NOT NULL: it is memory that lacks */
            return sqlite_lose(s, -ENOMEM);
        if (strcmp(source, a->event->source) == 0 && strcmp(id, a->event->id) == 0)
            return recall(s, q, a);
    }
    return r;
}

static int add_event(struct sqlite *s, int64_t key, const struct admission *a)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_EVENT_ADD);
    int r;

    bind_number(q, 1, key);
    bind_text(q, 2, a->event->source);
    bind_text(q, 3, a->event->id);
    bind_bytes(q, 4, a->event->digest, EVENT_DIGEST);
    bind_text(q, 5, a->event->text);
    sqlite3_bind_null(q, 6 + SECRET_PIN);
    sqlite3_bind_null(q, 6 + SECRET_PUK);
    for (size_t i = 0; i < a->n; i++)
        bind_number(q, 6 + (int)a->items[i].secret, (int64_t)uuid_order(&a->items[i].id));
    r = sqlite_run(s, q);
    s->now.events++;
    return r;
}

static int add_sealed(struct sqlite *s, const struct admitted *item)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_SEALED_ADD);

    bind_number(q, 1, (int64_t)uuid_order(&item->id));
    bind_bytes(q, 2, item->sealed, strlen(item->sealed));
    return sqlite_run(s, q);
}

static int add_row(struct sqlite *s, int64_t event, const struct admitted *item, int64_t now)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_DELIVERY_ADD);

    bind_number(q, 1, (int64_t)uuid_order(&item->id));
    bind_number(q, 2, uuid_tail(&item->id));
    bind_number(q, 3, event);
    bind_number(q, 4, item->secret);
    bind_text(q, 5, item->method);
    bind_number(q, 6, item->state);
    bind_number(q, 7, item->stated);
    bind_number(q, 8, now);
    if (item->state == STATE_QUEUED)
        bind_number(q, 9, now);
    else
        sqlite3_bind_null(q, 9);
    bind_number(q, 10, item->sealed != NULL);
    bind_number(q, 11, (int64_t)s->now.audit_rows);
    return sqlite_run(s, q);
}

static int add_delivery(struct sqlite *s, int64_t event, const struct admitted *item, const struct cause *cause)
{
    int r = audit_append(s, &item->id, -1, item->state, 0, NULL, NULL, cause);

    if (r == 0)
        r = add_row(s, event, item, cause->now);
    if (r == 0 && item->sealed)
        r = add_sealed(s, item);
    s->now.by_state[item->state]++;
    return r;
}

/* What a caller must not ask for: a queued delivery without a secret, a dropped secret that is stored. */
static bool is_sound(const struct admission *a)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct admitted *item = &a->items[i];

        if (item->state != STATE_QUEUED && item->state != STATE_NOPIN)
            return false;
        if ((item->state == STATE_QUEUED) != (item->sealed != NULL))
            return false;
    }
    return a->n <= SECRET_KINDS && (a->n < 2 || a->items[0].secret != a->items[1].secret);
}

int sqlite_recall(struct store *store, struct admission *a)
{
    struct sqlite *s = sqlite_of(store);
    int64_t key = 0;
    int r = event_key(s, a->event, &key);

    if (r == 0)
        r = find_event(s, key, a);
    a->is_new = r == 0;
    return r;
}

int sqlite_put(struct store *store, struct admission *a)
{
    struct sqlite *s = sqlite_of(store);
    int64_t key = 0, event;
    int r = is_sound(a) ? sqlite_join(s) : -EINVAL;

    if (r == 0)
        r = event_key(s, a->event, &key);
    if (r == 0 && !a->is_new)
        r = find_event(s, key, a);
    if (r != 0)
        return r;
    for (size_t i = 0; i < a->n; i++)
        a->items[i].id = uuid_v7(a->cause.now, &s->last_id);
    r = add_event(s, key, a);
    event = sqlite3_last_insert_rowid(s->db);
    if (r == 0)
        r = key_add(s, key, event);
    for (size_t i = 0; r == 0 && i < a->n; i++)
        r = add_delivery(s, event, &a->items[i], &a->cause);
    return r;
}

#include "sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_enums(sqlite3_stmt *q, struct record *r)
{
    int secret = column_enum(q, 3, SECRET_KINDS);
    int state = column_enum(q, 4, STATE_COUNT);
    int stage = column_enum(q, 5, STAGE_COUNT);
    const char *method = column_text(q, 6);

    if (sqlite_columns(q) < 0)
        return -ENOMEM;
    if (secret < 0 || state < 0 || stage < 0 || !method)
        return -EUCLEAN;
    r->secret = (enum secret_kind)secret;
    r->state = (enum delivery_state)state;
    r->stage = (enum stage)stage;
    snprintf(r->method, sizeof(r->method), "%s", method);
    return 0;
}

int record_read(sqlite3_stmt *q, struct record *ret)
{
    *ret = (struct record){
        .id = uuid_of_row(sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1)),
        .attempts = (unsigned)sqlite3_column_int64(q, 7),
        .copy = (unsigned)sqlite3_column_int64(q, 8),
        .stated = sqlite3_column_int(q, 9) != 0,
        .created = sqlite3_column_int64(q, 10),
        .updated = sqlite3_column_int64(q, 11),
        .due = sqlite3_column_int64(q, 12), /* NULL reads as 0 */
        .source = column_text(q, 13),
        .event_id = column_text(q, 14),
        .event = column_text(q, 15),
        .outcome = column_text(q, 16),
        .mark = column_text(q, 17),
        .sealed = column_text(q, 18),
    };
    ret->job_uuid = ret->id;
    if (sqlite3_column_bytes(q, 2) == sizeof(ret->job_uuid))
        memcpy(&ret->job_uuid, sqlite3_column_blob(q, 2), sizeof(ret->job_uuid));
    return read_enums(q, ret);
}

static int give(struct sqlite *s, enum statement which, int64_t order, const struct uuid *id, store_each *each,
                void *userdata)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, which);
    struct record record;
    int r;

    bind_number(q, 1, order);
    r = sqlite_step(s, q);
    if (r <= 0)
        return r < 0 ? r : STORE_UNKNOWN;
    r = record_read(q, &record);
    if (r < 0)
        return r;
    if (id && !uuid_equal(id, &record.id))
        return STORE_UNKNOWN;
    return each(userdata, &record);
}

int sqlite_find(struct store *store, const struct uuid *id, store_each *each, void *userdata)
{
    return give(sqlite_of(store), SQL_RECORD_SEALED, (int64_t)uuid_order(id), id, each, userdata);
}

/* The newest delivery of a state below BELOW; 0: none. */
static int newest_below(struct sqlite *s, int state, int64_t below, int64_t *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_STATE_BELOW);
    int r;

    bind_number(q, 1, state);
    bind_number(q, 2, below);
    r = sqlite_step(s, q);
    *ret = r > 0 ? sqlite3_column_int64(q, 0) : 0;
    return r < 0 ? r : 0;
}

static int newest_head(const int64_t heads[STATE_COUNT])
{
    int newest = 0;

    for (int state = 1; state < STATE_COUNT; state++)
        if (heads[state] > heads[newest])
            newest = state;
    return newest;
}

/* Merges the states' runs, each of which the index gives in order: a list is quick however rare its states are. */
int sqlite_list(struct store *store, unsigned mask, unsigned limit, const struct uuid *before, store_each *each,
                void *userdata)
{
    struct sqlite *s = sqlite_of(store);
    int64_t heads[STATE_COUNT] = { 0 };
    int64_t below = before ? (int64_t)uuid_order(before) : INT64_MAX;
    int r = 0;

    for (int state = 0; r == 0 && state < STATE_COUNT; state++)
        if (mask & STATE_BIT(state))
            r = newest_below(s, state, below, &heads[state]);
    while (r == 0 && limit-- > 0) {
        int state = newest_head(heads);

        if (heads[state] == 0)
            break;
        r = give(s, SQL_RECORD, heads[state], NULL, each, userdata);
        if (r == 0)
            r = newest_below(s, state, heads[state], &heads[state]);
    }
    return r;
}

int sqlite_next_due(struct store *store, const char *method, int64_t *ret)
{
    struct sqlite *s = sqlite_of(store);
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_NEXT_DUE);
    int r;

    bind_text(q, 1, method);
    r = sqlite_step(s, q);
    *ret = r > 0 ? sqlite3_column_int64(q, 0) : 0;
    return r < 0 ? r : 0;
}

int sqlite_stat(struct store *store, struct store_stat *ret)
{
    struct sqlite *s = sqlite_of(store);

    *ret = (struct store_stat){ .events = s->now.events,
                                .audit_rows = s->now.audit_rows,
                                .schema = sqlite_newest_schema() };
    memcpy(ret->by_state, s->now.by_state, sizeof(ret->by_state));
    return s->dead;
}

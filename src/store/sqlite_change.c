#include "sqlite.h"

#include <errno.h>
#include <stdio.h>

#include <pindispatch/json.h>

enum { SWEEP_LOOKS = 20 }; /* events looked at for one whose body is forgotten */

/* States that are of no use without the secret. */
static const unsigned needs_secret =
    STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_SENDING) | STATE_BIT(STATE_DEFERRED) | STATE_BIT(STATE_HELD);

static int write_mark(struct sqlite *s, const struct row *row, enum stage stage, const char *evidence, int64_t now)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_DELIVERY_MARK);

    bind_number(q, 1, (int64_t)uuid_order(&row->id));
    bind_number(q, 2, stage);
    bind_number(q, 3, now);
    bind_number(q, 4, (int64_t)s->now.audit_rows);
    bind_text(q, 5, evidence);
    return sqlite_run(s, q);
}

int sqlite_mark(struct store *store, const struct uuid *id, enum stage stage, const char *evidence,
                const struct cause *cause)
{
    struct sqlite *s = sqlite_of(store);
    CLEANUP(free_cleanup) char *detail = NULL;
    struct row row;
    int r = sqlite_join(s);

    if (r == 0)
        r = row_read(s, id, &row);
    if (r != 0)
        return r;
    if (row.state != STATE_SENDING)
        return STORE_STALE;
    if (asprintf(&detail, "{\"stage\":\"%s\",\"evidence\":%s}", stage_name(stage), evidence ? evidence : "null") < 0)
        return sqlite_lose(s, -ENOMEM);
    r = audit_append(s, id, (int)row.state, row.state, row.audit, NULL, detail, cause);
    return r < 0 ? r : write_mark(s, &row, stage, evidence, cause->now);
}

/* May this change be? 0 or a condition. */
static int judge(const struct row *row, const struct change *c)
{
    if (!(c->from & STATE_BIT(row->state)))
        return STORE_STALE;
    if (!state_may_become(row->state, c->to))
        return STORE_CONFLICT;
    return (needs_secret & STATE_BIT(c->to)) && !row->sealed ? STORE_CONFLICT : 0;
}

static int outcome_text(const struct outcome *o, struct buffer *b)
{
    CLEANUP(json_cleanup) json_t *j = outcome_to_json(o);
    int r = json_add_line(b, j);

    if (r < 0)
        return r;
    b->end--; /* its newline */
    return buffer_terminate(b);
}

static int settle(struct sqlite *s, const struct row *row, const struct change *c, const char *outcome)
{
    char detail[UUID_TEXT + 64], text[UUID_TEXT];
    struct uuid job = { 0 };
    struct row_change change = { .to = c->to,
                                 .stage = c->stage,
                                 .attempts = row->attempts,
                                 .copy = row->copy,
                                 .due = c->due,
                                 .outcome = outcome,
                                 .forget_mark = outcome != NULL,
                                 .template_hash = c->template_hash,
                                 .cause = &c->cause };

    if (c->new_copy) {
        job = uuid_v7(c->cause.now, &s->last_id);
        change.job_uuid = &job;
        change.copy++;
        snprintf(detail, sizeof(detail), "{\"copy\":%u,\"job_uuid\":\"%s\"}", change.copy, uuid_format(&job, text));
        change.detail = detail;
        change.stage = STAGE_FRESH;
        change.forget_mark = true;
    }
    return row_change(s, row, &change);
}

int sqlite_settle(struct store *store, const struct change *c)
{
    struct sqlite *s = sqlite_of(store);
    CLEANUP(buffer_release) struct buffer outcome = BUFFER(EVENT_MOST);
    struct row row;
    int r = sqlite_join(s);

    if (r == 0)
        r = row_read(s, &c->id, &row);
    if (r == 0)
        r = judge(&row, c);
    if (r != 0)
        return r;
    if (c->outcome)
        r = outcome_text(c->outcome, &outcome);
    if (r < 0)
        return sqlite_lose(s, r);
    return settle(s, &row, c, c->outcome ? buffer_bytes(&outcome) : NULL);
}

/* One state's part of a sweep. */
struct broom {
    enum delivery_state state;
    int64_t before;
    bool since_change; /* else since acceptance */
    const struct cause *cause;
};

static int next_of_state(struct sqlite *s, enum delivery_state state, int64_t above, int64_t *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_STATE_ABOVE);
    int r;

    bind_number(q, 1, state);
    bind_number(q, 2, above);
    r = sqlite_step(s, q);
    *ret = r > 0 ? sqlite3_column_int64(q, 0) : 0; /* NULL: there is none */
    return r < 0 ? r : 0;
}

static int forget_event(struct sqlite *s, const struct row *row)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_EVENT_FORGET);

    bind_number(q, 1, row->event);
    bind_number(q, 2, STATES_FINAL);
    return sqlite_run(s, q);
}

static int expire(struct sqlite *s, const struct row *row, const struct broom *b)
{
    struct row_change change = {
        .to = STATE_EXPIRED, .stage = row->stage, .attempts = row->attempts, .copy = row->copy, .cause = b->cause
    };
    int r = sqlite_join(s);

    if (r == 0)
        r = row_change(s, row, &change);
    if (r == 0 && b->since_change)
        r = forget_event(s, row);
    return r;
}

/* Oldest first, until one was accepted too late. Adds to COUNT. */
static int sweep_state(struct sqlite *s, const struct broom *b, unsigned limit, unsigned *count)
{
    struct row row;
    int64_t id = 0;
    int r = next_of_state(s, b->state, id, &id);

    while (r == 0 && id != 0 && *count < limit) {
        r = row_read_order(s, id, &row);
        if (r != 0 || row.created >= b->before)
            break;
        if (!b->since_change || row.updated < b->before) {
            r = expire(s, &row, b);
            *count += 1;
        }
        if (r == 0)
            r = next_of_state(s, b->state, id, &id);
    }
    return r;
}

/* An event that has its body still: when it came, and since when all of it is over (INT64_MAX: it is not). */
struct leftover {
    int64_t number, created, over;
};

static int next_body(struct sqlite *s, int64_t after, struct leftover *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_BODY_OLDEST);
    int r;

    bind_number(q, 1, after);
    bind_number(q, 2, STATES_FINAL);
    r = sqlite_step(s, q);
    if (r <= 0 || sqlite3_column_type(q, 0) == SQLITE_NULL) /* NULL: there is none */
        return r < 0 ? r : 0;
    *ret = (struct leftover){ .number = sqlite3_column_int64(q, 0),
                              .created = sqlite3_column_int64(q, 1),
                              .over = sqlite3_column_int64(q, 3) ? sqlite3_column_int64(q, 2) : INT64_MAX };
    return 1;
}

static int forget_body(struct sqlite *s, int64_t number)
{
    struct row row = { .event = number };
    int r = sqlite_join(s);

    return r == 0 ? forget_event(s, &row) : r;
}

/* The holders' data of what is over. Oldest first; those that are not over yet are few and passed over, at most LIMIT
 * of them as well, so that a look is short. */
static int sweep_bodies(struct sqlite *s, int64_t before, unsigned limit, unsigned *count)
{
    struct leftover left = { .number = 0 };
    unsigned looked = 0;
    int r = 0;

    while (*count < limit && looked++ < SWEEP_LOOKS * limit && (r = next_body(s, left.number, &left)) > 0) {
        if (left.created >= before)
            break;
        if (left.over >= before)
            continue;
        r = forget_body(s, left.number);
        if (r < 0)
            return r;
        *count += 1;
    }
    return r < 0 ? r : 0;
}

int sqlite_sweep(struct store *store, int64_t expire_before, int64_t retention_before, unsigned limit,
                 const struct cause *cause)
{
    const struct broom brooms[] = {
        { STATE_QUEUED, expire_before, false, cause },     { STATE_DEFERRED, expire_before, false, cause },
        { STATE_HELD, expire_before, false, cause },       { STATE_FAILED, retention_before, true, cause },
        { STATE_IN_DOUBT, retention_before, true, cause }, { STATE_SPOOLED, retention_before, true, cause },
    };
    unsigned count = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(brooms); i++)
        r = sweep_state(sqlite_of(store), &brooms[i], limit, &count);
    if (r == 0)
        r = sweep_bodies(sqlite_of(store), retention_before, limit, &count);
    return r < 0 ? r : (int)count;
}

int sqlite_hasten(struct store *store, const char *method, int64_t now, int64_t latest, unsigned limit)
{
    struct sqlite *s = sqlite_of(store);
    sqlite3_stmt *q = sqlite_use(s, SQL_HASTEN);
    int r = sqlite_join(s);

    if (r < 0)
        return r;
    bind_text(q, 1, method);
    bind_number(q, 2, now);
    bind_number(q, 3, latest);
    bind_number(q, 4, limit);
    bind_number(q, 5, STATE_QUEUED);
    r = sqlite_run(s, q);
    return r < 0 ? r : sqlite3_changes(s->db);
}

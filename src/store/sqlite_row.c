#include "sqlite.h"

#include <errno.h>

/* These numbers are in files: a new state or stage goes behind them. */
_Static_assert(STATE_QUEUED == 0 && STATE_SPOOLED == 2 && STATE_HELD == 4 && STATE_FAILED == 6, "schema 1");
_Static_assert(STATE_NOPIN == 8 && STATE_CANCELLED == 9 && STATE_EXPIRED == 10 && STATE_DRY_RUN == 11, "schema 1");
_Static_assert(STAGE_FRESH == 0 && STAGE_BEGUN == 1 && STAGE_RELEASING == 2 && STAGE_SPOOLED == 3, "schema 1");
_Static_assert(SECRET_PIN == 0 && SECRET_PUK == 1, "schema 1");

static const unsigned waiting = STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_DEFERRED);

int64_t uuid_tail(const struct uuid *u)
{
    uint64_t tail = 0;

    for (int i = 8; i < 16; i++)
        tail = tail << 8 | u->bytes[i];
    return (int64_t)tail;
}

struct uuid uuid_of_row(int64_t order, int64_t tail)
{
    struct uuid u;

    for (int i = 0; i < 6; i++)
        u.bytes[i] = (uint8_t)((uint64_t)order >> (52 - 8 * i));
    u.bytes[6] = (uint8_t)(0x70 | (order >> 8 & 0x0f));
    u.bytes[7] = (uint8_t)order;
    for (int i = 8; i < 16; i++)
        u.bytes[i] = (uint8_t)((uint64_t)tail >> (56 - 8 * (i - 8)));
    return u;
}

int column_enum(sqlite3_stmt *q, int at, int most)
{
    int64_t n = sqlite3_column_int64(q, at);

    return n >= 0 && n < most ? (int)n : -EUCLEAN;
}

int row_read_order(struct sqlite *s, int64_t order, struct row *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_DELIVERY_ROW);
    int r, state, stage;

    bind_number(q, 1, order);
    r = sqlite_step(s, q);
    if (r <= 0)
        return r < 0 ? r : STORE_UNKNOWN;
    state = column_enum(q, 2, STATE_COUNT);
    stage = column_enum(q, 3, STAGE_COUNT);
    if (state < 0 || stage < 0)
        return sqlite_lose(s, -EUCLEAN);
    *ret = (struct row){ .id = uuid_of_row(order, sqlite3_column_int64(q, 0)),
                         .event = sqlite3_column_int64(q, 1),
                         .state = (enum delivery_state)state,
                         .stage = (enum stage)stage,
                         .attempts = (unsigned)sqlite3_column_int64(q, 4),
                         .copy = (unsigned)sqlite3_column_int64(q, 5),
                         .created = sqlite3_column_int64(q, 6),
                         .updated = sqlite3_column_int64(q, 7),
                         .sealed = sqlite3_column_int(q, 8) != 0,
                         .audit = (uint64_t)sqlite3_column_int64(q, 9) };
    return 0;
}

int row_read(struct sqlite *s, const struct uuid *id, struct row *ret)
{
    struct row row;
    int r = row_read_order(s, (int64_t)uuid_order(id), &row);

    if (r != 0)
        return r;
    if (!uuid_equal(&row.id, id))
        return STORE_UNKNOWN;
    *ret = row;
    return 0;
}

static int erase(struct sqlite *s, const struct row *row)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_SEALED_ERASE);

    bind_number(q, 1, (int64_t)uuid_order(&row->id));
    s->erased++;
    return sqlite_run(s, q);
}

/* A counter that somebody edited in the file must not wrap around. */
static void recount(struct tally *t, enum delivery_state from, enum delivery_state to)
{
    if (t->by_state[from] > 0)
        t->by_state[from]--;
    t->by_state[to]++;
}

static int64_t later(int64_t due, int64_t now)
{
    return due > 0 ? due : now;
}

static int write_row(struct sqlite *s, const struct row *row, const struct row_change *c, bool sealed)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_DELIVERY_CHANGE);

    bind_number(q, 1, (int64_t)uuid_order(&row->id));
    bind_number(q, 2, c->to);
    bind_number(q, 3, c->stage);
    bind_number(q, 4, c->attempts);
    bind_number(q, 5, c->copy);
    bind_bytes(q, 6, c->job_uuid, c->job_uuid ? sizeof(*c->job_uuid) : 0);
    bind_number(q, 7, c->cause->now);
    if (STATE_BIT(c->to) & waiting)
        bind_number(q, 8, later(c->due, c->cause->now));
    else
        sqlite3_bind_null(q, 8);
    bind_number(q, 9, sealed);
    bind_number(q, 10, (int64_t)s->now.audit_rows);
    bind_text(q, 11, c->outcome);
    bind_number(q, 12, c->forget_mark);
    return sqlite_run(s, q);
}

int row_change(struct sqlite *s, const struct row *row, const struct row_change *c)
{
    bool final = (STATES_FINAL & STATE_BIT(c->to)) != 0;
    int r = audit_append(s, &row->id, (int)row->state, c->to, row->audit, c->template_hash,
                         c->detail ? c->detail : c->outcome, c->cause);

    if (r == 0 && final && row->sealed)
        r = erase(s, row);
    if (r == 0)
        r = write_row(s, row, c, row->sealed && !final);
    if (r == 0)
        recount(&s->now, row->state, c->to);
    return r;
}

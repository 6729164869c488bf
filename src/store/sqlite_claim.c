#include "sqlite.h"

#include <errno.h>

enum { CLAIM_MOST = 4096 };

/* The ids first: a cursor over the index of what is due would run over its own changes. */
static int read_due(struct sqlite *s, const char *method, int64_t now, int64_t *ids, unsigned limit, unsigned *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_DUE);
    unsigned n = 0;
    int r;

    bind_text(q, 1, method);
    bind_number(q, 2, now);
    bind_number(q, 3, limit);
    while ((r = sqlite_step(s, q)) > 0)
        ids[n++] = sqlite3_column_int64(q, 0);
    *ret = n;
    return r;
}

static int begin_attempt(struct sqlite *s, int64_t id, const struct cause *cause)
{
    struct row row;
    int r = row_read_order(s, id, &row);
    struct row_change change = { .to = STATE_SENDING, .stage = STAGE_BEGUN, .cause = cause };

    if (r != 0)
        return r < 0 ? r : sqlite_lose(s, -EUCLEAN);
    change.attempts = row.attempts + 1;
    change.copy = row.copy;
    return row_change(s, &row, &change);
}

static int claim_one(struct sqlite *s, int64_t id, const struct cause *cause, store_each *each, void *userdata)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_RECORD_SEALED);
    struct record record;
    int r;

    bind_number(q, 1, id);
    r = sqlite_step(s, q);
    if (r <= 0)
        return r < 0 ? r : sqlite_lose(s, -EUCLEAN);
    /* Read before the change: the stage is the one that an earlier attempt left. */
    r = record_read(q, &record);
    if (r < 0)
        return sqlite_lose(s, r);
    r = begin_attempt(s, id, cause);
    if (r < 0)
        return r;
    record.state = STATE_SENDING;
    record.attempts++;
    record.updated = cause->now;
    record.due = 0;
    return each(userdata, &record);
}

int sqlite_claim(struct store *store, const char *method, unsigned limit, const struct cause *cause, store_each *each,
                 void *userdata)
{
    struct sqlite *s = sqlite_of(store);
    unsigned most = limit < CLAIM_MOST ? limit : CLAIM_MOST, n = 0;
    CLEANUP(free_cleanup) int64_t *ids = NULL;
    int r;

    if (most == 0)
        return 0;
    ids = calloc(most, sizeof(*ids));
    if (!ids)
        return sqlite_lose(s, -ENOMEM);
    r = read_due(s, method, cause->now, ids, most, &n);
    if (r == 0 && n > 0)
        r = sqlite_join(s);
    for (unsigned i = 0; r == 0 && i < n; i++)
        r = claim_one(s, ids[i], cause, each, userdata);
    return r;
}

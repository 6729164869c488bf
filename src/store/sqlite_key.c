#include "sqlite.h"

enum {
    RECENT_MOST = 65536, /* keys, which take some 300 pages */
    MOVE_LEAST = 64,     /* keys at once */
};

int key_add(struct sqlite *s, int64_t key, int64_t event)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_KEY_ADD);

    bind_number(q, 1, key);
    bind_number(q, 2, event);
    s->now.recent_keys++;
    return sqlite_run(s, q);
}

int key_count(struct sqlite *s, uint64_t *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_KEY_COUNT);
    int r = sqlite_step(s, q);

    *ret = r > 0 ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    return r < 0 ? r : 0;
}

/* The last of the N recent keys that come after those that moved before: 1; 0 when none does. */
static int find_last(struct sqlite *s, uint64_t n, int64_t *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_KEY_LAST);
    int r;

    bind_number(q, 1, s->moved_to);
    bind_number(q, 2, (int64_t)n);
    r = sqlite_step(s, q);
    if (r < 0 || sqlite3_column_type(q, 0) == SQLITE_NULL)
        return r < 0 ? r : 0;
    *ret = sqlite3_column_int64(q, 0);
    return 1;
}

static int run_range(struct sqlite *s, enum statement which, int64_t above, int64_t last)
{
    sqlite3_stmt *q = sqlite_use(s, which);

    bind_number(q, 1, above);
    bind_number(q, 2, last);
    return sqlite_run(s, q);
}

int key_move(struct sqlite *s)
{
    int64_t above = s->moved_to, last = KEY_NONE;
    int r;

    if (s->now.recent_keys < RECENT_MOST + MOVE_LEAST)
        return 0;
    r = find_last(s, s->now.recent_keys - RECENT_MOST, &last);
    if (r < 0)
        return r;
    s->moved_to = last;
    if (r == 0)
        return 0; /* from the smallest key again, with the next commit */
    r = run_range(s, SQL_KEY_COPY, above, last);
    if (r == 0)
        r = run_range(s, SQL_KEY_DROP, above, last);
    if (r == 0)
        s->now.recent_keys -= (uint64_t)sqlite3_changes64(s->db);
    return r;
}

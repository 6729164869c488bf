#include "sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(CHAIN_HASH == sizeof(((struct audit_walk *)0)->hash), "a walk is at a row of the chain");
_Static_assert((int)CHAIN_TEXT == (int)AUDIT_HASH_TEXT, "a hash in hex");

static int broken(struct problem *p, uint64_t seq, const char *what)
{
    char where[64];

    snprintf(where, sizeof(where), "audit row %llu", (unsigned long long)seq);
    return problem_set(p, "audit", where, "%s", what);
}

/* Does the row that Q stands at follow the SEQ rows that end in HASH? */
static int verify_row(struct sqlite *s, sqlite3_stmt *q, uint64_t seq, unsigned char hash[CHAIN_HASH],
                      struct problem *p)
{
    unsigned char should[CHAIN_HASH];
    struct found_row f;
    int r;

    if ((uint64_t)sqlite3_column_int64(q, 0) != seq + 1)
        return broken(p, seq + 1, "the row is missing");
    r = audit_read(q, &f);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return broken(p, seq + 1, "the row was changed: it holds what no row can hold");
    r = chain_hash(&s->hasher, hash, &f.row, should);
    if (r < 0)
        return r;
    if (memcmp(should, f.hash, CHAIN_HASH) != 0)
        return broken(p, seq + 1, "the row was changed, or is in another's place: its hash does not fit");
    memcpy(hash, should, CHAIN_HASH);
    return 0;
}

/* Is what was walked the end that the head of the chain tells? */
static int check_end(struct sqlite *s, const struct audit_walk *w, struct problem *p)
{
    if (w->rows < s->now.audit_rows)
        return broken(p, w->rows + 1, "the row is missing: the end of the chain was cut off");
    if (w->rows > s->now.audit_rows || memcmp(w->hash, s->now.audit_hash, CHAIN_HASH) != 0)
        return broken(p, w->rows, "the row is not the one that was written last");
    return 0;
}

int sqlite_audit_walk(struct store *store, struct audit_walk *w, uint64_t limit, struct problem *p)
{
    struct sqlite *s = sqlite_of(store);
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_AUDIT_AFTER);
    uint64_t left = limit;
    int r = 1;

    /* Below any: a row slipped in before the first is found as well. */
    bind_number(q, 1, w->rows > 0 ? (int64_t)w->rows : INT64_MIN);
    while (left > 0 && (r = sqlite_step(s, q)) > 0) {
        r = verify_row(s, q, w->rows, w->hash, p);
        if (r != 0)
            return r;
        w->rows++;
        left--;
    }
    if (left == 0 || r < 0)
        return left == 0 ? 0 : r;
    w->whole = true;
    return check_end(s, w, p);
}

char *audit_walk_hash(const struct audit_walk *w, char text[AUDIT_HASH_TEXT])
{
    return chain_format(w->hash, text);
}

int sqlite_audit_head(struct store *store, uint64_t *ret_seq, char hash[AUDIT_HASH_TEXT])
{
    struct sqlite *s = sqlite_of(store);

    *ret_seq = s->now.audit_rows;
    chain_format(s->now.audit_hash, hash);
    return s->dead;
}

int sqlite_anchor(struct store *store, const struct anchor *a)
{
    struct sqlite *s = sqlite_of(store);
    sqlite3_stmt *q = sqlite_use(s, SQL_ANCHOR_ADD);
    int r = sqlite_join(s);

    if (r < 0)
        return r;
    bind_number(q, 1, (int64_t)a->number);
    bind_number(q, 2, (int64_t)a->seq);
    bind_number(q, 3, a->time);
    bind_text(q, 4, a->hash);
    bind_text(q, 5, a->key);
    bind_text(q, 6, a->signature);
    return sqlite_run(s, q);
}

static int read_anchor(sqlite3_stmt *q, struct anchor *ret)
{
    const char *hash = column_text(q, 3), *key = column_text(q, 4), *signature = column_text(q, 5);

    *ret = (struct anchor){ .number = (uint64_t)sqlite3_column_int64(q, 0),
                            .seq = (uint64_t)sqlite3_column_int64(q, 1),
                            .time = sqlite3_column_int64(q, 2) };
    if (sqlite_columns(q) < 0)
        return -ENOMEM;
    /* A text that is too long is none of ours: cut, it does not verify. */
    snprintf(ret->hash, sizeof(ret->hash), "%s", hash ? hash : "");
    snprintf(ret->key, sizeof(ret->key), "%s", key ? key : "");
    snprintf(ret->signature, sizeof(ret->signature), "%s", signature ? signature : "");
    return 0;
}

int sqlite_anchors(struct store *store, anchor_each *each, void *userdata)
{
    struct sqlite *s = sqlite_of(store);
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_ANCHORS);
    struct anchor a;
    int r;

    while ((r = sqlite_step(s, q)) > 0) {
        r = read_anchor(q, &a);
        if (r == 0)
            r = each(userdata, &a);
        if (r != 0)
            return r;
    }
    return r;
}

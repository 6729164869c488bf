#include "sqlite.h"

#include <errno.h>
#include <string.h>

static void bind_audit(sqlite3_stmt *q, const struct audit_row *r, int from, int to, const unsigned char *hash)
{
    bind_number(q, 1, (int64_t)r->seq);
    bind_number(q, 2, (int64_t)r->prior);
    bind_number(q, 3, r->time);
    bind_number(q, 4, (int64_t)uuid_order(&r->delivery));
    bind_number(q, 5, uuid_tail(&r->delivery));
    if (from < 0)
        sqlite3_bind_null(q, 6);
    else
        bind_number(q, 6, from);
    bind_number(q, 7, to);
    bind_text(q, 8, r->cause);
    bind_text(q, 9, r->words);
    bind_number(q, 10, r->uid);
    bind_number(q, 11, (int64_t)r->generation);
    bind_text(q, 12, r->template_hash);
    bind_text(q, 13, r->detail);
    bind_bytes(q, 14, hash, CHAIN_HASH);
}

int audit_append(struct sqlite *s, const struct uuid *id, int from, enum delivery_state to, uint64_t prior,
                 const char *template_hash, const char *detail, const struct cause *cause)
{
    sqlite3_stmt *q = sqlite_use(s, SQL_AUDIT_ADD);
    struct audit_row row = { .seq = s->now.audit_rows + 1,
                             .prior = prior,
                             .time = cause->now,
                             .delivery = *id,
                             .from = from < 0 ? "" : state_name((enum delivery_state)from),
                             .to = state_name(to),
                             .cause = cause->what,
                             .words = cause->words,
                             .uid = cause->uid,
                             .generation = cause->generation,
                             .template_hash = template_hash,
                             .detail = detail };
    unsigned char hash[CHAIN_HASH];
    int r = chain_hash(&s->hasher, s->now.audit_hash, &row, hash);

    if (r < 0)
        return sqlite_lose(s, r);
    bind_audit(q, &row, from, (int)to, hash);
    r = sqlite_run(s, q);
    if (r < 0)
        return r;
    s->now.audit_rows = row.seq;
    memcpy(s->now.audit_hash, hash, CHAIN_HASH);
    return 0;
}

static int read_states(sqlite3_stmt *q, struct audit_row *r)
{
    bool first = sqlite3_column_type(q, 5) == SQLITE_NULL;
    int from = first ? 0 : column_enum(q, 5, STATE_COUNT);
    int to = column_enum(q, 6, STATE_COUNT);

    if (from < 0 || to < 0)
        return -EUCLEAN;
    r->from = first ? "" : state_name((enum delivery_state)from);
    r->to = state_name((enum delivery_state)to);
    return 0;
}

int audit_read(sqlite3_stmt *q, struct found_row *f)
{
    f->row = (struct audit_row){
        .seq = (uint64_t)sqlite3_column_int64(q, 0),
        .prior = (uint64_t)sqlite3_column_int64(q, 1),
        .time = sqlite3_column_int64(q, 2),
        .delivery = uuid_of_row(sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4)),
        .cause = column_text(q, 7),
        .words = column_text(q, 8),
        .uid = sqlite3_column_int64(q, 9),
        .generation = (uint64_t)sqlite3_column_int64(q, 10),
        .template_hash = column_text(q, 11),
        .detail = column_text(q, 12),
        .hash = f->text,
    };
    if (sqlite_columns(q) < 0)
        return -ENOMEM;
    if (read_states(q, &f->row) < 0 || !f->row.cause || sqlite3_column_bytes(q, 13) != CHAIN_HASH)
        return -EUCLEAN;
    memcpy(f->hash, sqlite3_column_blob(q, 13), CHAIN_HASH);
    chain_format(f->hash, f->text);
    return 0;
}

static int audit_all(struct sqlite *s, uint64_t after, audit_each *each, void *userdata)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_AUDIT_AFTER);
    struct found_row f;
    int r;

    bind_number(q, 1, (int64_t)after);
    while ((r = sqlite_step(s, q)) > 0) {
        r = audit_read(q, &f);
        if (r == 0)
            r = each(userdata, &f.row);
        if (r != 0)
            return r;
    }
    return r;
}

/* The numbers of one delivery's rows, newest first, as the rows tell them: no index is needed for that. */
struct trail {
    uint64_t *seqs;
    size_t n, room;
};

static void trail_release(struct trail *t)
{
    free(t->seqs);
}

static int trail_add(struct trail *t, uint64_t seq)
{
    if (t->n == t->room) {
        size_t room = t->room ? 2 * t->room : 16;
        uint64_t *seqs = reallocarray(t->seqs, room, sizeof(*seqs));

        if (!seqs)
            return -ENOMEM;
        t->seqs = seqs;
        t->room = room;
    }
    t->seqs[t->n++] = seq;
    return 0;
}

static int read_prior(struct sqlite *s, uint64_t seq, uint64_t *ret)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_AUDIT_PRIOR);
    int r;

    bind_number(q, 1, (int64_t)seq);
    r = sqlite_step(s, q);
    *ret = r > 0 ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    /* Going on would be going round in circles. */
    return r < 0 ? r : *ret < seq ? 0 : -EUCLEAN;
}

static int follow_trail(struct sqlite *s, uint64_t newest, uint64_t after, struct trail *t)
{
    int r = 0;

    for (uint64_t seq = newest; r == 0 && seq > after;) {
        r = trail_add(t, seq);
        if (r == 0)
            r = read_prior(s, seq, &seq);
    }
    return r;
}

static int audit_one(struct sqlite *s, uint64_t seq, audit_each *each, void *userdata)
{
    CLEANUP(sqlite_done) sqlite3_stmt *q = sqlite_use(s, SQL_AUDIT_ONE);
    struct found_row f;
    int r;

    bind_number(q, 1, (int64_t)seq);
    r = sqlite_step(s, q);
    if (r <= 0)
        return r; /* a row that was removed is the verifier's to tell */
    r = audit_read(q, &f);
    return r < 0 ? r : each(userdata, &f.row);
}

int sqlite_audit(struct store *store, const struct uuid *id, uint64_t after, audit_each *each, void *userdata)
{
    CLEANUP(trail_release) struct trail trail = { 0 };
    struct sqlite *s = sqlite_of(store);
    struct row row;
    int r;

    if (!id)
        return audit_all(s, after, each, userdata);
    r = row_read(s, id, &row);
    if (r != 0)
        return r;
    r = follow_trail(s, row.audit, after, &trail);
    while (r == 0 && trail.n > 0)
        r = audit_one(s, trail.seqs[--trail.n], each, userdata);
    return r;
}

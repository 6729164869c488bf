#include "anchors.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/clock.h>

struct audit_check {
    struct store *store;
    const struct audit_key *key;
    struct anchors anchors; /* by number, each once; empty without a key */
    size_t at;              /* the next one to be reached */
    struct audit_walk walk;
};

static int broken(struct problem *p, uint64_t seq, const char *what)
{
    char where[64];

    snprintf(where, sizeof(where), "audit row %llu", (unsigned long long)seq);
    return problem_set(p, "audit", where, "%s", what);
}

static int by_number(const void *left, const void *right)
{
    const struct anchor *a = left, *b = right;

    return a->number < b->number ? -1 : a->number > b->number;
}

static const struct anchor *find(const struct anchors *all, uint64_t number)
{
    const struct anchor key = { .number = number };

    return all->n == 0 ? NULL : bsearch(&key, all->items, all->n, sizeof(key), by_number);
}

static bool same(const struct anchor *a, const struct anchor *b)
{
    return a->number == b->number && a->seq == b->seq && a->time == b->time && strcmp(a->hash, b->hash) == 0 &&
           strcmp(a->key, b->key) == 0 && strcmp(a->signature, b->signature) == 0;
}

/* The file is written first: an anchor that only the store has was cut off the file. */
static int compare(const struct anchors *file, const struct anchors *store, struct problem *p)
{
    for (size_t i = 0; i < store->n; i++) {
        const struct anchor *one = &store->items[i], *other = find(file, one->number);

        if (!other)
            return broken(p, one->seq, "its anchor is missing in the file of anchors");
        if (!same(one, other))
            return broken(p, one->seq < other->seq ? one->seq : other->seq,
                          "its anchor in the store and the one in the file of anchors differ");
    }
    return 0;
}

static int check_numbers(const struct anchors *file, struct problem *p)
{
    for (size_t i = 0; i < file->n; i++)
        if (file->items[i].number != i + 1)
            return broken(p, i > 0 ? file->items[i - 1].seq + 1 : 1, "an anchor after this row is missing");
    return 0;
}

static int load_file(struct audit_check *c, const char *store_path, struct problem *p)
{
    CLEANUP(free_cleanup) char *path = anchor_path(store_path);
    unsigned line = 0;
    int r = path ? anchors_read(&c->anchors, path, &line) : -ENOMEM;

    if (r == -EUCLEAN)
        return broken(p, c->anchors.n > 0 ? c->anchors.items[c->anchors.n - 1].seq + 1 : 1,
                      "the anchor after this row cannot be read: the file of anchors was changed");
    if (r == 0 && c->anchors.n > 0)
        qsort(c->anchors.items, c->anchors.n, sizeof(*c->anchors.items), by_number);
    return r;
}

static int load(struct audit_check *c, const char *store_path, struct problem *p)
{
    CLEANUP(anchors_release) struct anchors store = { 0 };
    int r = load_file(c, store_path, p);

    if (r == 0)
        r = anchors_recall(&store, c->store);
    if (r == 0)
        r = compare(&c->anchors, &store, p);
    return r == 0 ? check_numbers(&c->anchors, p) : r;
}

int audit_check_new(struct store *s, const char *store_path, const struct audit_key *key, struct audit_check **ret,
                    struct problem *p)
{
    CLEANUP(audit_check_cleanup) struct audit_check *c = calloc(1, sizeof(*c));
    int r;

    if (!c)
        return -ENOMEM;
    *c = (struct audit_check){ .store = s, .key = key };
    r = key ? load(c, store_path, p) : 0;
    if (r == 0)
        *ret = TAKE(c);
    return r;
}

struct audit_check *audit_check_free(struct audit_check *c)
{
    if (!c)
        return NULL;
    anchors_release(&c->anchors);
    free(c);
    return NULL;
}

static int check_anchor(const struct audit_check *c, const struct anchor *a, struct problem *p)
{
    uint64_t first = c->at > 0 ? c->anchors.items[c->at - 1].seq + 1 : 1;
    char hash[sizeof(a->hash)], what[160];

    if (!anchor_is_signed(c->key, a))
        return broken(p, a->seq,
                      strcmp(a->key, audit_key_id(c->key)) == 0 ? "its anchor is forged: the signature does not fit"
                                                                : "its anchor was signed by another key");
    audit_walk_hash(&c->walk, hash);
    if (strcmp(hash, a->hash) == 0)
        return 0;
    snprintf(what, sizeof(what), "a row from here to %llu was changed: their hashes do not lead to the anchored one",
             (unsigned long long)a->seq);
    return broken(p, first, what);
}

static int check_end(const struct audit_check *c, struct problem *p)
{
    char time[CLOCK_TEXT], what[160];

    if (c->at == c->anchors.n)
        return 0;
    if (!anchor_is_signed(c->key, &c->anchors.items[c->at]))
        return broken(p, c->anchors.items[c->at].seq, "its anchor is forged, and there is no such row");
    snprintf(what, sizeof(what), "the row is missing: an anchor of %s proves that the trail went up to row %llu",
             clock_format(c->anchors.items[c->at].time, time), (unsigned long long)c->anchors.items[c->at].seq);
    return broken(p, c->walk.rows + 1, what);
}

/* As far as the next anchor, but at most LIMIT rows. */
static int walk(struct audit_check *c, uint64_t limit, struct problem *p)
{
    const struct anchor *next = c->at < c->anchors.n ? &c->anchors.items[c->at] : NULL;
    uint64_t left = next && next->seq > c->walk.rows ? next->seq - c->walk.rows : limit;

    return store_audit_walk(c->store, &c->walk, left < limit ? left : limit, p);
}

int audit_check_step(struct audit_check *c, uint64_t limit, bool *ret_done, struct problem *p)
{
    uint64_t end = c->walk.rows + limit;
    int r = 0;

    *ret_done = false;
    while (r == 0 && !c->walk.whole && c->walk.rows < end) {
        r = walk(c, end - c->walk.rows, p);
        while (r == 0 && c->at < c->anchors.n && c->anchors.items[c->at].seq <= c->walk.rows) {
            r = check_anchor(c, &c->anchors.items[c->at], p);
            c->at++;
        }
    }
    if (r != 0 || !c->walk.whole)
        return r;
    *ret_done = true;
    return check_end(c, p);
}

uint64_t audit_check_rows(const struct audit_check *c)
{
    return c->walk.rows;
}

uint64_t audit_check_anchors(const struct audit_check *c)
{
    return c->anchors.n;
}

uint64_t audit_check_anchored(const struct audit_check *c)
{
    return c->anchors.n > 0 ? c->anchors.items[c->anchors.n - 1].seq : 0;
}

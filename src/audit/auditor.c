#include "anchors.h"

#include <errno.h>

struct auditor {
    struct store *store;
    const struct audit_key *key;
    char *path;
    uint64_t number, seq; /* of the newest anchor */
};

static void note_newest(struct auditor *a, const struct anchors *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].number > a->number) {
            a->number = all->items[i].number;
            a->seq = all->items[i].seq;
        }
}

/* A line that is no anchor is the check's to tell: new anchors go on behind it. */
static int load(struct auditor *a)
{
    CLEANUP(anchors_release) struct anchors all = { 0 };
    unsigned line;
    int r = anchors_read(&all, a->path, &line);

    if (r == 0 || r == -EUCLEAN)
        r = anchors_recall(&all, a->store);
    if (r == 0)
        note_newest(a, &all);
    return r;
}

int auditor_new(struct store *s, const char *store_path, const struct audit_key *key, struct auditor **ret)
{
    CLEANUP(auditor_cleanup) struct auditor *a = calloc(1, sizeof(*a));
    int r;

    if (!a)
        return -ENOMEM;
    *a = (struct auditor){ .store = s, .key = key, .path = anchor_path(store_path) };
    r = a->path ? load(a) : -ENOMEM;
    if (r == 0)
        *ret = TAKE(a);
    return r;
}

struct auditor *auditor_free(struct auditor *a)
{
    if (!a)
        return NULL;
    free(a->path);
    free(a);
    return NULL;
}

uint64_t auditor_seq(const struct auditor *a)
{
    return a->seq;
}

int auditor_anchor(struct auditor *a, int64_t now, struct anchor *ret)
{
    struct anchor one = { .number = a->number + 1, .time = now };
    int r = store_is_dirty(a->store) ? -EBUSY : store_audit_head(a->store, &one.seq, one.hash);

    if (r == 0 && one.seq <= a->seq)
        return 1;
    if (r == 0)
        r = anchor_sign(a->key, &one);
    /* The file first: what the store has, the file has as well, or somebody cut it. */
    if (r == 0)
        r = anchors_append(a->path, &one);
    if (r < 0)
        return r;
    a->number = one.number;
    a->seq = one.seq;
    *ret = one;
    return store_anchor(a->store, &one);
}

#include <pindispatch/store.h>

#include <errno.h>
#include <string.h>

#include <pindispatch/buffer.h>

#include "backend.h"

static const struct backend *const backends[] = { &backend_sqlite };

const char *store_backend_name(size_t i)
{
    return i < ARRAY_SIZE(backends) ? backends[i]->name : NULL;
}

static int refuse_unknown(const char *name, struct problem *p)
{
    const char *names[ARRAY_SIZE(backends) + 1] = { NULL };
    CLEANUP(buffer_release) struct buffer known = BUFFER(256);
    const char *near;

    for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
        names[i] = backends[i]->name;
        if (buffer_addf(&known, "%s\"%s\"", i ? ", " : "", names[i]) < 0)
            return -ENOMEM;
    }
    if (buffer_terminate(&known) < 0)
        return -ENOMEM;
    near = nearest_name(name, names);
    return problem_set(p, "backend", "", "there is no store backend \"%s\"%s%s%s; known: %s", name,
                       near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "", buffer_bytes(&known));
}

int store_open(const char *backend, const char *path, struct store **ret, struct problem *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
        if (strcmp(backends[i]->name, backend) == 0)
            return backends[i]->open(path, ret, p);
    return refuse_unknown(backend, p);
}

struct store *store_close(struct store *s)
{
    return s ? s->backend->close(s) : NULL;
}

int store_recall(struct store *s, struct admission *a)
{
    return s->backend->recall(s, a);
}

int store_put(struct store *s, struct admission *a)
{
    return s->backend->put(s, a);
}

int store_claim(struct store *s, const char *method, unsigned limit, const struct cause *cause, store_each *each,
                void *userdata)
{
    return s->backend->claim(s, method, limit, cause, each, userdata);
}

int store_mark(struct store *s, const struct uuid *id, enum stage stage, const char *evidence,
               const struct cause *cause)
{
    return s->backend->mark(s, id, stage, evidence, cause);
}

int store_settle(struct store *s, const struct change *c)
{
    return s->backend->settle(s, c);
}

int store_sweep(struct store *s, int64_t expire_before, int64_t retention_before, unsigned limit,
                const struct cause *cause)
{
    return s->backend->sweep(s, expire_before, retention_before, limit, cause);
}

int store_hasten(struct store *s, const char *method, int64_t now, int64_t latest, unsigned limit)
{
    return s->backend->hasten(s, method, now, latest, limit);
}

int store_stat(struct store *s, struct store_stat *ret)
{
    return s->backend->stat(s, ret);
}

int store_next_due(struct store *s, const char *method, int64_t *ret)
{
    return s->backend->next_due(s, method, ret);
}

int store_find(struct store *s, const struct uuid *id, store_each *each, void *userdata)
{
    return s->backend->find(s, id, each, userdata);
}

int store_list(struct store *s, unsigned mask, unsigned limit, const struct uuid *before, store_each *each,
               void *userdata)
{
    return s->backend->list(s, mask, limit, before, each, userdata);
}

int store_audit(struct store *s, const struct uuid *id, uint64_t after, audit_each *each, void *userdata)
{
    return s->backend->audit(s, id, after, each, userdata);
}

int store_audit_walk(struct store *s, struct audit_walk *w, uint64_t limit, struct problem *p)
{
    return s->backend->audit_walk(s, w, limit, p);
}

int store_audit_verify(struct store *s, uint64_t *ret_rows, struct problem *p)
{
    struct audit_walk w = { .rows = 0 };
    int r = store_audit_walk(s, &w, UINT64_MAX, p);

    if (r == 0)
        *ret_rows = w.rows;
    return r;
}

int store_audit_head(struct store *s, uint64_t *ret_seq, char hash[AUDIT_HASH_TEXT])
{
    return s->backend->audit_head(s, ret_seq, hash);
}

int store_anchor(struct store *s, const struct anchor *a)
{
    return s->backend->anchor(s, a);
}

int store_anchors(struct store *s, anchor_each *each, void *userdata)
{
    return s->backend->anchors(s, each, userdata);
}

int store_commit(struct store *s)
{
    return s->backend->commit(s);
}

void store_abort(struct store *s)
{
    s->backend->abort(s);
}

int store_revive(struct store *s, struct problem *p)
{
    return s->backend->revive(s, p);
}

bool store_is_dirty(const struct store *s)
{
    return s->dirty;
}

bool store_is_untidy(const struct store *s)
{
    return s->untidy;
}

int store_tidy(struct store *s)
{
    return s->backend->tidy(s);
}

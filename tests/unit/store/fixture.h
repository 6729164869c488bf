/* A store in a folder of its own, and events for it. */
#ifndef PINDISPATCH_TEST_STORE_FIXTURE_H
#define PINDISPATCH_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/store.h>

#define START       INT64_C(1790000000000000)
#define HOUR        (INT64_C(3600) * MICROSECONDS_PER_SECOND)
#define SEALED_TEXT "eyJhbGciOiJub25lIn0.canary-of-the-store.AAAA.BBBB.CCCC"

struct fixture {
    const char *backend;
    char dir[64], path[96];
    struct store *store;
    int64_t now;
    struct uuid last; /* the delivery put last */
};

static inline struct cause because(const struct fixture *f, const char *what)
{
    return (struct cause){ .what = what, .uid = -1, .generation = 7, .now = f->now };
}

static inline void fixture_open(struct fixture *f)
{
    struct problem p = { 0 };

    assert_int_equal(store_open(f->backend, f->path, &f->store, &p), 0);
    assert_non_null(f->store);
}

static inline void fixture_close(struct fixture *f)
{
    f->store = store_close(f->store);
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static inline void fixture_begin(struct fixture *f, const char *backend)
{
    *f = (struct fixture){ .backend = backend, .now = START };
    snprintf(f->dir, sizeof(f->dir), "/tmp/pindispatch-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/deep/store.db", f->dir);
    fixture_open(f);
}

static inline void fixture_end(struct fixture *f)
{
    static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "store.db.lock", "other.db" };
    char path[128];

    fixture_close(f);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/deep/%s", f->dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/deep", f->dir);
    rmdir(path);
    assert_int_equal(rmdir(f->dir), 0);
}

/* One delivery of KIND by METHOD ("nopin": nothing is stored). CONTENT goes into the digest. */
static inline int put_as(struct fixture *f, const char *id, const char *content, enum secret_kind kind,
                         const char *method, const char *sealed)
{
    char body[256];
    struct event e = { .id = id, .source = "/issuer", .text = body };
    struct admission a = { .event = &e, .cause = because(f, "submit"), .n = 1 };
    int r;

    snprintf(body, sizeof(body), "{\"id\":\"%s\",\"data\":\"%s\"}", id, content);
    snprintf((char *)e.digest, sizeof(e.digest), "%s", content);
    a.items[0] = (struct admitted){ .secret = kind,
                                    .state = strcmp(method, "nopin") == 0 ? STATE_NOPIN : STATE_QUEUED,
                                    .sealed = strcmp(method, "nopin") == 0 ? NULL : sealed,
                                    .stated = true };
    snprintf(a.items[0].method, sizeof(a.items[0].method), "%s", method);
    r = store_put(f->store, &a);
    if (r == 0 || r == STORE_DUPLICATE)
        f->last = a.items[0].id;
    return r;
}

static inline struct uuid put(struct fixture *f, const char *id, const char *method)
{
    assert_int_equal(put_as(f, id, "card", SECRET_PIN, method, SEALED_TEXT), 0);
    return f->last;
}

/* A record, kept beyond the callback. */
struct kept {
    unsigned n; /* records seen */
    struct record r[16];
    char sealed[128], outcome[256], event[256], mark[128];
};

static inline int keep(void *userdata, const struct record *r)
{
    struct kept *k = userdata;

    k->r[k->n++ % ARRAY_SIZE(k->r)] = *r;
    snprintf(k->sealed, sizeof(k->sealed), "%s", r->sealed ? r->sealed : "");
    snprintf(k->outcome, sizeof(k->outcome), "%s", r->outcome ? r->outcome : "");
    snprintf(k->event, sizeof(k->event), "%s", r->event ? r->event : "");
    snprintf(k->mark, sizeof(k->mark), "%s", r->mark ? r->mark : "");
    return 0;
}

static inline struct kept find(struct fixture *f, struct uuid id)
{
    struct kept k = { 0 };

    assert_int_equal(store_find(f->store, &id, keep, &k), 0);
    assert_int_equal(k.n, 1);
    return k;
}

static inline unsigned claim(struct fixture *f, const char *method, unsigned limit, struct kept *k)
{
    struct cause c = because(f, "dispatch");

    *k = (struct kept){ 0 };
    assert_int_equal(store_claim(f->store, method, limit, &c, keep, k), 0);
    return k->n;
}

static inline int settle(struct fixture *f, struct uuid id, unsigned from, enum delivery_state to, const char *code)
{
    struct outcome o = { .kind = OUTCOME_DEFERRED };
    struct change c = {
        .id = id, .from = from, .to = to, .due = f->now + HOUR, .stage = STAGE_BEGUN, .cause = because(f, "worker")
    };

    if (code) {
        outcome_set(&o, OUTCOME_DEFERRED, code, "as the test wants it");
        c.outcome = &o;
    }
    return store_settle(f->store, &c);
}

static inline struct store_stat stat_of(struct fixture *f)
{
    struct store_stat st;

    assert_int_equal(store_stat(f->store, &st), 0);
    return st;
}

static inline void commit(struct fixture *f)
{
    assert_int_equal(store_commit(f->store), 0);
}

#endif

/* The contract of store.h, for every backend: time, the audit rows, transactions, ends in the middle. */
#include "contract.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"

void sweep_expires_and_forgets(void **state)
{
    struct fixture *f = *state;
    struct uuid held = put(f, "e1", "print"), failed = put(f, "e2", "email"), young;
    struct cause c;
    struct kept k;

    assert_int_equal(settle(f, held, STATES_ALL, STATE_HELD, NULL), 0);
    claim(f, "email", 1, &k);
    f->now += HOUR;
    assert_int_equal(settle(f, failed, STATES_ALL, STATE_FAILED, "smtp-550"), 0);
    young = put(f, "e3", "print");
    c = because(f, "sweep");
    assert_int_equal(store_sweep(f->store, START, START, 10, &c), 0);
    /* Accepted before, but failed after: retention counts from the failure. */
    assert_int_equal(store_sweep(f->store, 0, START + 1, 10, &c), 0);
    assert_int_equal(store_sweep(f->store, START + 1, START + HOUR + 1, 1, &c), 1);
    assert_int_equal(find(f, held).r[0].state, STATE_EXPIRED);
    assert_non_null(find(f, held).r[0].event);
    /* The failed one, and the body of the one that expired. */
    assert_int_equal(store_sweep(f->store, START + 1, START + HOUR + 1, 10, &c), 2);
    k = find(f, failed);
    assert_int_equal(k.r[0].state, STATE_EXPIRED);
    assert_null(k.r[0].sealed);
    assert_null(k.r[0].event);
    assert_int_equal(find(f, young).r[0].state, STATE_QUEUED);
    /* What was forgotten is still known. */
    assert_int_equal(put_as(f, "e2", "card", SECRET_PIN, "email", "x"), STORE_DUPLICATE);
    assert_int_equal(put_as(f, "e2", "other", SECRET_PIN, "email", "x"), STORE_CONFLICT);
}

/* Nobody resolves some of them: a holder's data and the sealed secret do not wait for that for ever. */
void doubt_ends_with_retention(void **state)
{
    static const enum delivery_state states[] = { STATE_IN_DOUBT, STATE_SPOOLED };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        struct uuid id = put(f, i ? "e2" : "e1", "print");
        struct cause c;
        struct kept k;

        claim(f, "print", 1, &k);
        assert_int_equal(settle(f, id, STATES_ALL, states[i], "history-gone"), 0);
        c = because(f, "sweep");
        assert_int_equal(store_sweep(f->store, 0, f->now, 10, &c), 0);
        f->now += HOUR;
        c = because(f, "sweep");
        assert_int_equal(store_sweep(f->store, 0, f->now, 10, &c), 1);
        k = find(f, id);
        assert_int_equal(k.r[0].state, STATE_EXPIRED);
        assert_null(k.r[0].sealed);
        assert_null(k.r[0].event);
    }
}

void a_body_that_another_delivery_needs_is_kept(void **state)
{
    struct fixture *f = *state;
    struct event e = { .id = "e1", .source = "/issuer", .text = "{}" };
    struct admission a = { .event = &e,
                           .cause = because(f, "submit"),
                           .n = 2,
                           .items = { { SECRET_PIN, "print", STATE_QUEUED, "sealed-pin", true, { { 0 } } },
                                      { SECRET_PUK, "email", STATE_QUEUED, "sealed-puk", true, { { 0 } } } } };
    struct cause c;
    struct kept k;

    assert_int_equal(store_put(f->store, &a), 0);
    claim(f, "print", 1, &k);
    assert_int_equal(settle(f, a.items[0].id, STATES_ALL, STATE_FAILED, "jam"), 0);
    f->now += HOUR;
    c = because(f, "sweep");
    assert_int_equal(store_sweep(f->store, 0, f->now, 10, &c), 1);
    assert_string_equal(find(f, a.items[1].id).event, "{}");
    assert_string_equal(find(f, a.items[1].id).sealed, "sealed-puk");
}

static int is_anchor(void *userdata, const struct anchor *a)
{
    assert_memory_equal(a, userdata, sizeof(*a));
    return 7;
}

void what_is_over_is_forgotten_after_retention(void **state)
{
    struct fixture *f = *state;
    struct uuid delivered = put(f, "e1", "print"), waiting = put(f, "e2", "print"), nopin = put(f, "e3", "nopin"),
                young;
    struct cause c;
    struct kept k;
    uint64_t n;

    claim(f, "print", 1, &k);
    f->now += HOUR;
    assert_int_equal(settle(f, delivered, STATES_ALL, STATE_DELIVERED, "printed"), 0);
    f->now++;
    young = put(f, "e4", "nopin");
    c = because(f, "sweep");
    assert_int_equal(store_sweep(f->store, 0, START + HOUR, 10, &c), 1); /* the one without a PIN */
    assert_null(find(f, nopin).r[0].event);
    assert_non_null(find(f, delivered).r[0].event);
    commit(f);
    f->now += HOUR;
    c = because(f, "sweep");
    assert_int_equal(store_sweep(f->store, 0, START + HOUR + 1, 10, &c), 1);
    assert_null(find(f, delivered).r[0].event);
    assert_non_null(find(f, delivered).r[0].outcome);
    assert_non_null(find(f, waiting).r[0].event);
    assert_non_null(find(f, young).r[0].event);
    assert_int_equal(store_sweep(f->store, 0, START + HOUR + 1, 10, &c), 0);
    commit(f);
    fixture_reopen(f);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 6);
    assert_int_equal(put_as(f, "e1", "card", SECRET_PIN, "print", "x"), STORE_DUPLICATE);
    assert_int_equal(put_as(f, "e1", "other", SECRET_PIN, "print", "x"), STORE_CONFLICT);
}

void a_clock_that_went_back_does_not_delay(void **state)
{
    struct fixture *f = *state;
    struct uuid queued = put(f, "e1", "print"), deferred = put(f, "e2", "print");
    struct kept k;

    assert_int_equal(claim(f, "print", 2, &k), 2);
    assert_int_equal(settle(f, queued, STATES_ALL, STATE_QUEUED, NULL), 0);
    assert_int_equal(settle(f, deferred, STATES_ALL, STATE_DEFERRED, "later"), 0);
    f->now -= 10 * HOUR;
    assert_int_equal(claim(f, "print", 2, &k), 0);
    assert_int_equal(store_hasten(f->store, "print", f->now, f->now + 20 * HOUR, 10), 1);
    assert_int_equal(claim(f, "print", 2, &k), 1);
    assert_true(uuid_equal(&k.r[0].id, &queued));
    assert_int_equal(store_hasten(f->store, "email", f->now, f->now + HOUR, 10), 0);
    assert_int_equal(store_hasten(f->store, "print", f->now, f->now + HOUR, 10), 1);
    assert_int_equal(claim(f, "print", 2, &k), 1);
    assert_true(uuid_equal(&k.r[0].id, &deferred));
}

void anchors_are_kept_and_a_walk_goes_in_steps(void **state)
{
    struct fixture *f = *state;
    struct anchor a = { .number = 1, .time = 5, .key = "k", .signature = "s" };
    struct audit_walk w = { .rows = 0 };
    char hash[AUDIT_HASH_TEXT];

    for (int i = 0; i < 5; i++) {
        char name[16];

        snprintf(name, sizeof(name), "e%d", i);
        put(f, name, "nopin");
    }
    commit(f);
    assert_int_equal(store_audit_head(f->store, &a.seq, a.hash), 0);
    assert_int_equal(a.seq, 5);
    assert_int_equal(store_anchor(f->store, &a), 0);
    commit(f);
    fixture_reopen(f);
    assert_int_equal(store_anchors(f->store, is_anchor, &a), 7);
    for (uint64_t i = 2; i <= 4; i += 2) {
        assert_int_equal(store_audit_walk(f->store, &w, 2, NULL), 0);
        assert_int_equal(w.rows, i);
        assert_false(w.whole);
    }
    assert_int_equal(store_audit_walk(f->store, &w, 2, NULL), 0);
    assert_true(w.whole);
    assert_string_equal(audit_walk_hash(&w, hash), a.hash);
}

struct rows {
    unsigned n;
    uint64_t seq[16], prior[16];
    char path[256], detail[256], words[64], hash[80];
};

static int keep_row(void *userdata, const struct audit_row *r)
{
    struct rows *rows = userdata;
    size_t used = strlen(rows->path);

    rows->seq[rows->n] = r->seq;
    rows->prior[rows->n++] = r->prior;
    snprintf(rows->path + used, sizeof(rows->path) - used, "%s>%s(%s) ", r->from, r->to, r->cause);
    snprintf(rows->detail, sizeof(rows->detail), "%s", r->detail ? r->detail : "");
    snprintf(rows->words, sizeof(rows->words), "%s", r->words ? r->words : "");
    snprintf(rows->hash, sizeof(rows->hash), "%s", r->hash);
    assert_int_equal(r->generation, 7);
    return 0;
}

void every_change_has_its_audit_row(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");
    struct cause c = because(f, "worker");
    struct rows rows = { 0 };
    struct kept k;
    uint64_t n = 0;

    put(f, "e2", "nopin");
    claim(f, "print", 1, &k);
    c.words = "seen by the operator";
    assert_int_equal(store_mark(f->store, &id, STAGE_RELEASING, "{\"job\":12}", &c), 0);
    assert_int_equal(store_audit(f->store, &id, 0, keep_row, &rows), 0);
    assert_string_equal(rows.path, ">queued(submit) queued>sending(dispatch) sending>sending(worker) ");
    assert_string_equal(rows.detail, "{\"stage\":\"releasing\",\"evidence\":{\"job\":12}}");
    assert_string_equal(rows.words, "seen by the operator");
    assert_int_equal(strlen(rows.hash), 64);
    assert_int_equal(rows.seq[0], 1);
    assert_int_equal(rows.seq[1], 3);
    assert_int_equal(rows.prior[1], 1);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_DELIVERED, "printed"), 0);
    commit(f);
    fixture_reopen(f);
    rows = (struct rows){ 0 };
    assert_int_equal(store_audit(f->store, &id, 3, keep_row, &rows), 0);
    assert_int_equal(rows.n, 2);
    assert_non_null(strstr(rows.detail, "\"code\":\"printed\""));
    rows = (struct rows){ 0 };
    assert_int_equal(store_audit(f->store, NULL, 1, keep_row, &rows), 0);
    assert_int_equal(rows.n, 4);
    assert_string_equal(rows.path, ">nopin(submit) queued>sending(dispatch) sending>sending(worker) "
                                   "sending>delivered(worker) ");
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 5);
    id.bytes[15] ^= 1;
    assert_int_equal(store_audit(f->store, &id, 0, keep_row, &rows), STORE_UNKNOWN);
}

void abort_undoes_all_of_it(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print"), undone;
    struct store_stat before, after;
    struct kept k = { 0 };
    uint64_t n;

    commit(f);
    before = stat_of(f);
    undone = put(f, "e2", "print");
    claim(f, "print", 9, &k);
    assert_int_equal(settle(f, id, STATES_ALL, STATE_DELIVERED, NULL), 0);
    store_abort(f->store);
    assert_false(store_is_dirty(f->store));
    after = stat_of(f);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(store_find(f->store, &undone, keep, &k), STORE_UNKNOWN);
    assert_string_equal(find(f, id).sealed, SEALED_TEXT);
    assert_true(uuid_order(&undone) < (put(f, "e2", "print"), uuid_order(&f->last)));
    commit(f);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 2);
    store_abort(f->store);
}

void ids_grow_over_a_clock_that_goes_back(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");

    commit(f);
    f->now -= 24 * HOUR;
    fixture_reopen(f);
    put(f, "e2", "print");
    assert_true(uuid_order(&f->last) > uuid_order(&id));
}

/* A process that ends as WAY says after one delivery that is committed and one that is not. */
static void end_in_the_middle(struct fixture *f, int way)
{
    int status;
    pid_t pid;

    fixture_close(f);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct problem p;

        if (store_open(f->backend, f->path, &f->store, &p) != 0)
            _exit(1);
        if (put_as(f, "committed", "card", SECRET_PIN, "print", SEALED_TEXT) != 0 || store_commit(f->store) != 0)
            _exit(1);
        if (put_as(f, "not committed", "card", SECRET_PIN, "print", SEALED_TEXT) != 0)
            _exit(1);
        if (way == SIGKILL)
            raise(SIGKILL);
        _exit(42);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(way == SIGKILL ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 42);
    fixture_open(f);
}

void what_was_committed_survives(void **state)
{
    static const int ways[] = { SIGKILL, 0 };
    struct fixture *f = *state;
    uint64_t n;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        end_in_the_middle(f, ways[i]);
        assert_int_equal(put_as(f, "committed", "card", SECRET_PIN, "print", "x"), STORE_DUPLICATE);
        assert_int_equal(stat_of(f).events, 1);
        assert_int_equal(stat_of(f).by_state[STATE_QUEUED], 1);
        assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
        assert_int_equal(n, 1);
        assert_int_equal(put_as(f, "not committed", "card", SECRET_PIN, "print", SEALED_TEXT), 0);
        store_abort(f->store);
        fixture_end(f);
        fixture_begin(f, f->backend);
    }
}

void a_second_owner_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    struct problem p;

    assert_int_equal(store_open(f->backend, f->path, &other, &p), 1);
    assert_null(other);
    assert_string_equal(p.code, "locked");
    assert_string_equal(p.where, f->path);
    fixture_reopen(f);
}

void tidying_is_asked_for_after_erasing_only(void **state)
{
    struct fixture *f = *state;
    struct uuid id = put(f, "e1", "print");

    assert_int_equal(store_tidy(f->store), -EBUSY);
    commit(f);
    assert_false(store_is_untidy(f->store));
    assert_int_equal(settle(f, id, STATES_ALL, STATE_CANCELLED, NULL), 0);
    commit(f);
    assert_true(store_is_untidy(f->store));
    assert_int_equal(store_tidy(f->store), 0);
    assert_false(store_is_untidy(f->store));
}

void many_are_as_good_as_few(void **state)
{
    enum { MANY = 1000 };
    struct fixture *f = *state;
    struct kept k;
    unsigned done = 0;
    uint64_t n;

    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof(name), "e%d", i);
        put(f, name, "print");
    }
    commit(f);
    while (claim(f, "print", 16, &k) > 0) {
        for (unsigned i = 0; i < k.n; i++, done++)
            assert_int_equal(settle(f, k.r[i].id, STATES_ALL, STATE_DELIVERED, "printed"), 0);
        commit(f);
    }
    assert_int_equal(done, MANY);
    fixture_reopen(f);
    assert_int_equal(stat_of(f).by_state[STATE_DELIVERED], MANY);
    assert_int_equal(stat_of(f).by_state[STATE_SENDING], 0);
    assert_int_equal(store_audit_verify(f->store, &n, NULL), 0);
    assert_int_equal(n, 3 * MANY);
}

/* Group commit in a real loop over a real store. */
#include "fixture.h"

#include <errno.h>
#include <pindispatch/commit.h>

#define SECOND UINT64_C(1000000)

struct bench {
    struct fixture f;
    sd_event *loop;
    struct commit *commit;
    char told[256]; /* what happened, in order */
    unsigned joined, busy;
    struct bench_waiter {
        struct commit_waiter waiter; /* first */
        struct bench *bench;
        const char *name;
        struct bench_waiter *follower; /* joins when this one is told */
        int r;
        bool done;
    } waiters[3 * COMMIT_MOST];
    struct commit_hook hooks[2];
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    fixture_begin(&b->f, "sqlite");
    assert_true(sd_event_new(&b->loop) >= 0);
    assert_int_equal(commit_new(b->loop, b->f.store, &b->commit), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    b->commit = commit_free(b->commit);
    sd_event_unref(b->loop);
    fixture_end(&b->f);
    free(b);
    return 0;
}

static void tell(struct bench *b, const char *what)
{
    size_t used = strlen(b->told);

    snprintf(b->told + used, sizeof(b->told) - used, "%s ", what);
}

static void on_done(struct commit_waiter *w, int r)
{
    struct bench_waiter *own = (struct bench_waiter *)w;

    assert_false(own->done);
    assert_false(store_is_dirty(own->bench->f.store));
    own->done = true;
    own->r = r;
    if (own->name)
        tell(own->bench, own->name);
    if (own->follower) {
        put(&own->bench->f, own->follower->name, "nopin");
        commit_join(own->bench->commit, &own->follower->waiter);
        assert_false(own->follower->done);
    }
}

static struct bench_waiter *waiter(struct bench *b, unsigned i, const char *name)
{
    struct bench_waiter *w = &b->waiters[i];

    *w = (struct bench_waiter){ .waiter = { .done = on_done }, .bench = b, .name = name };
    return w;
}

static void join(struct bench *b, unsigned i, const char *name)
{
    struct bench_waiter *w = waiter(b, i, name);

    put(&b->f, name, "nopin");
    commit_join(b->commit, &w->waiter);
    assert_false(w->done);
}

/* Runs the loop until nothing happens for MILLISECONDS. */
static void run(struct bench *b, uint64_t milliseconds)
{
    while (sd_event_run(b->loop, milliseconds * 1000) > 0)
        ;
}

static void waiters_are_told_in_order_after_one_commit(void **state)
{
    struct bench *b = *state;

    join(b, 0, "one");
    join(b, 1, "two");
    join(b, 2, "three");
    assert_true(store_is_dirty(b->f.store));
    assert_string_equal(b->told, "");
    assert_true(sd_event_run(b->loop, SECOND) > 0);
    assert_string_equal(b->told, "one two three ");
    assert_int_equal(b->waiters[2].r, 0);
    assert_false(store_is_dirty(b->f.store));
    run(b, 30);
    assert_string_equal(b->told, "one two three ");
    fixture_reopen(&b->f);
    assert_int_equal(stat_of(&b->f).events, 3);
}

static void who_joins_while_told_is_in_the_next_transaction(void **state)
{
    struct bench *b = *state;

    put(&b->f, "first", "nopin");
    waiter(b, 0, "first")->follower = waiter(b, 1, "next");
    commit_join(b->commit, &b->waiters[0].waiter);
    assert_true(sd_event_run(b->loop, SECOND) > 0);
    assert_string_equal(b->told, "first ");
    assert_true(store_is_dirty(b->f.store));
    assert_true(sd_event_run(b->loop, SECOND) > 0);
    assert_string_equal(b->told, "first next ");
    assert_false(store_is_dirty(b->f.store));
}

static void hook_one(void *userdata)
{
    tell(userdata, "hook-one");
}

static void hook_two(void *userdata)
{
    struct bench *b = userdata;

    tell(b, "hook-two");
    if (b->joined++ == 0)
        join(b, 5, "hooked");
}

static void add_hooks(struct bench *b)
{
    b->hooks[0] = (struct commit_hook){ .before = hook_one, .userdata = b };
    b->hooks[1] = (struct commit_hook){ .before = hook_two, .userdata = b };
    commit_hook(b->commit, &b->hooks[0]);
    commit_hook(b->commit, &b->hooks[1]);
}

static void hooks_run_before_in_order_and_join(void **state)
{
    struct bench *b = *state;

    add_hooks(b);
    run(b, 30);
    assert_string_equal(b->told, "");
    join(b, 0, "first");
    assert_true(sd_event_run(b->loop, SECOND) > 0);
    assert_string_equal(b->told, "hook-one hook-two first hooked ");
    run(b, 30);
    assert_string_equal(b->told, "hook-one hook-two first hooked ");
}

static void a_poke_gives_a_turn(void **state)
{
    struct bench *b = *state;

    b->joined = 1;
    add_hooks(b);
    commit_poke(b->commit);
    commit_poke(b->commit);
    run(b, 30);
    assert_string_equal(b->told, "hook-one hook-two ");
}

static void a_verb_that_failed_undoes_for_all(void **state)
{
    struct bench *b = *state;

    join(b, 0, "one");
    commit_fail(b->commit, -ENOSPC);
    commit_fail(b->commit, -EIO);
    join(b, 1, "two");
    assert_string_equal(b->told, "");
    run(b, 30);
    assert_string_equal(b->told, "one two ");
    assert_int_equal(b->waiters[0].r, -ENOSPC);
    assert_int_equal(b->waiters[1].r, -ENOSPC);
    assert_false(store_is_dirty(b->f.store));
    assert_int_equal(stat_of(&b->f).events, 0);
    join(b, 2, "three");
    run(b, 30);
    assert_int_equal(b->waiters[2].r, 0);
    assert_int_equal(stat_of(&b->f).events, 1);
}

static void failing_hook(void *userdata)
{
    struct bench *b = userdata;

    if (b->joined++ == 0)
        commit_fail(b->commit, -EIO);
}

static void a_hook_may_fail(void **state)
{
    struct bench *b = *state;

    b->hooks[0] = (struct commit_hook){ .before = failing_hook, .userdata = b };
    commit_hook(b->commit, &b->hooks[0]);
    join(b, 0, "one");
    run(b, 30);
    assert_int_equal(b->waiters[0].r, -EIO);
    join(b, 0, "one");
    run(b, 30);
    assert_int_equal(b->waiters[0].r, 0);
}

static void after_commit(void *userdata, int r)
{
    struct bench *b = userdata;

    assert_false(store_is_dirty(b->f.store));
    tell(b, r == 0 ? "committed" : "undone");
}

static void hooks_hear_first_how_it_went(void **state)
{
    struct bench *b = *state;

    b->hooks[0] = (struct commit_hook){ .before = failing_hook, .after = after_commit, .userdata = b };
    commit_hook(b->commit, &b->hooks[0]);
    join(b, 0, "one");
    run(b, 30);
    assert_string_equal(b->told, "undone one ");
    join(b, 0, "one");
    join(b, 1, "two");
    run(b, 30);
    assert_string_equal(b->told, "undone one committed one two ");
}

/* Always ready, before any idle source. */
static int on_busy(sd_event_source *source, void *userdata)
{
    struct bench *b = userdata;

    (void)source;
    b->busy++;
    return 0;
}

static int on_flood(sd_event_source *source, void *userdata)
{
    struct bench *b = userdata;

    (void)source;
    if (b->waiters[0].done || b->joined == ARRAY_SIZE(b->waiters))
        return 0;
    commit_join(b->commit, &waiter(b, b->joined++, NULL)->waiter);
    return 0;
}

static sd_event_source *keep_busy(struct bench *b, sd_event_handler_t handler)
{
    sd_event_source *source = NULL;

    assert_true(sd_event_add_defer(b->loop, &source, handler, b) >= 0);
    assert_true(sd_event_source_set_enabled(source, SD_EVENT_ON) >= 0);
    return source;
}

static void many_joins_do_not_wait_for_quiet(void **state)
{
    struct bench *b = *state;
    sd_event_source *flood = keep_busy(b, on_flood);

    while (!b->waiters[0].done && b->joined < ARRAY_SIZE(b->waiters))
        assert_true(sd_event_run(b->loop, SECOND) > 0);
    sd_event_source_disable_unref(flood);
    assert_true(b->waiters[0].done);
    assert_in_range(b->joined, 1, COMMIT_MOST);
    assert_true(b->waiters[b->joined - 1].done);
}

static void a_busy_loop_does_not_starve_a_commit(void **state)
{
    struct bench *b = *state;
    sd_event_source *busy = keep_busy(b, on_busy);
    int64_t end = clock_monotonic() + 10 * MICROSECONDS_PER_SECOND;

    join(b, 0, "one");
    while (!b->waiters[0].done && clock_monotonic() < end)
        assert_true(sd_event_run(b->loop, SECOND) > 0);
    sd_event_source_disable_unref(busy);
    assert_true(b->waiters[0].done);
    assert_true(b->busy > 1); /* others went first */
}

static void flush_commits_now_and_without_hooks(void **state)
{
    struct bench *b = *state;

    b->joined = 1;
    add_hooks(b);
    assert_int_equal(commit_flush(b->commit), 0);
    put(&b->f, "first", "nopin");
    waiter(b, 0, "first")->follower = waiter(b, 1, "next");
    commit_join(b->commit, &b->waiters[0].waiter);
    assert_int_equal(commit_flush(b->commit), 0);
    assert_string_equal(b->told, "first next ");
    assert_false(store_is_dirty(b->f.store));
    join(b, 2, "late");
    commit_fail(b->commit, -EIO);
    assert_int_equal(commit_flush(b->commit), -EIO);
    assert_int_equal(b->waiters[2].r, -EIO);
    run(b, 30);
    assert_string_equal(b->told, "first next late ");
}

static void what_was_erased_leaves_the_log_when_it_is_quiet(void **state)
{
    struct bench *b = *state;
    int64_t end = clock_monotonic() + 20 * MICROSECONDS_PER_SECOND;

    put(&b->f, "e1", "print");
    assert_int_equal(settle(&b->f, b->f.last, STATES_ALL, STATE_CANCELLED, NULL), 0);
    commit_poke(b->commit);
    assert_true(sd_event_run(b->loop, SECOND) > 0);
    assert_true(store_is_untidy(b->f.store));
    while (store_is_untidy(b->f.store) && clock_monotonic() < end)
        sd_event_run(b->loop, SECOND);
    assert_false(store_is_untidy(b->f.store));
}

static void on_change(void *userdata, const struct commit_trouble *t)
{
    tell(userdata, t->error < 0 ? "trouble" : "over");
}

static void trouble_is_told_and_passes_by_itself(void **state)
{
    struct bench *b = *state;
    int64_t end = clock_monotonic() + 20 * MICROSECONDS_PER_SECOND;

    b->joined = 1;
    add_hooks(b);
    commit_watch(b->commit, on_change, b);
    join(b, 0, "one");
    commit_fail(b->commit, -ENOSPC);
    run(b, 30);
    assert_string_equal(b->told, "trouble one ");
    assert_true(commit_is_in_trouble(b->commit));
    assert_non_null(strstr(commit_trouble(b->commit)->reason, "No space left"));
    commit_fail(b->commit, -EIO);
    run(b, 30);
    assert_string_equal(b->told, "trouble one ");
    while (commit_is_in_trouble(b->commit) && clock_monotonic() < end)
        sd_event_run(b->loop, SECOND);
    run(b, 30);
    assert_string_equal(b->told, "trouble one over hook-one hook-two ");
    assert_int_equal(stat_of(&b->f).events, 0);
}

static void what_passes_is_no_trouble(void **state)
{
    struct bench *b = *state;

    join(b, 0, "one");
    commit_fail(b->commit, -EAGAIN);
    run(b, 30);
    assert_int_equal(b->waiters[0].r, -EAGAIN);
    assert_false(commit_is_in_trouble(b->commit));
}

static void it_can_be_freed_with_somebody_waiting(void **state)
{
    struct bench *b = *state;

    join(b, 0, "one");
    b->commit = commit_free(b->commit);
    assert_null(commit_free(NULL));
    run(b, 30);
    assert_string_equal(b->told, "");
    store_abort(b->f.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waiters_are_told_in_order_after_one_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(who_joins_while_told_is_in_the_next_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(hooks_run_before_in_order_and_join, setup, teardown),
        cmocka_unit_test_setup_teardown(a_poke_gives_a_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_verb_that_failed_undoes_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hook_may_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(hooks_hear_first_how_it_went, setup, teardown),
        cmocka_unit_test_setup_teardown(many_joins_do_not_wait_for_quiet, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_loop_does_not_starve_a_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_commits_now_and_without_hooks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_erased_leaves_the_log_when_it_is_quiet, setup, teardown),
        cmocka_unit_test_setup_teardown(trouble_is_told_and_passes_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(what_passes_is_no_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(it_can_be_freed_with_somebody_waiting, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

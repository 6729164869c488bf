#include "unit.h"

#include <pindispatch/clock.h>
#include <pindispatch/retry.h>

static const struct retry_law law = { .first = 30 * MICROSECONDS_PER_SECOND,
                                      .factor = 2.0,
                                      .most = 3600 * MICROSECONDS_PER_SECOND,
                                      .give_up_after = 86400 * MICROSECONDS_PER_SECOND };

static void grows_up_to_its_most(void **state)
{
    (void)state;
    assert_int_equal(retry_bound(&law, 1), 30 * MICROSECONDS_PER_SECOND);
    assert_int_equal(retry_bound(&law, 2), 60 * MICROSECONDS_PER_SECOND);
    assert_int_equal(retry_bound(&law, 7), 1920 * MICROSECONDS_PER_SECOND);
    assert_int_equal(retry_bound(&law, 8), law.most);
    assert_int_equal(retry_bound(&law, 4000000000U), law.most);
}

static void spreads_over_the_whole_bound(void **state)
{
    int64_t bound = retry_bound(&law, 3), least = bound, most = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t chance;
        int64_t wait;

        random_bytes(&chance, sizeof(chance));
        wait = retry_wait(&law, 3, chance);
        assert_in_range(wait, 0, bound);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < bound / 10);
    assert_true(most > bound / 10 * 9);
}

static void gives_up_in_time(void **state)
{
    struct retry_law forever = law;

    (void)state;
    forever.give_up_after = 0;
    assert_false(retry_is_over(&law, 1000, 1000 + law.give_up_after - 1));
    assert_true(retry_is_over(&law, 1000, 1000 + law.give_up_after));
    assert_false(retry_is_over(&forever, 0, INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_up_to_its_most),
        cmocka_unit_test(spreads_over_the_whole_bound),
        cmocka_unit_test(gives_up_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/delivery.h>

static void names_survive(void **state)
{
    enum delivery_state s;
    enum secret_kind k;
    enum stage g;

    (void)state;
    for (int i = 0; i < STATE_COUNT; i++) {
        assert_int_equal(state_parse(state_name((enum delivery_state)i), &s), 0);
        assert_int_equal(s, i);
        assert_string_equal(state_names()[i], state_name((enum delivery_state)i));
    }
    assert_null(state_names()[STATE_COUNT]);
    for (int i = 0; i < SECRET_KINDS; i++) {
        assert_int_equal(secret_kind_parse(secret_kind_name((enum secret_kind)i), &k), 0);
        assert_int_equal(k, i);
    }
    for (unsigned i = 0; i < SECRET_PARTS; i++) {
        unsigned part = SECRET_PARTS;

        assert_int_equal(secret_part_parse(secret_part_name(i), &part), 0);
        assert_int_equal(part, i);
    }
    assert_int_equal(secret_kind_parse("password", &k), -EINVAL); /* is never delivered by itself */
    for (int i = 0; i < STAGE_COUNT; i++) {
        assert_int_equal(stage_parse(stage_name((enum stage)i), &g), 0);
        assert_int_equal(g, i);
    }
    assert_int_equal(state_parse("indoubt", &s), -EINVAL);
    assert_int_equal(secret_kind_parse("can", &k), -EINVAL);
    assert_int_equal(stage_parse("", &g), -EINVAL);
}

static void final_states_become_nothing(void **state)
{
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++) {
        unsigned successors = 0;

        for (int to = 0; to < STATE_COUNT; to++)
            successors += state_may_become((enum delivery_state)from, (enum delivery_state)to);
        assert_int_equal(successors == 0, (STATES_FINAL & STATE_BIT(from)) != 0);
    }
}

static void a_letter_is_never_released_twice(void **state)
{
    (void)state;
    /* What was spooled never waits for its turn again, and doubt is settled by a person only. */
    assert_false(state_may_become(STATE_SPOOLED, STATE_QUEUED));
    assert_true(state_may_become(STATE_SPOOLED, STATE_SPOOLED)); /* followed, with news */
    assert_false(state_may_become(STATE_SPOOLED, STATE_DEFERRED));
    assert_false(state_may_become(STATE_SPOOLED, STATE_SENDING));
    assert_false(state_may_become(STATE_IN_DOUBT, STATE_QUEUED));
    assert_false(state_may_become(STATE_IN_DOUBT, STATE_SENDING));
    assert_true(state_may_become(STATE_IN_DOUBT, STATE_DELIVERED));
    assert_true(state_may_become(STATE_IN_DOUBT, STATE_FAILED));
    /* Or by time: a holder's data do not outlive their retention. */
    assert_true(state_may_become(STATE_IN_DOUBT, STATE_EXPIRED));
    assert_true(state_may_become(STATE_SPOOLED, STATE_EXPIRED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_survive),
        cmocka_unit_test(final_states_become_nothing),
        cmocka_unit_test(a_letter_is_never_released_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

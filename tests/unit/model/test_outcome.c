#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/outcome.h>

static void survives_json(void **state)
{
    struct outcome o = { .evidence = json_pack("{s:s}", "reply", "250 ok") }, back;
    json_t *j;

    (void)state;
    for (int kind = 0; kind < OUTCOME_KINDS; kind++) {
        outcome_set(&o, (enum outcome_kind)kind, "code", "reason %d", kind);
        o.destination = kind % 2;
        o.unsure = !(kind % 2);
        j = outcome_to_json(&o);
        assert_int_equal(outcome_from_json(j, &back), 0);
        assert_int_equal(back.kind, kind);
        assert_int_equal(back.destination, kind % 2);
        assert_int_equal(back.unsure, !(kind % 2));
        assert_string_equal(back.reason, o.reason);
        assert_true(json_equal(back.evidence, o.evidence));
        outcome_release(&back);
        json_decref(j);
    }
    outcome_release(&o);
}

static void cuts_a_reason_between_characters(void **state)
{
    struct outcome o = { .code = "" };
    char text[400] = "x";

    (void)state;
    for (size_t i = 1; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "å", 3);
    for (size_t skip = 0; skip < 2; skip++) {
        json_t *j;

        outcome_set(&o, OUTCOME_FAILED, "c", "%s", text + skip);
        j = json_string(o.reason);
        assert_non_null(j); /* jansson takes whole characters only */
        assert_true(strlen(o.reason) > sizeof(o.reason) - 4);
        json_decref(j);
    }
}

static void may_be_said_again_in_other_words(void **state)
{
    struct outcome o = { .code = "" };

    (void)state;
    outcome_set(&o, OUTCOME_DEFERRED, "later", "the server is busy");
    outcome_set(&o, OUTCOME_FAILED, o.code, "given up: %s", o.reason);
    assert_string_equal(o.code, "later");
    assert_string_equal(o.reason, "given up: the server is busy");
}

static void keeps_an_outcome_whose_words_are_not_utf8(void **state)
{
    struct outcome o = { .code = "" };
    json_t *j;

    (void)state;
    outcome_set(&o, OUTCOME_DELIVERED, "smtp-250", "250 \xff ok");
    j = outcome_to_json(&o);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "kind")), "delivered");
    json_decref(j);
}

static void refuses_what_is_none(void **state)
{
    static const char *const wrong[] = { "{}",
                                         "{\"kind\":\"lost\",\"code\":\"c\"}",
                                         "{\"kind\":\"failed\"}",
                                         "{\"kind\":\"failed\",\"code\":\"c\",\"evidence\":1}",
                                         "{\"kind\":\"failed\",\"code\":\"\303\205\"}",
                                         "{\"kind\":\"failed\",\"code\":\"two words\"}",
                                         "{\"kind\":\"failed\",\"code\":\"a-code-that-is-longer-than-codes-are\"}" };
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        json_t *j = json_loads(wrong[i], 0, NULL);

        assert_int_equal(outcome_from_json(j, &o), -EINVAL);
        json_decref(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_json),
        cmocka_unit_test(cuts_a_reason_between_characters),
        cmocka_unit_test(may_be_said_again_in_other_words),
        cmocka_unit_test(keeps_an_outcome_whose_words_are_not_utf8),
        cmocka_unit_test(refuses_what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

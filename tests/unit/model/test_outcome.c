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
                                         "{\"kind\":\"failed\",\"code\":\"\"}",
                                         "{\"kind\":\"failed\",\"code\":\"a:b\"}",
                                         "{\"kind\":\"failed\",\"code\":\"c\",\"reason\":\"a\\u001b[2J\"}",
                                         "{\"kind\":\"failed\",\"code\":\"c\",\"reason\":\"a\\u0085\"}",
                                         "{\"kind\":\"failed\",\"code\":\"a-code-that-is-longer-than-codes-are\"}" };
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        json_t *j = json_loads(wrong[i], 0, NULL);

        assert_int_equal(outcome_from_json(j, &o), -EINVAL);
        json_decref(j);
    }
}

/* What one side writes the other one takes, whatever a peer said. */
static void writes_only_what_it_takes(void **state)
{
    static const char *const codes[] = { "", "two words", "\303\205", "a:b", "a-code-that-is-longer-than-codes-are" };
    static const char *const reasons[] = { "\x1b[2J", "line\nline", "\xff\xfe", "\xc2\x85", "caf\xc3" };

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        struct outcome o = { .evidence = NULL }, back;
        json_t *j;

        outcome_set(&o, OUTCOME_FAILED, codes[i], "%s", reasons[i]);
        j = outcome_to_json(&o);
        assert_int_equal(outcome_from_json(j, &back), 0);
        assert_string_equal(back.reason, o.reason);
        json_decref(j);
    }
}

static json_t *evidence_of(size_t size)
{
    json_t *j = json_object();
    char *text = calloc(1, size - 7); /* {"x":"…"} has eight more, a text its end */

    memset(text, 'x', size - 8);
    json_object_set_new(j, "x", json_string(text));
    free(text);
    return j;
}

/* The outcome matters more than what is known beside it; a worker that sends too much is none of ours. */
static void leaves_out_evidence_that_is_too_much(void **state)
{
    struct outcome o = { .evidence = evidence_of(EVIDENCE_MOST) }, back;
    json_t *j;

    (void)state;
    outcome_set(&o, OUTCOME_DELIVERED, "printed", "it came out");
    j = outcome_to_json(&o);
    assert_int_equal(outcome_from_json(j, &back), 0);
    assert_non_null(back.evidence);
    outcome_release(&back);
    outcome_release(&o);
    o.evidence = evidence_of(EVIDENCE_MOST + 1);
    json_object_set(j, "evidence", o.evidence);
    assert_int_equal(outcome_from_json(j, &back), -EINVAL);
    json_decref(j);
    j = outcome_to_json(&o);
    assert_null(json_object_get(j, "evidence"));
    assert_int_equal(outcome_from_json(j, &back), 0);
    json_decref(j);
    outcome_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_json),
        cmocka_unit_test(cuts_a_reason_between_characters),
        cmocka_unit_test(may_be_said_again_in_other_words),
        cmocka_unit_test(keeps_an_outcome_whose_words_are_not_utf8),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(writes_only_what_it_takes),
        cmocka_unit_test(leaves_out_evidence_that_is_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

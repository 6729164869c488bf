#include "form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/cleanup.h>

static void clean_text_has_something_to_see(void **state)
{
    (void)state;
    assert_true(form_is_clean(" a "));
    assert_false(form_is_clean(""));
    assert_false(form_is_clean("   "));
    assert_false(form_is_clean(" \u00a0 "));
}

static void borders_of_forbidden_ranges(void **state)
{
    static const char *const good[] = {
        "\x20x",  "~",      "\u00a0x", "\u2027", "\u202f", "\u2065",     "\u206a",
        "\ufdcf", "\ufdf0", "\ufefe",  "\ufff8", "\ufffd", "\U0001fffd", "\U00010000"
    };
    static const char *const bad[] = { "\x1fx",  "\x7f",   "\xc2\x80", "\xc2\x9f",   "\u2028",    "\u202e",
                                       "\u2066", "\u2069", "\ufdd0",   "\ufdef",     "\ufeff",    "\ufff9",
                                       "\ufffb", "\ufffe", "\uffff",   "\U0001fffe", "\U0010ffff" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        if (!form_is_clean(good[i]))
            fail_msg("good %zu", i);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (form_is_clean(bad[i]))
            fail_msg("bad %zu", i);
}

static void uri_needs_whole_escapes(void **state)
{
    (void)state;
    assert_true(form_is_uri("https://a.example/b?c=d#e"));
    assert_true(form_is_uri("%2F%aF"));
    assert_false(form_is_uri("%"));
    assert_false(form_is_uri("%2"));
    assert_false(form_is_uri("%2g"));
    assert_false(form_is_uri("a b"));
    assert_false(form_is_uri("a\"b"));
    assert_false(form_is_uri("a\\b"));
    assert_false(form_is_uri("<a>"));
    assert_false(form_is_uri("\u00e5"));
}

static void media_type_may_have_parameters(void **state)
{
    (void)state;
    assert_true(form_is_json("application/json"));
    assert_true(form_is_json("Application/JSON ; charset=utf-8"));
    assert_false(form_is_json("application/jso"));
    assert_false(form_is_json("application/json-patch+json"));
    assert_false(form_is_json("application/json;\n"));
}

static void attribute_names_are_bounded(void **state)
{
    (void)state;
    assert_true(form_is_attribute("a"));
    assert_true(form_is_attribute("abcdefghij0123456789"));
    assert_false(form_is_attribute("abcdefghij01234567890"));
    assert_false(form_is_attribute(""));
    assert_false(form_is_attribute("A"));
    assert_false(form_is_attribute("a_b"));
}

static bool is_deep(const char *json, unsigned most)
{
    return form_is_deep(json, strlen(json), most);
}

static void depth_counts_outside_of_strings(void **state)
{
    (void)state;
    assert_false(is_deep("[[]]", 2));
    assert_true(is_deep("[[[]]]", 2));
    assert_false(is_deep("[[],[],{}]", 2));
    assert_false(is_deep("\"[[[[\"", 2));
    assert_false(is_deep("\"\\\"[[[[\"", 2));
    assert_true(is_deep("\"\\\\\"[[[", 2));
    /* Too many ends do not make room for more. */
    assert_true(is_deep("]]]][[[", 2));
    /* An escape at the very end looks no further. */
    assert_false(is_deep("\"\\", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_text_has_something_to_see), cmocka_unit_test(borders_of_forbidden_ranges),
        cmocka_unit_test(uri_needs_whole_escapes),         cmocka_unit_test(media_type_may_have_parameters),
        cmocka_unit_test(attribute_names_are_bounded),     cmocka_unit_test(depth_counts_outside_of_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/json_line.h>

/* TEXT as a member, read again by jansson; the caller frees it. */
static json_t *through(const char *text)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(4096);
    struct json_line l;
    json_t *j;

    json_line_begin(&l, &b);
    json_line_text(&l, "k", text);
    assert_int_equal(json_line_end(&l), 0);
    j = json_parse_line(buffer_bytes(&b), buffer_size(&b));
    assert_non_null(j);
    return j;
}

static void writes_members_and_lists(void **state)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(256);
    struct json_line l;

    (void)state;
    json_line_begin(&l, &b);
    json_line_text(&l, "a", "x");
    json_line_text(&l, "nothing", NULL);
    json_line_open(&l, "list", '[');
    json_line_open(&l, NULL, '{');
    json_line_close(&l, '}');
    json_line_number(&l, NULL, INT64_MIN);
    json_line_close(&l, ']');
    json_line_flag(&l, "f", true);
    json_line_value(&l, "v", "{\"k\":[1]}");
    json_line_value(&l, "none", NULL);
    assert_int_equal(json_line_end(&l), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    assert_string_equal(buffer_bytes(&b),
                        "{\"a\":\"x\",\"list\":[{},-9223372036854775808],\"f\":true,\"v\":{\"k\":[1]}}\n");
}

/* Each byte by itself, and each character at the borders of what UTF-8 and UTF-16 can say. */
static void every_text_comes_through(void **state)
{
    static const char *const texts[] = { "",
                                         "Åsa \"Öberg\" \\ / \t\r\n\b\f \x7f",
                                         "\xc2\x80",
                                         "\xdf\xbf",
                                         "\xe0\xa0\x80",
                                         "\xed\x9f\xbf",
                                         "\xee\x80\x80",
                                         "\xef\xbf\xbf",
                                         "\xf0\x90\x80\x80",
                                         "\xf4\x8f\xbf\xbf" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(json_cleanup) json_t *j = through(texts[i]);

        assert_string_equal(json_text(j, "k"), texts[i]);
    }
    for (int c = 1; c < 0x80; c++) {
        char text[] = { 'x', (char)c, 'y', '\0' };
        CLEANUP(json_cleanup) json_t *j = through(text);

        assert_string_equal(json_text(j, "k"), text);
    }
}

static void what_is_no_utf_8_is_replaced(void **state)
{
    static const char *const texts[][2] = {
        { "a\x80z", "a\xef\xbf\xbdz" },
        { "a\xc3", "a\xef\xbf\xbd" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf0\x8f\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xff\xf5", "\xef\xbf\xbd\xef\xbf\xbd" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(json_cleanup) json_t *j = through(texts[i][0]);

        assert_string_equal(json_text(j, "k"), texts[i][1]);
    }
}

static void half_a_line_does_not_stay(void **state)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(20);
    struct json_line l;

    (void)state;
    assert_int_equal(buffer_add_text(&b, "before"), 0);
    json_line_begin(&l, &b);
    json_line_text(&l, "k", "longer than there is room for");
    json_line_text(&l, "m", "x");
    assert_int_equal(json_line_end(&l), -ENOBUFS);
    assert_int_equal(buffer_size(&b), strlen("before"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_members_and_lists),
        cmocka_unit_test(every_text_comes_through),
        cmocka_unit_test(what_is_no_utf_8_is_replaced),
        cmocka_unit_test(half_a_line_does_not_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/problem.h>
#include <pindispatch/utf8.h>

static void check(const char *before, const char *after)
{
    char text[64];

    snprintf(text, sizeof(text), "%s", before);
    utf8_repair(text);
    assert_string_equal(text, after);
}

static void leaves_good_text_alone(void **state)
{
    (void)state;
    check("", "");
    check("plain", "plain");
    check("\xc3\xa5\xe2\x82\xac\xf0\x9f\x94\x91", "\xc3\xa5\xe2\x82\xac\xf0\x9f\x94\x91");
    check("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

static void a_cut_character_goes(void **state)
{
    (void)state;
    check("a\xc3", "a");
    check("a\xe2\x82", "a");
    check("a\xf0\x9f\x94", "a");
}

static void other_bytes_become_marks(void **state)
{
    (void)state;
    check("\xe5sa", "?sa");
    check("a\x80z", "a?z");
    check("\xc0\xafz", "??z");
    check("\xed\xa0\x80z", "???z");
    check("\xf4\x90\x80\x80z", "????z");
    check("\xffz", "?z");
    check("\xe2\x82z", "??z");
}

/* Whatever bytes there are, jansson takes the text. */
static void random_bytes_become_text(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[12];
        json_t *j;

        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            seed = seed * 1103515245 + 12345;
            text[i] = (char)(seed >> 16 & 1 ? 0x80 | seed >> 17 : seed >> 17);
            text[i] = text[i] ? text[i] : 'x';
        }
        text[sizeof(text) - 1] = '\0';
        utf8_repair(text);
        j = json_string(text);
        assert_non_null(j);
        json_decref(j);
    }
}

static void a_copy_is_cut_between_characters(void **state)
{
    char to[6];

    (void)state;
    utf8_copy(to, sizeof(to), "ab\xc3\xa5\xc3\xa5");
    assert_string_equal(to, "ab\xc3\xa5");
    utf8_copy(to, sizeof(to), "a\xc3\xa5\xc3\xa5");
    assert_string_equal(to, "a\xc3\xa5\xc3\xa5");
}

/* A long path, and a sentence about it, of every length: both can be said in JSON. */
static void problems_are_text(void **state)
{
    char path[700];

    (void)state;
    for (size_t ahead = 0; ahead < 4; ahead++) {
        struct problem p;
        json_t *j;

        memset(path, '/', ahead);
        for (size_t i = ahead; i + 4 < sizeof(path); i += 3)
            memcpy(path + i, "\xe2\x82\xac", 4);
        problem_set(&p, "unreadable", path, "%s", path);
        j = json_pack("[s, s]", p.where, p.message);
        assert_non_null(j);
        json_decref(j);
    }
}

static void finds_and_mends_what_is_not_plain(void **state)
{
    static const char *const wrong[] = { "\n",      "a\x1b[2J",    "\x7f",     "\xc2\x85",     "\xff",
                                         "\xc3",    "\xc0\xaf",    "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                         "\x80 ok", "\xe0\x80\x80" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char text[16];

        assert_false(utf8_is_plain(wrong[i]));
        snprintf(text, sizeof(text), "%s", wrong[i]);
        utf8_make_plain(text);
        assert_true(utf8_is_plain(text));
    }
    assert_true(utf8_is_plain(""));
    assert_true(utf8_is_plain("Åsa, 例え \xc2\xa0 \xf0\x9f\x98\x80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_and_mends_what_is_not_plain),
        cmocka_unit_test(leaves_good_text_alone),
        cmocka_unit_test(a_cut_character_goes),
        cmocka_unit_test(other_bytes_become_marks),
        cmocka_unit_test(random_bytes_become_text),
        cmocka_unit_test(a_copy_is_cut_between_characters),
        cmocka_unit_test(problems_are_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

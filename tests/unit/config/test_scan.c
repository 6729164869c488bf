#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../src/config/scan.h"

/* One letter a token: what the scanner takes TEXT for. */
static void scanned(const char *text, const char *letters)
{
    static const char letter[] = {
        [TOKEN_END] = '.',       [TOKEN_NAME] = 'n',    [TOKEN_EQUALS] = '=',      [TOKEN_STRING] = 's',
        [TOKEN_INTEGER] = 'i',   [TOKEN_FLOAT] = 'f',   [TOKEN_OPEN] = '(',        [TOKEN_CLOSE] = ')',
        [TOKEN_SEPARATOR] = ',', [TOKEN_INCLUDE] = '@', [TOKEN_OPEN_STRING] = 'S', [TOKEN_OPEN_COMMENT] = 'C',
        [TOKEN_OPEN_LINE] = 'L', [TOKEN_OTHER] = '?',
    };
    char found[64] = "";
    struct token t = { .kind = TOKEN_OTHER };
    struct scan s;

    scan_begin(&s, text, strlen(text));
    for (size_t i = 0; i < sizeof(found) - 1 && (i == 0 || found[i - 1] != '.'); i++) {
        scan_next(&s, &t);
        found[i] = letter[t.kind];
    }
    assert_string_equal(found, letters);
}

static void test_tokens(void **state)
{
    (void)state;
    scanned("", ".");
    scanned("a = 1;", "n=i,.");
    scanned("a-b_*9:\"x\",", "n=s,.");
    scanned("g : { a = [ 1, 2 ]; l = ( \"a\" ) }", "n=(n=(i,i),n=(s)).");
    scanned("t = TRUE", "n=n.");
    scanned("\f\r\v", "?.");
    scanned("a.b", "nfn.");
    scanned("'a' $ _", "?n???.");
}

static void test_numbers(void **state)
{
    (void)state;
    scanned("1 -1 +1 0x1F 0X1fL 5L 5LL", "iiiiiii.");
    scanned("1. .5 . 1e5 -1.5E-7 +.5", "ffffff.");
    scanned("- + -- +x", "????"
                         "?n.");
    scanned("1e 1ex 0x 0xg 5LLL", "ininin"
                                  "inin.");
}

static void test_comments(void **state)
{
    (void)state;
    scanned("/* a\n = */ a // b\n# c\n= /**/ 1\n", "n=i.");
    scanned("a /* b", "nC.");
    scanned("a # b", "nL.");
    scanned("a // b", "nL.");
    scanned("/ a", "?n.");
    scanned("/*/", "C.");
}

static void test_strings(void **state)
{
    (void)state;
    scanned("\"a\" \"\" \"\\\"\" \"\\\\\" \"/*\" \"#\"", "ssssss.");
    scanned("\"a\nb\"\n", "SnS.");
    scanned("\"", "S.");
    scanned("\"\\", "S.");
    scanned("\"\\\"", "S.");
}

static void test_includes(void **state)
{
    (void)state;
    scanned("@include \"a\"", "@.");
    scanned("\n \t@include\t \"a\" b", "@n.");
    scanned("a @include \"a\"", "n?ns.");
    scanned("/* */@include \"a\"", "?ns.");
    scanned("@include\"a\"", "?ns.");
    scanned("@include a", "?nn.");
    scanned("@include \"a\n", "S.");
}

static void test_lines_and_bytes(void **state)
{
    static const char text[] = "a\n/*\n*/ \"b\"\n\n@include \"c\"";
    struct token t;
    struct scan s;

    (void)state;
    scan_begin(&s, text, strlen(text));
    scan_next(&s, &t);
    assert_int_equal(t.line, 1);
    assert_true(token_is(&t, "a"));
    scan_next(&s, &t);
    assert_int_equal(t.line, 3);
    assert_true(token_is(&t, "\"b\""));
    scan_next(&s, &t);
    assert_int_equal(t.line, 5);
    assert_true(token_is(&t, "\"c\""));
    scan_next(&s, &t);
    assert_int_equal(t.kind, TOKEN_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),  cmocka_unit_test(test_numbers),  cmocka_unit_test(test_comments),
        cmocka_unit_test(test_strings), cmocka_unit_test(test_includes), cmocka_unit_test(test_lines_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

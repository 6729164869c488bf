#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "scratch.h"

/* The only problem of what the scratch folder holds is at FILE:LINE (LINE 0: FILE). */
static void trapped_at(struct scratch *s, const char *file, unsigned line, const char *code, const char *words)
{
    struct config_problems problems;
    struct settings *settings = NULL;
    char where[256];

    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    snprintf(where, sizeof(where), line ? "%s/%s:%u" : "%s/%s", s->folder, file, line);
    assert_string_equal(problems.items[0].where, where);
    assert_string_equal(problems.items[0].code, code);
    if (!strstr(problems.items[0].message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, problems.items[0].message);
    assert_int_equal(problems.n, 1);
    config_problems_release(&problems);
}

static void trapped(struct scratch *s, const char *text, unsigned line, const char *code, const char *words)
{
    scratch_write(s, text);
    trapped_at(s, "pindispatch.conf", line, code, words);
}

static void fine(struct scratch *s, const char *text)
{
    struct config_problems problems;
    struct settings *settings = NULL;

    scratch_write(s, text);
    if (config_load(s->file, scratch_schemas, &settings, &problems) != 0)
        fail_msg("%s: %s", problems.items[0].where, problems.items[0].message);
    settings_free(settings);
}

static void test_open_comment(void **state)
{
    trapped(*state, "dry_run = true;\n/* open\nCardsPINDeliveryMethod = \"email\"\n", 2, "syntax", "never closed");
    trapped(*state, "/*/\n", 1, "syntax", "never closed");
    fine(*state, "/**/ /***/ /* /* */ // /*\n# /*\nprint: { printer = \"/*\"; };\n");
}

static void test_numbers(void **state)
{
    trapped(*state, "workers: {\n print = 5000000000;\n};\n", 2, "range", "too large");
    trapped(*state, "workers: { print = 99999999999999999999L; };\n", 1, "range", "too large");
    trapped(*state, "workers: { print = -2147483649; };\n", 1, "range", "too large");
    trapped(*state, "workers: { print = 0x1FFFFFFFF; };\n", 1, "range", "too large");
    /* In 32 bits it would be 2. */
    trapped(*state, "workers: { print = 4294967298; };\n", 1, "range", "too large");
    trapped(*state, "workers: { print = 4294967298L; };\n", 1, "range", "workers.print must be 1 to 64");
    fine(*state, "workers: { print = 0x2; email = +2LL; };\n");
}

static void test_two_texts(void **state)
{
    trapped(*state, "accept_types = [ \"a\"\n \"b\" ];\n", 2, "syntax", "two texts in a row");
    trapped(*state, "print: { printer = \"a\" /* , */ \"b\"; };\n", 1, "syntax", "two texts in a row");
}

static void test_missing_values(void **state)
{
    trapped(*state, "dry_run =\n\n\nprint: { };\n", 1, "syntax", "dry_run has no value");
    trapped(*state, "dry_run = ;\n", 1, "syntax", "dry_run has no value");
    trapped(*state, "dry_run =", 1, "syntax", "dry_run has no value");
    trapped(*state, "print: { printer = };\n", 1, "syntax", "printer has no value");
    trapped(*state, "CardsPINDeliveryMethod = print\n", 1, "type",
            "CardsPINDeliveryMethod: a text must be in double quotes");
    trapped(*state, "CardsPINDeliveryMethod = 'print'\n", 1, "type", "double quotes");
}

static void test_open_strings(void **state)
{
    trapped(*state, "\nprint: { printer = \"a;\n};\n", 2, "syntax", "the closing quote is missing");
    trapped(*state, "print: { printer = \"a\\\"\n; };\n", 1, "syntax", "the closing quote is missing");
}

static void test_brackets(void **state)
{
    trapped(*state, "dry_run = false;\nprint: {\n  printer = \"a\";\n", 2, "syntax", "never closed");
}

static void test_bytes(void **state)
{
    struct scratch *s = *state;

    trapped(s,
            "\xef\xbb\xbf"
            "dry_run = true;\n",
            1, "syntax", "byte order mark");
    scratch_write_bytes(s, "pindispatch.conf", "dry_run = true;\n\0nix = 1;\n", 26);
    trapped_at(s, "pindispatch.conf", 0, "characters", "NUL");
}

static void test_several_traps_at_once(void **state)
{
    struct scratch *s = *state;
    struct config_problems problems;
    struct settings *settings = NULL;

    scratch_write(s, "dry_run =\nworkers: { print = 5000000000; };\nprint: { printer = \"a\n};\n/* open\n");
    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_int_equal(problems.n, 4);
    config_problems_release(&problems);
}

static void test_included_files(void **state)
{
    struct scratch *s = *state;

    scratch_add(s, "more.conf", "\n/* open\n");
    scratch_write(s, "@include \"more.conf\"\n");
    trapped_at(s, "more.conf", 2, "syntax", "never closed");
    scratch_add(s, "more.conf", "dry_run = true;\n# the end");
    trapped_at(s, "more.conf", 2, "syntax", "newline");
    trapped(s, "\n@include \"nix.conf\"\n", 2, "unreadable", "No such file");
    trapped(s, "\n @include \"../nix.conf\"\n", 2, "include", "plain name");
    trapped(s, "@include \"/etc/passwd\"\n", 1, "include", "plain name");
    trapped(s, "@include \"\"\n", 1, "include", "plain name");
    fine(s, "/* \n@include \"nix.conf\"\n*/ # @include \"nix.conf\"\n");
}

static void test_a_file_that_includes_itself(void **state)
{
    trapped(*state, "@include \"pindispatch.conf\"\n@include \"pindispatch.conf\"\n", 1, "include", "too many files");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open_comment),   TEST(test_numbers),
        TEST(test_two_texts),      TEST(test_missing_values),
        TEST(test_open_strings),   TEST(test_brackets),
        TEST(test_bytes),          TEST(test_several_traps_at_once),
        TEST(test_included_files), TEST(test_a_file_that_includes_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

#define NAME "CardsPINDeliveryMethod"

static void edited(struct scratch *s, const char *before, const char *value, const char *after)
{
    struct problem p = { 0 };
    char *text;

    scratch_write(s, before);
    if (config_set_text(s->file, NAME, value, &p) != 0)
        fail_msg("%s: %s", p.where, p.message);
    text = scratch_read(s);
    assert_string_equal(text, after);
    free(text);
}

/* The file stays as it is. */
static void refused(struct scratch *s, const char *before, const char *value, unsigned line, const char *code)
{
    struct problem p = { 0 };
    char where[256];
    char *text;

    scratch_write(s, before);
    assert_int_equal(config_set_text(s->file, NAME, value, &p), 1);
    assert_string_equal(p.code, code);
    snprintf(where, sizeof(where), line ? "%s:%u" : "%s", s->file, line);
    assert_string_equal(p.where, where);
    text = scratch_read(s);
    assert_string_equal(text, before);
    free(text);
}

static void test_only_the_value_changes(void **state)
{
    edited(*state, "/* how */\n  " NAME "\t=  \"print\" ; # now\n\ndry_run = false\n", "email",
           "/* how */\n  " NAME "\t=  \"email\" ; # now\n\ndry_run = false\n");
    edited(*state, NAME ":\"print\"", "nopin", NAME ":\"nopin\"\n");
    edited(*state, NAME "\n=\n\"print\"\n", "nopin", NAME "\n=\n\"nopin\"\n");
    edited(*state, NAME " = \"print\"\r\ndry_run = true\r\n", "email", NAME " = \"email\"\r\ndry_run = true\r\n");
    edited(*state, NAME " = \"print\"\n", "print", NAME " = \"print\"\n");
}

static void test_not_in_comments_strings_or_groups(void **state)
{
    edited(*state,
           "# " NAME " = \"a\"\n// " NAME " = \"b\"\n/* " NAME " = \"c\" */\n"
           "print: { printer = \"" NAME " = \\\"d\\\"\"; x: { " NAME " = \"e\"; }; };\n" NAME " = \"print\";\n",
           "email",
           "# " NAME " = \"a\"\n// " NAME " = \"b\"\n/* " NAME " = \"c\" */\n"
           "print: { printer = \"" NAME " = \\\"d\\\"\"; x: { " NAME " = \"e\"; }; };\n" NAME " = \"email\";\n");
    edited(*state, NAME "2 = \"a\"\nX" NAME " = \"b\"\n", "email",
           NAME "2 = \"a\"\nX" NAME " = \"b\"\n" NAME " = \"email\"\n");
}

static void test_added_when_missing(void **state)
{
    edited(*state, "", "email", "\n" NAME " = \"email\"\n");
    edited(*state, "dry_run = false", "email", "dry_run = false\n" NAME " = \"email\"\n");
    edited(*state, "# " NAME " = \"print\"", "email", "# " NAME " = \"print\"\n" NAME " = \"email\"\n");
}

static void test_several_texts_are_one_value(void **state)
{
    edited(*state, NAME " = \"pr\" /* and */\n  \"int\";\ndry_run = true;\n", "email",
           NAME " = \"email\";\ndry_run = true;\n");
}

static void test_a_value_of_another_type(void **state)
{
    edited(*state, NAME " = 5;\n", "email", NAME " = \"email\";\n");
    edited(*state, NAME " = print\n", "email", NAME " = \"email\"\n");
    edited(*state, NAME " = \"print\n", "email", NAME " = \"email\"\n");
    refused(*state, NAME " = [ \"print\" ];\n", "email", 0, "type");
    refused(*state, NAME " = { a = 1; };\n", "email", 0, "type");
}

static void test_quoting(void **state)
{
    edited(*state, NAME " = \"a\\\"b\";\n", "c\"d\\e", NAME " = \"c\\\"d\\\\e\";\n");
    refused(*state, NAME " = \"print\";\n", "a\nb", 0, "characters");
}

static void test_a_broken_file_stays(void **state)
{
    refused(*state, "dry_run = ;\n" NAME " = \"print\"\n", "email", 1, "syntax");
    refused(*state, "dry_run = false\n/* open\n", "email", 2, "syntax");
    refused(*state, NAME " = \"print\"\n" NAME " = \"print\"\n", "email", 2, "duplicate");
    refused(*state, "print: { printer = \"a\n};\n", "email", 1, "syntax");
    refused(*state, "print: { \n", "email", 1, "syntax");
}

static void test_set_in_an_included_file(void **state)
{
    struct scratch *s = *state;
    struct problem p = { 0 };
    char where[256];

    scratch_add(s, "method.conf", "\n" NAME " = \"print\"\n");
    scratch_write(s, "@include \"method.conf\"\n");
    assert_int_equal(config_set_text(s->file, NAME, "email", &p), 1);
    assert_string_equal(p.code, "include");
    snprintf(where, sizeof(where), "%s/method.conf:2", s->folder);
    assert_string_equal(p.where, where);
}

static void test_mode_and_links_stay(void **state)
{
    struct scratch *s = *state;
    char link[256];
    struct stat st;

    scratch_write(s, NAME " = \"print\"\n");
    assert_int_equal(chmod(s->file, 0640), 0);
    snprintf(link, sizeof(link), "%s/link.conf", s->folder);
    assert_int_equal(symlink("pindispatch.conf", link), 0);
    assert_int_equal(config_set_text(link, NAME, "email", NULL), 0);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(s->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_missing_file(void **state)
{
    struct scratch *s = *state;

    assert_int_equal(config_set_text(s->file, NAME, "email", NULL), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_the_value_changes),  TEST(test_not_in_comments_strings_or_groups),
        TEST(test_added_when_missing),      TEST(test_several_texts_are_one_value),
        TEST(test_a_value_of_another_type), TEST(test_quoting),
        TEST(test_a_broken_file_stays),     TEST(test_set_in_an_included_file),
        TEST(test_mode_and_links_stay),     TEST(test_missing_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

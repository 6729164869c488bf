#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

/* What an administrator brings from the identity manager. */
static const char seed[] = "/*\n"
                           "Defines how the Card PIN is delivered to the end user.\n"
                           "Possible options:\n"
                           " * print(default) - Prints out a PIN letter.\n"
                           " * email - Sends the PIN as email.\n"
                           " * nopin - No PIN delivery.\n"
                           "*/\n"
                           "CardsPINDeliveryMethod = \"print\"\n";

static struct settings *good(struct scratch *s, const char *text)
{
    struct config_problems problems;
    struct settings *settings = NULL;

    scratch_write(s, text);
    if (config_load(s->file, scratch_schemas, &settings, &problems) != 0)
        fail_msg("%s: %s", problems.items[0].where, problems.items[0].message);
    assert_int_equal(problems.n, 0);
    return settings;
}

struct expected {
    unsigned line;
    const char *code, *words;
};

/* TEXT has exactly these problems, in this order. */
static void bad(struct scratch *s, const char *text, const struct expected *expected, size_t n)
{
    struct config_problems problems;
    struct settings *settings = NULL;

    scratch_write(s, text);
    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_null(settings);
    for (size_t i = 0; i < n && i < problems.n; i++) {
        char where[256];

        snprintf(where, sizeof(where), "%s:%u", s->file, expected[i].line);
        assert_string_equal(problems.items[i].where, where);
        assert_string_equal(problems.items[i].code, expected[i].code);
        if (!strstr(problems.items[i].message, expected[i].words))
            fail_msg("\"%s\" is not in \"%s\"", expected[i].words, problems.items[i].message);
    }
    assert_int_equal(problems.n, n);
    config_problems_release(&problems);
}

#define BAD(s, text, ...)                                                                                            \
    bad(s, text, (const struct expected[]){ __VA_ARGS__ },                                                           \
        sizeof((const struct expected[]){ __VA_ARGS__ }) / sizeof(struct expected))

static void test_seed_alone(void **state)
{
    CLEANUP(settings_cleanup) struct settings *settings = good(*state, seed);

    assert_string_equal(settings_text(settings, "CardsPINDeliveryMethod"), "print");
    assert_string_equal(settings_text(settings, "CardsPUKDeliveryMethod"), "nopuk");
}

static void test_empty_file(void **state)
{
    CLEANUP(settings_cleanup) struct settings *settings = good(*state, "");

    assert_string_equal(settings_text(settings, "CardsPINDeliveryMethod"), "print");
    assert_string_equal(settings_text(settings, "email.ca_file"), "/nowhere/at/all");
}

static void test_every_type(void **state)
{
    CLEANUP(settings_cleanup)
    struct settings *settings = good(*state, "CardsPINDeliveryMethod : \"email\";\n"
                                             "print: { printer = \"P \\\"1\\\"\"; confirm = \"accepted\" };\n"
                                             "retry = { first = \"250ms\", factor = 3, };\n"
                                             "workers: { print = 0x10; email = 7L; }\n"
                                             "accept_types = [ \"card.issued\", \"card.renewed\" ];\n"
                                             "dry_run = TRUE;\n"
                                             "# no newline at the end");

    assert_string_equal(settings_text(settings, "CardsPINDeliveryMethod"), "email");
    assert_string_equal(settings_text(settings, "print.printer"), "P \"1\"");
    assert_string_equal(settings_text(settings, "print.confirm"), "accepted");
    assert_int_equal(settings_duration(settings, "retry.first"), 250000);
    assert_true(settings_real(settings, "retry.factor") == 3.0);
    assert_int_equal(settings_integer(settings, "workers.print"), 16);
    assert_int_equal(settings_integer(settings, "workers.email"), 7);
    assert_string_equal(settings_shown(settings, "accept_types"), "card.issued card.renewed");
    assert_true(settings_flag(settings, "dry_run"));
}

static void test_reals_and_lists(void **state)
{
    CLEANUP(settings_cleanup)
    struct settings *settings = good(*state, "retry: { factor = 1.1; }; accept_types = ( \"a\" );");

    assert_string_equal(settings_shown(settings, "retry.factor"), "1.1");
    assert_string_equal(settings_shown(settings, "accept_types"), "a");
}

static void test_all_at_once(void **state)
{
    BAD(*state,
        "CardsPINDeliveryMethod = \"prnt\"\n"
        "CardsPukDeliveryMethod = \"email\"\n"
        "print: {\n"
        "  printr = \"x\";\n"
        "  confirm = true;\n"
        "};\n"
        "retry: { first = 30;\n"
        "  factor = 1000.0;\n"
        "  max = \"1 hour\"; };\n"
        "workers: { print = 0; email = \"2\"; };\n"
        "dry_run = 1;\n"
        "accept_types = \"card.issued\";\n"
        "emial: { };\n"
        "print_er = 5;\n",
        { 1, "choice", "\"print\", \"email\", \"nopin\"" }, { 2, "unknown", "did you mean CardsPUKDeliveryMethod?" },
        { 4, "unknown", "did you mean print.printer?" },
        { 5, "type", "print.confirm must be a text in double quotes" }, { 7, "type", "a duration in double quotes" },
        { 8, "range", "retry.factor must be 1 to 100" }, { 9, "type", "retry.max must be a duration" },
        { 10, "range", "workers.print must be 1 to 64" }, { 10, "type", "workers.email must be a whole number" },
        { 11, "type", "dry_run must be true or false" }, { 12, "type", "accept_types must be a list" },
        { 13, "unknown", "did you mean email?" }, { 14, "unknown", "unknown setting print_er" });
}

static void test_unknown_places(void **state)
{
    BAD(*state,
        "printer = \"x\";\n"
        "socket = \"/x\";\n"
        "print: { dry_run = true; media = \"x\"; };\n"
        "email: { media = \"x\"; };\n"
        "retry = \"x\";\n"
        "dry_run: { };\n"
        "print_: { printer: { a = 1; }; };\n"
        "quite_another = 1;\n",
        { 1, "unknown", "belongs in the group print" },
        { 2, "unknown", "belongs in the group submit or in the group control or in the group workers" },
        { 3, "unknown", "print.dry_run; that name belongs outside of groups" },
        { 4, "unknown", "email.media; that name belongs in the group print" }, { 5, "type", "retry must be a group" },
        { 6, "type", "dry_run must be true or false" }, { 7, "unknown", "did you mean print?" },
        { 8, "unknown", "unknown setting quite_another" });
}

static void test_values_by_their_nature(void **state)
{
    BAD(*state,
        "store: { path = \"store.db\"; backend = \"oracle\"; };\n"
        "retry: { factor = 1e999; };\n"
        "accept_types = ( \"a\", 1 );\n"
        "print: { printer = \"a\\nb\"; media = \"\\xff\"; };\n",
        { 1, "path", "store.path: the path must be absolute" }, { 1, "choice", "\"sqlite\"" },
        { 2, "type", "retry.factor" }, { 3, "type", "accept_types must be a list" },
        { 4, "characters", "print.printer" }, { 4, "utf-8", "print.media" });
}

static void test_paths(void **state)
{
    struct scratch *s = *state;
    CLEANUP(settings_cleanup) struct settings *settings = NULL;
    char expected[256];

    scratch_add(s, "password", "canary-7731\n");
    settings = good(s, "email: { password_file = \"password\"; ca_file = \"\"; };");
    snprintf(expected, sizeof(expected), "%s/password", s->folder);
    assert_string_equal(settings_text(settings, "email.password_file"), expected);
    assert_string_equal(settings_text(settings, "email.ca_file"), "");
    BAD(s, "email: {\n password_file = \"nix\"; };",
        { 2, "unreadable", "email.password_file: cannot read the file: No such file" });
}

static void test_unreadable_path(void **state)
{
    struct scratch *s = *state;
    char path[256];

    if (geteuid() == 0)
        return; /* root reads everything */
    scratch_add(s, "password", "canary-7731\n");
    snprintf(path, sizeof(path), "%s/password", s->folder);
    assert_int_equal(chmod(path, 0), 0);
    BAD(s, "email: { password_file = \"password\"; };", { 1, "unreadable", "Permission denied" });
}

static void test_syntax(void **state)
{
    BAD(*state, "CardsPINDeliveryMethod = \"print\";;\n", { 1, "syntax", "syntax error" });
    BAD(*state, "dry_run = true;\ndry_run = false;\n", { 2, "duplicate", "duplicate setting name" });
    BAD(*state, "print: { printer = \"a\"; printer = \"b\"; };\n", { 1, "duplicate", "duplicate" });
    BAD(*state, "\n}\n", { 2, "syntax", "syntax error" });
}

static void test_includes(void **state)
{
    struct scratch *s = *state;
    CLEANUP(settings_cleanup) struct settings *settings = NULL;

    scratch_add(s, "print.conf", "\nprint: { printer = \"included\"; };\n");
    scratch_add(s, "workers.conf", "print = 5;\n");
    settings = good(s, "@include \"print.conf\"\nworkers: {\n  @include \"workers.conf\"\n};\n");
    assert_string_equal(settings_text(settings, "print.printer"), "included");
    assert_int_equal(settings_integer(settings, "workers.print"), 5);
}

static void test_problem_in_included_file(void **state)
{
    struct scratch *s = *state;
    struct config_problems problems;
    struct settings *settings = NULL;
    char where[256];

    scratch_add(s, "print.conf", "\nprint: { printer = 5; };\n");
    scratch_write(s, "dry_run = true;\n@include \"print.conf\"\n\nnix = 1;\n");
    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_int_equal(problems.n, 2);
    snprintf(where, sizeof(where), "%s/print.conf:2", s->folder);
    assert_string_equal(problems.items[0].where, where);
    snprintf(where, sizeof(where), "%s:4", s->file);
    assert_string_equal(problems.items[1].where, where);
    config_problems_release(&problems);

    scratch_write(s, "print: { printer = \"a\"; };\n@include \"print.conf\"\n");
    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_int_equal(problems.n, 1);
    snprintf(where, sizeof(where), "%s/print.conf:2", s->folder);
    assert_string_equal(problems.items[0].where, where);
    assert_string_equal(problems.items[0].code, "duplicate");
    config_problems_release(&problems);
}

static void test_missing_file(void **state)
{
    struct scratch *s = *state;
    struct config_problems problems;
    struct settings *settings = NULL;

    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].where, s->file);
    assert_string_equal(problems.items[0].code, "unreadable");
    config_problems_release(&problems);
}

static void test_many_problems_are_cut(void **state)
{
    struct scratch *s = *state;
    struct config_problems problems;
    struct settings *settings = NULL;
    char text[8192] = "";

    for (int i = 0; i < 300; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "nix%d = 1;\n", i);
    scratch_write(s, text);
    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_int_equal(problems.n, 101);
    assert_string_equal(problems.items[100].code, "more");
    config_problems_release(&problems);
}

static void test_huge_file(void **state)
{
    struct scratch *s = *state;
    struct config_problems problems;
    struct settings *settings = NULL;
    size_t size = 1024 * 1024;
    char *text = malloc(size);

    assert_non_null(text);
    memset(text, '\n', size);
    scratch_write_bytes(s, "pindispatch.conf", text, size);
    free(text);
    assert_int_equal(config_load(s->file, scratch_schemas, &settings, &problems), 1);
    assert_string_equal(problems.items[0].code, "range");
    config_problems_release(&problems);
}

static void test_a_long_path_keeps_its_line(void **state)
{
    struct scratch *s = *state;
    struct config_problems problems;
    struct settings *settings = NULL;
    char path[400];
    size_t n;

    scratch_write(s, "\nnix = 1;\n");
    n = (size_t)snprintf(path, sizeof(path), "%s", s->folder);
    while (n < 300)
        n += (size_t)snprintf(path + n, sizeof(path) - n, "/.");
    snprintf(path + n, sizeof(path) - n, "/pindispatch.conf");
    assert_int_equal(config_load(path, scratch_schemas, &settings, &problems), 1);
    assert_non_null(strstr(problems.items[0].where, "/pindispatch.conf:2"));
    config_problems_release(&problems);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_seed_alone),
        TEST(test_empty_file),
        TEST(test_every_type),
        TEST(test_reals_and_lists),
        TEST(test_all_at_once),
        TEST(test_unknown_places),
        TEST(test_values_by_their_nature),
        TEST(test_paths),
        TEST(test_unreadable_path),
        TEST(test_syntax),
        TEST(test_includes),
        TEST(test_problem_in_included_file),
        TEST(test_missing_file),
        TEST(test_many_problems_are_cut),
        TEST(test_huge_file),
        TEST(test_a_long_path_keeps_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

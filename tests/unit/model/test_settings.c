#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <pindispatch/settings.h>

static const char *const colours[] = { "red", "green", "blue", NULL };

static int check_no_x(const char *value, struct problem *p)
{
    return strchr(value, 'x') ? problem_set(p, "own", NULL, "must not hold an x") : 0;
}

static const struct setting general[] = {
    { .name = "name", .type = SETTING_TEXT, .standard = "standard" },
    { .name = "flag", .type = SETTING_FLAG, .standard = "false" },
    { .name = "types", .type = SETTING_LIST, .standard = "one two", .check = check_no_x },
    { .name = NULL },
};

static const struct setting group[] = {
    { .name = "group.colour", .type = SETTING_CHOICE, .standard = "red", .choices = colours },
    { .name = "group.count", .type = SETTING_INTEGER, .standard = "2", .least = 1, .most = 64 },
    { .name = "group.free", .type = SETTING_INTEGER, .standard = "0" },
    { .name = "group.factor", .type = SETTING_REAL, .standard = "2.0", .least = 1, .most = 100 },
    { .name = "group.any", .type = SETTING_REAL, .standard = "0.5" },
    { .name = "group.wait",
      .type = SETTING_DURATION,
      .standard = "30s",
      .least = 1000,
      .most = INT64_C(86400000000) },
    { .name = "group.file", .type = SETTING_PATH, .standard = "/nowhere" },
    { .name = "group.checked", .type = SETTING_TEXT, .standard = "x is standard", .check = check_no_x },
    { .name = NULL },
};

static const struct setting *const schemas[] = { general, group, NULL };

static struct settings *fresh(void)
{
    struct settings *s = NULL;

    assert_int_equal(settings_new(schemas, &s), 0);
    return s;
}

/* The refusal has this code and says the setting's name, and the value stays as it was. */
static void refused(const char *name, const char *value, const char *code)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();
    struct problem p = { 0 };

    assert_int_equal(settings_set(s, name, value, &p), 1);
    assert_string_equal(p.code, code);
    assert_string_equal(p.where, "");
    assert_non_null(strstr(p.message, name));
    assert_string_equal(settings_shown(s, name), settings_row(s, name)->standard);
}

static void test_standards(void **state)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();

    (void)state;
    assert_string_equal(settings_text(s, "name"), "standard");
    assert_false(settings_flag(s, "flag"));
    assert_string_equal(settings_text(s, "group.colour"), "red");
    assert_int_equal(settings_integer(s, "group.count"), 2);
    assert_true(settings_real(s, "group.factor") == 2.0);
    assert_int_equal(settings_duration(s, "group.wait"), 30000000);
    assert_string_equal(settings_text(s, "group.file"), "/nowhere");
    assert_string_equal(settings_list(s, "types")[0], "one");
    assert_string_equal(settings_list(s, "types")[1], "two");
    assert_null(settings_list(s, "types")[2]);
    assert_string_equal(settings_shown(s, "types"), "one two");
}

static void test_set(void **state)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();

    (void)state;
    assert_int_equal(settings_set(s, "name", "Åsa \"Ö\"", NULL), 0);
    assert_string_equal(settings_text(s, "name"), "Åsa \"Ö\"");
    assert_int_equal(settings_set(s, "name", "", NULL), 0);
    assert_string_equal(settings_text(s, "name"), "");
    assert_int_equal(settings_set(s, "flag", "true", NULL), 0);
    assert_true(settings_flag(s, "flag"));
    assert_int_equal(settings_set(s, "group.count", "64", NULL), 0);
    assert_int_equal(settings_integer(s, "group.count"), 64);
    assert_int_equal(settings_set(s, "group.free", "-9223372036854775808", NULL), 0);
    assert_true(settings_integer(s, "group.free") == INT64_MIN);
    assert_int_equal(settings_set(s, "group.factor", "1.5e1", NULL), 0);
    assert_true(settings_real(s, "group.factor") == 15.0);
    assert_int_equal(settings_set(s, "group.wait", "250ms", NULL), 0);
    assert_int_equal(settings_duration(s, "group.wait"), 250000);
    assert_string_equal(settings_shown(s, "group.wait"), "250ms");
    assert_int_equal(settings_set(s, "group.colour", "blue", NULL), 0);
    assert_string_equal(settings_text(s, "group.colour"), "blue");
}

static void test_refusals(void **state)
{
    (void)state;
    refused("group.colour", "bleu", "choice");
    refused("group.colour", "", "choice");
    refused("group.count", "0", "range");
    refused("group.count", "65", "range");
    refused("group.count", "99999999999999999999", "range");
    refused("group.free", "99999999999999999999", "range");
    refused("group.count", "7 ", "type");
    refused("group.count", " 7", "type");
    refused("group.count", "+7", "type");
    refused("group.count", "0x7", "type");
    refused("group.count", "-", "type");
    refused("group.count", "", "type");
    refused("group.factor", "0.5", "range");
    refused("group.factor", "1e999", "range");
    refused("group.any", "-1e999", "range");
    refused("group.factor", "inf", "type");
    refused("group.factor", "nan", "type");
    refused("group.factor", "0x10", "type");
    refused("group.factor", "1,5", "type");
    refused("group.factor", "", "type");
    refused("group.wait", "30", "type");
    refused("group.wait", "2d", "range");
    refused("flag", "yes", "type");
    refused("name", "two\nlines", "characters");
    refused("name", "\x7f", "characters");
    refused("name", "\xff", "utf-8");
    refused("group.checked", "xyz", "own");
}

static void test_choice_lists_all(void **state)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();
    struct problem p;

    (void)state;
    assert_int_equal(settings_set(s, "group.colour", "gren", &p), 1);
    assert_string_equal(p.message,
                        "group.colour must be one of \"red\", \"green\", \"blue\" (did you mean \"green\"?)");
}

static void test_range_says_bounds(void **state)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();
    struct problem p;

    (void)state;
    assert_int_equal(settings_set(s, "group.wait", "2d", &p), 1);
    assert_string_equal(p.message, "group.wait must be 1ms to 1d");
    assert_int_equal(settings_set(s, "group.count", "65", &p), 1);
    assert_string_equal(p.message, "group.count must be 1 to 64");
}

static void test_lists(void **state)
{
    static const char *const items[] = { "with space", "b", NULL }, *const bad[] = { "b", "", NULL },
                             *const none[] = { NULL }, *const own[] = { "b", "x", NULL };
    CLEANUP(settings_cleanup) struct settings *s = fresh();
    struct problem p;

    (void)state;
    assert_int_equal(settings_set_list(s, "types", items, &p), 0);
    assert_string_equal(settings_list(s, "types")[0], "with space");
    assert_string_equal(settings_shown(s, "types"), "with space b");
    assert_int_equal(settings_set_list(s, "types", bad, &p), 1);
    assert_string_equal(p.code, "type");
    assert_int_equal(settings_set_list(s, "types", own, &p), 1);
    assert_string_equal(p.message, "types: must not hold an x");
    assert_string_equal(settings_list(s, "types")[0], "with space");
    assert_int_equal(settings_set(s, "types", " c  d ", &p), 0);
    assert_string_equal(settings_shown(s, "types"), "c d");
    assert_int_equal(settings_set_list(s, "types", none, &p), 0);
    assert_null(settings_list(s, "types")[0]);
    assert_string_equal(settings_shown(s, "types"), "");
}

static int count_until(void *userdata, const struct setting *row)
{
    ++*(int *)userdata;
    return strcmp(row->name, "group.count") == 0 ? 42 : 0;
}

static void test_each_in_order(void **state)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();
    int n = 0;

    (void)state;
    assert_int_equal(settings_each(s, count_until, &n), 42);
    assert_int_equal(n, 5);
    assert_null(settings_row(s, "group"));
    assert_ptr_equal(settings_row(s, "group.colour"), &group[0]);
}

static void test_json_round_trip(void **state)
{
    static const char *const items[] = { "with space", "b", NULL };
    CLEANUP(settings_cleanup) struct settings *a = fresh(), *b = fresh();
    json_t *j;

    (void)state;
    assert_int_equal(settings_set_list(a, "types", items, NULL), 0);
    assert_int_equal(settings_set(a, "group.factor", "1.1", NULL), 0);
    assert_int_equal(settings_set(a, "group.wait", "5m", NULL), 0);
    assert_int_equal(settings_set(a, "flag", "true", NULL), 0);
    assert_int_equal(settings_set(a, "group.checked", "plain", NULL), 0);
    j = settings_to_json(a);
    assert_non_null(j);
    assert_int_equal(settings_from_json(b, j, NULL), 0);
    json_decref(j);
    assert_string_equal(settings_list(b, "types")[0], "with space");
    assert_true(settings_real(b, "group.factor") == settings_real(a, "group.factor"));
    assert_int_equal(settings_duration(b, "group.wait"), 300000000);
    assert_true(settings_flag(b, "flag"));
}

static void json_refused(const char *text, const char *code)
{
    CLEANUP(settings_cleanup) struct settings *s = fresh();
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    struct problem p = { 0 };

    assert_non_null(j);
    assert_int_equal(settings_from_json(s, j, &p), 1);
    assert_string_equal(p.code, code);
    json_decref(j);
}

static void test_json_refusals(void **state)
{
    (void)state;
    json_refused("[]", "type");
    json_refused("{\"nix\":\"a\"}", "unknown");
    json_refused("{\"name\":1}", "type");
    json_refused("{\"name\":[\"a\"]}", "type");
    json_refused("{\"types\":\"a\"}", "type");
    json_refused("{\"types\":[1]}", "type");
    json_refused("{\"group.count\":\"65\"}", "range");
}

/* What a worker gets has been accepted once: standards that a row's own check would refuse must pass. */
static void test_json_takes_standards(void **state)
{
    CLEANUP(settings_cleanup) struct settings *a = fresh(), *b = fresh();
    json_t *j = settings_to_json(a);

    (void)state;
    assert_int_equal(settings_from_json(b, j, NULL), 0);
    json_decref(j);
}

static const struct setting held[] = {
    { .name = "kept", .type = SETTING_TEXT, .standard = "old", .restart = true },
    { .name = "kept.flag", .type = SETTING_FLAG, .standard = "false", .restart = true },
    { .name = "kept.list", .type = SETTING_LIST, .standard = "a", .restart = true },
    { .name = "free", .type = SETTING_TEXT, .standard = "old" },
    { .name = NULL },
};

static struct settings *reloaded(struct settings *old, const char *text)
{
    static const struct setting *const schema[] = { held, NULL };
    const char *const items[] = { text, "z", NULL };
    struct settings *s = NULL;

    assert_int_equal(settings_new(schema, &s), 0);
    assert_int_equal(settings_set(s, "kept", text, NULL), 0);
    assert_int_equal(settings_set(s, "free", text, NULL), 0);
    assert_int_equal(settings_set(s, "kept.flag", strcmp(text, "old") == 0 ? "false" : "true", NULL), 0);
    assert_int_equal(settings_set_list(s, "kept.list", items, NULL), 0);
    if (old)
        settings_hold(s, old);
    settings_free(old);
    return s;
}

/* However often the file changes: what was in force at the start is, and the last of the file waits. */
static void test_what_waits_for_a_restart(void **state)
{
    struct settings *s = reloaded(NULL, "old");

    (void)state;
    for (const char *const *text = (const char *const[]){ "new", "newer", NULL }; *text; text++) {
        s = reloaded(s, *text);
        assert_string_equal(settings_text(s, "kept"), "old");
        assert_string_equal(settings_waiting(s, "kept"), *text);
        assert_false(settings_flag(s, "kept.flag"));
        assert_string_equal(settings_waiting(s, "kept.flag"), "true");
        assert_string_equal(settings_list(s, "kept.list")[0], "old");
        assert_string_equal(settings_text(s, "free"), *text);
        assert_null(settings_waiting(s, "free"));
    }
    s = reloaded(s, "old");
    assert_null(settings_waiting(s, "kept"));
    assert_null(settings_waiting(s, "kept.list"));
    settings_free(s);
}

static void test_contradicting_schemas(void **state)
{
    static const struct setting bad[] = { { .name = "a", .type = SETTING_INTEGER, .standard = "x" }, { 0 } };
    const struct setting *const twice[] = { general, general, NULL }, *const wrong[] = { bad, NULL };
    struct settings *s = NULL;

    (void)state;
    assert_int_equal(settings_new(twice, &s), -EINVAL);
    assert_int_equal(settings_new(wrong, &s), -EINVAL);
    assert_null(s);
}

static void test_durations(void **state)
{
    static const char *const bad[] = { "",
                                       "30",
                                       "s",
                                       "-1s",
                                       "+1s",
                                       " 1s",
                                       "1 s",
                                       "1s ",
                                       "1S",
                                       "1.5h",
                                       "1h30m",
                                       "1w",
                                       "1us",
                                       "99999999999999999999s",
                                       "9223372036854775807d",
                                       "0x1s" };
    int64_t n;

    (void)state;
    assert_int_equal(duration_parse("0s", &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(duration_parse("250ms", &n), 0);
    assert_int_equal(n, 250000);
    assert_int_equal(duration_parse("1m", &n), 0);
    assert_int_equal(n, 60000000);
    assert_int_equal(duration_parse("1h", &n), 0);
    assert_true(n == INT64_C(3600000000));
    assert_int_equal(duration_parse("3d", &n), 0);
    assert_true(n == INT64_C(259200000000));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(duration_parse(bad[i], &n), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standards),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_choice_lists_all),
        cmocka_unit_test(test_range_says_bounds),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_each_in_order),
        cmocka_unit_test(test_json_round_trip),
        cmocka_unit_test(test_json_refusals),
        cmocka_unit_test(test_json_takes_standards),
        cmocka_unit_test(test_what_waits_for_a_restart),
        cmocka_unit_test(test_contradicting_schemas),
        cmocka_unit_test(test_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

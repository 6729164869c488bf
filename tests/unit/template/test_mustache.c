/* The engine against the public specification's cases, and against what the specification leaves open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "mustache.h"

static const char *const spec_files[] = { "interpolation", "sections", "inverted", "comments", "delimiters" };

/* Cases that the subset leaves out, and why. */
static const struct {
    const char *name, *reason;
} left_out[] = {
    { "Partial Inheritence", "partials are not in the subset" },
    { "Post-Partial Behavior", "partials are not in the subset" },
};

static const char *reason_to_leave_out(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
        if (strcmp(left_out[i].name, name) == 0)
            return left_out[i].reason;
    return NULL;
}

static bool spec_case(const char *file, const json_t *test)
{
    const char *name = json_string_value(json_object_get(test, "name"));
    const char *template = json_string_value(json_object_get(test, "template"));
    const char *expected = json_string_value(json_object_get(test, "expected"));
    struct mustache_source s = { .text = template, .size = strlen(template), .file = file, .line = 1 };
    struct mustache_data d = { .root = json_object_get(test, "data") };
    struct mustache_result result = { .empty = NULL };
    struct buffer b = BUFFER(65536);
    struct problem p = { .message = "" };
    struct mustache *m = NULL;
    bool good;
    int r = mustache_parse(&s, &m, &(struct findings){ .first = &p });

    if (r == 0)
        r = mustache_render(m, &d, MUSTACHE_HTML, &b, &result);
    assert_int_equal(buffer_terminate(&b), 0);
    good = r == 0 && strcmp(buffer_bytes(&b), expected) == 0;
    if (!good)
        print_error("%s: %s: r=%d %s\n got: %s\nwant: %s\n", file, name, r, p.message, buffer_bytes(&b), expected);
    buffer_release(&b);
    mustache_free(m);
    return good;
}

static void test_specification(void **state)
{
    unsigned run = 0, bad = 0;

    (void)state;
    for (size_t f = 0; f < ARRAY_SIZE(spec_files); f++) {
        char path[512];
        json_t *spec, *test;
        size_t i;

        snprintf(path, sizeof(path), "%s/tests/data/mustache-spec/%s.json", TEST_SOURCE_DIR, spec_files[f]);
        spec = json_load_file(path, 0, NULL);
        assert_non_null(spec);
        json_array_foreach (json_object_get(spec, "tests"), i, test) {
            const char *name = json_string_value(json_object_get(test, "name"));
            const char *reason = reason_to_leave_out(name);

            if (reason) {
                print_message("left out: %s, %s: %s\n", spec_files[f], name, reason);
                continue;
            }
            run++;
            bad += !spec_case(spec_files[f], test);
        }
        json_decref(spec);
    }
    print_message("left out: partials.json: partials are not in the subset\n");
    assert_int_equal(bad, 0);
    assert_true(run > 100);
}

static const struct mustache_name names[] = {
    { "holder", MUSTACHE_OBJECT, false },    { "holder.name", MUSTACHE_TEXT, true },
    { "holder.nick", MUSTACHE_TEXT, false }, { "holder.address", MUSTACHE_LIST, false },
    { "secret", MUSTACHE_SECRET, true },     { "pin", MUSTACHE_SECRET, true },
    { "puk", MUSTACHE_SECRET, true },        { "flag", MUSTACHE_FLAG, false },
    { NULL, MUSTACHE_TEXT, false },
};

static struct mustache *parse(const char *text, struct problem *p)
{
    struct mustache_source s = { .text = text, .size = strlen(text), .file = "t", .line = 1, .names = names };
    struct mustache *m = NULL;

    p->where[0] = p->message[0] = '\0';
    if (mustache_parse(&s, &m, &(struct findings){ .first = p }) != 0)
        return NULL;
    return m;
}

static bool only_the_pin(const void *userdata, const char *name, size_t size, const char **ret_bytes,
                         size_t *ret_size)
{
    bool is_puk = size == 3 && strncmp(name, "puk", 3) == 0;

    if (!is_puk && !(size == 3 && strncmp(name, "pin", 3) == 0) && !(size == 6 && strncmp(name, "secret", 6) == 0))
        return false;
    *ret_bytes = userdata;
    *ret_size = is_puk ? 0 : strlen(userdata);
    return true;
}

/* Renders with a holder whose name looks like a tag, and compares. */
static int render(const char *template, enum mustache_escape escape, char *text, size_t size,
                  struct mustache_result *result)
{
    json_t *root = json_pack("{s:s, s:s, s:{s:s, s:s, s:[s,s]}, s:b}", "pin", "WRONG", "puk", "WRONG", "holder",
                             "name", "{{pin}} & <b>$1</b> \"x\"\n'", "nick", "", "address", "Storgatan 1",
                             "111 22 Stockholm", "flag", 1);
    struct mustache_data d = { .root = root, .overlay = only_the_pin, .userdata = "0000CANARY" };
    struct buffer b = BUFFER(4096);
    struct problem p;
    struct mustache *m = parse(template, &p);
    int r;

    assert_non_null(m);
    r = mustache_render(m, &d, escape, &b, result);
    assert_int_equal(buffer_terminate(&b), 0);
    snprintf(text, size, "%s", buffer_bytes(&b));
    buffer_release(&b);
    mustache_free(m);
    json_decref(root);
    return r;
}

static void assert_renders(const char *template, enum mustache_escape escape, const char *expected)
{
    struct mustache_result result = { .empty = NULL };
    char text[4096];

    assert_int_equal(render(template, escape, text, sizeof(text), &result), 0);
    assert_string_equal(text, expected);
}

static void test_values_are_text(void **state)
{
    (void)state;
    assert_renders("{{holder.name}}|", MUSTACHE_LINE, "{{pin}} & <b>$1</b> \"x\" '|");
    assert_renders("{{holder.name}}|", MUSTACHE_HTML, "{{pin}} &amp; &lt;b&gt;$1&lt;/b&gt; &quot;x&quot; &#39;|");
    assert_renders("a {{#holder.address}}{{.}};{{/holder.address}}", MUSTACHE_SET,
                   "a \004Storgatan\0031\006;\004111\00322\003Stockholm\006;");
}

static void test_the_overlay_wins(void **state)
{
    struct mustache_result result = { .empty = NULL };
    char text[256];

    (void)state;
    assert_int_equal(render("{{#pin}}PIN {{pin}}{{/pin}}{{#puk}}PUK {{secret}}{{/puk}}{{^puk}}!{{/puk}}",
                            MUSTACHE_LINE, text, sizeof(text), &result),
                     0);
    assert_string_equal(text, "PIN 0000CANARY!");
    assert_int_equal(result.overlay_uses, 1);
}

static void test_required_values(void **state)
{
    struct mustache_result result = { .empty = NULL };
    char text[256];

    (void)state;
    assert_renders("[{{holder.nick}}]{{#holder.nick}}no{{/holder.nick}}", MUSTACHE_LINE, "[]");
    assert_int_equal(render("{{puk}}", MUSTACHE_LINE, text, sizeof(text), &result), MUSTACHE_EMPTY);
    assert_string_equal(result.empty, "puk");
}

static void test_object_sections(void **state)
{
    (void)state;
    assert_renders("{{#holder}}{{#address}}<{{.}}>{{/address}}{{#flag}}f{{/flag}}{{/holder}}", MUSTACHE_LINE,
                   "<Storgatan 1><111 22 Stockholm>f");
}

static void assert_refused(const char *template, const char *where, const char *words)
{
    struct problem p;
    struct mustache *m = parse(template, &p);

    if (m || strcmp(p.where, where) != 0 || !strstr(p.message, words))
        print_error("%s: %s: %s\n", template, p.where, p.message);
    assert_null(m);
    assert_string_equal(p.where, where);
    assert_non_null(strstr(p.message, words));
}

static void test_errors_have_a_place(void **state)
{
    (void)state;
    assert_refused("a\n  {{holder.nmae}}", "t:2:5", "did you mean \"holder.name\"");
    assert_refused("{{holder.name", "t:1:1", "never closed");
    assert_refused("\n\n{{#flag}}", "t:3:4", "never closed");
    assert_refused("{{#flag}}{{/holder}}", "t:1:10", "\"flag\"");
    assert_refused("{{/flag}}", "t:1:1", "not open");
    assert_refused("{{>file}}", "t:1:1", "partials");
    assert_refused("{{}}", "t:1:1", "no variable");
    assert_refused("{{a b}}", "t:1:1", "no variable");
    assert_refused("{{=<% =}}", "t:1:1", "delimiters");
    assert_refused("{{holder.address}}", "t:1:3", "list");
    assert_refused("{{holder}}", "t:1:3", "group");
    assert_refused("{{flag}}", "t:1:3", "must not be printed");
    assert_refused("{{.}}", "t:1:3", "stands in no section");
    assert_refused("{{#pin}}{{.}}{{/pin}}", "t:1:11", "stands in no section");
}

static void test_depth_is_bounded(void **state)
{
    char text[MUSTACHE_DEPTH * 9 + 10] = "";

    (void)state;
    for (int i = 0; i <= MUSTACHE_DEPTH; i++)
        memcpy(text + 9 * i, "{{#flag}}", 10);
    assert_refused(text, "t:1:289", "nested");
}

static void test_work_is_bounded(void **state)
{
    struct mustache_result result = { .empty = NULL };
    char template[2048] = "", text[64];
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 30; i++)
        n += (size_t)snprintf(template + n, sizeof(template) - n, "{{#holder.address}}");
    for (int i = 0; i < 30; i++)
        n += (size_t)snprintf(template + n, sizeof(template) - n, "{{/holder.address}}");
    assert_int_equal(render(template, MUSTACHE_LINE, text, sizeof(text), &result), -ENOBUFS);
}

static void test_what_is_printed(void **state)
{
    char text[128], little[8];
    struct problem p;
    struct mustache *m = parse("{{holder.name}}{{#holder.address}}{{.}}{{/holder.address}}{{{holder.name}}}", &p);

    (void)state;
    assert_non_null(m);
    assert_string_equal(mustache_prints(m, text, sizeof(text)), "holder.name, holder.address");
    mustache_prints(m, little, sizeof(little));
    assert_false(mustache_prints_secret(m));
    mustache_free(m);
    m = parse("{{#pin}}{{secret}}{{/pin}}", &p);
    assert_true(mustache_prints_secret(m));
    mustache_free(m);
    m = parse("{{#pin}}no{{/pin}}", &p);
    assert_false(mustache_prints_secret(m));
    mustache_free(m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification),    cmocka_unit_test(test_values_are_text),
        cmocka_unit_test(test_the_overlay_wins), cmocka_unit_test(test_required_values),
        cmocka_unit_test(test_object_sections),  cmocka_unit_test(test_errors_have_a_place),
        cmocka_unit_test(test_depth_is_bounded), cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_what_is_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The rules of secrecy: each broken in the ways that a template can break it, and kept in those that it may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fields.h"
#include "secrecy.h"

static int check(const char *text,
                 int (*rule)(const struct mustache *, const struct mustache_source *, struct findings *),
                 struct problem *p)
{
    const struct mustache_source s = {
        .text = text, .size = strlen(text), .file = "t", .line = 1, .names = fields_all
    };
    struct mustache *m = NULL;
    struct secrecy x = { .bare = 0 };
    struct findings f = { .first = p };
    int r;

    *p = (struct problem){ .code = "" };
    assert_int_equal(mustache_parse(&s, &m, &f), 0);
    r = rule ? rule(m, &s, &f) : secrecy_check(m, &s, &x, &f);
    mustache_free(m);
    return r;
}

static void assert_good(const char *text,
                        int (*rule)(const struct mustache *, const struct mustache_source *, struct findings *))
{
    struct problem p;
    int r = check(text, rule, &p);

    if (r != 0)
        print_error("%s\n%s: %s\n", text, p.where, p.message);
    assert_int_equal(r, 0);
}

static void assert_bad(const char *text,
                       int (*rule)(const struct mustache *, const struct mustache_source *, struct findings *),
                       const char *code, const char *where)
{
    struct problem p;

    if (check(text, rule, &p) != 1)
        print_error("taken: %s\n", text);
    assert_string_equal(p.code, code);
    assert_string_equal(p.where, where);
}

static void test_pin_and_puk(void **state)
{
    (void)state;
    assert_good("{{pin}}", NULL);
    assert_good("{{secret.words}}{{#pin}}{{pin}}{{/pin}}{{#puk}}{{puk.grouped}}{{/puk}}", NULL);
    assert_good("{{^puk}}{{pin}}{{/puk}}{{#puk}}{{#holder.name}}{{puk}}{{/holder.name}}{{/puk}}", NULL);
    assert_bad("{{pin}}\n{{puk}}", NULL, "secrecy", "t:2:3");
    assert_bad("{{#pin}}{{puk.words}}{{/pin}}", NULL, "secrecy", "t:1:11");
    assert_bad("{{^pin}}{{pin}}{{/pin}}", NULL, "secrecy", "t:1:11");
}

static void test_card_numbers(void **state)
{
    (void)state;
    assert_good("{{card.id}}\n{{secret}}\n{{card.short}} {{secret}}", secrecy_check_lines);
    assert_bad("a\n{{secret.digits}} {{card.id}}", secrecy_check_lines, "secrecy", "t:2:21");
    assert_bad("{{#card}}{{id}}{{/card}} {{#pin}}{{pin}}{{/pin}}", secrecy_check_lines, "secrecy", "t:1:12");
}

static void test_html(void **state)
{
    static const struct {
        const char *text, *code, *where;
    } bad[] = {
        { "<a href='x?p={{pin}}'>", "secrecy", "t:1:16" },
        { "<a href=x{{pin}}>", "secrecy", "t:1:12" },
        { "<!-- {{pin}} -->", "secrecy", "t:1:8" },
        { "<!-- {{pin}}", "secrecy", "t:1:8" },
        { "<title>{{secret}}</title>", "secrecy", "t:1:10" },
        { "<style>{{secret.words}}</style>", "secrecy", "t:1:10" },
        { "<p title=\"{{puk}}\">", "secrecy", "t:1:13" },
        { "<p\n{{puk}}", "secrecy", "t:2:3" },
        { "<script>1</script>", "html-element", "t:1:2" },
        { "<P ONCLICK=x>", "html-element", "t:1:4" },
        { "<a href=\"javascript:x\">", "html-reference", "t:1:4" },
        { "<form action=x>", "html-element", "t:1:2" },
        { "<meta http-equiv=refresh content=1>", "html-element", "t:1:7" },
        { "<img src=http://x/y.png>", "html-reference", "t:1:6" },
        { "<img src = \"//x/y.png\">", "html-reference", "t:1:6" },
        { "<img/src=x>", "html-reference", "t:1:6" },
        { "<td background=x>", "html-reference", "t:1:5" },
        { "<p style='background:URL( \"http://x\")'>", "html-reference", "t:1:4" },
        { "<style>\n@import 'x';</style>", "html-reference", "t:1:1" },
        { "<style>p{background:url(http://x)}</style>", "html-reference", "t:1:1" },
    };

    (void)state;
    assert_good("<p style=\"color:red\">{{secret}} 1 < 2 <b>{{card.id}}</b></p><a href=\"https://x/\">x</a>",
                secrecy_check_html);
    assert_good("<img src=\"data:image/png;base64,AA\"><style>p{background:url(data:image/png;x)}</style>{{pin}}",
                secrecy_check_html);
    assert_good("<title>{{#pin}}a{{/pin}}</title><!-- a --><a href='https://x'>{{pin}}</a>", secrecy_check_html);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_bad(bad[i].text, secrecy_check_html, bad[i].code, bad[i].where);
}

static void count(void *userdata, const struct problem *p)
{
    (void)p;
    ++*(unsigned *)userdata;
}

static void test_all_are_found(void **state)
{
    static const char text[] = "{{a}}{{#b}}{{holder.nmae}}{{/c}}{{holder}}{{#pin}}";
    unsigned n = 0;
    struct mustache *m = NULL;
    struct findings f = { .each = count, .userdata = &n };
    const struct mustache_source s = {
        .text = text, .size = strlen(text), .file = "t", .line = 1, .names = fields_all
    };

    (void)state;
    assert_int_equal(mustache_parse(&s, &m, &f), 1);
    mustache_free(m);
    assert_int_equal(n, 6); /* a, b, nmae, /c, a group, pin is never closed */
    assert_int_equal(f.n, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pin_and_puk),
        cmocka_unit_test(test_card_numbers),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_all_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

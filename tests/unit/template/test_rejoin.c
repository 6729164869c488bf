/* Tags that Inkscape cuts in two when it breaks a line are whole again, and nothing else is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rejoin.h"

static void assert_rejoined(const char *text, const char *expected)
{
    char *copy = rejoin_tags(text, strlen(text));

    assert_non_null(copy);
    assert_string_equal(copy, expected);
    free(copy);
}

static void cut_tags_are_joined(void **state)
{
    (void)state;
    assert_rejoined("<text><tspan x=\"1\">a {{/</tspan><tspan\n x='2'>card.type}} b</tspan></text>",
                    "<text><tspan x=\"1\">a {{/card.type}}</tspan><tspan\n x='2'> b</tspan></text>");
    assert_rejoined("{<tspan>{a}</tspan>}", "{{a}}<tspan></tspan>");
    assert_rejoined("{{#a<tspan dx='1 2'>}}</tspan>(<tspan>{{</tspan>a}}",
                    "{{#a}}<tspan dx='1 2'></tspan>(<tspan>{{a}}"
                    "</tspan>");
    assert_rejoined("{{a<tspan id='x>y'>b}}", "{{ab}}<tspan id='x>y'>");
    assert_rejoined("{{{a}</tspan>}}", "{{{a}}</tspan>}");
}

static void the_rest_stays(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "{{",
        "{{a",
        "{{a}",
        "{a}}",
        "{ {a}}",
        "<text>{{a}} {{#b}}x{{/b}}</text>",
        "{{a<g>}}</g>",
        "<!-- {{a<tspan>}} -->",
        "<![CDATA[{{a</tspan>}}]]>",
        "<g id='{{<tspan>}}'/>",
        "{{a<tspan",
        "<",
        "<!--",
        "<![CDATA[",
        "{{a<tspanx>}}",
        "<text a=\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_rejoined(texts[i], texts[i]);
}

static void long_tags_are_left(void **state)
{
    static const char start[] = "{{<tspan>";
    char text[2048];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, start, sizeof(start) - 1);
    memcpy(text + sizeof(text) - 3, "}}", 3);
    assert_rejoined(text, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_tags_are_joined),
        cmocka_unit_test(the_rest_stays),
        cmocka_unit_test(long_tags_are_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

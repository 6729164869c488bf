#include "../../support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/control/request.h"

static int parse(const char *line, struct problem *p)
{
    const struct command *command = NULL;
    json_t *arguments = NULL;
    int r;

    memset(p, 0, sizeof(*p));
    r = request_parse(line, strlen(line), &command, &arguments, p);
    if (r == 0)
        assert_non_null(command);
    json_decref(arguments);
    return r;
}

static void takes_every_command(void **state)
{
    struct problem p;

    (void)state;
    for (const struct command *c = commands; c->name; c++) {
        char line[64];

        snprintf(line, sizeof(line), "{\"command\":\"%s\"}", c->name);
        assert_int_equal(parse(line, &p), 0);
    }
}

static void refuses_what_is_none(void **state)
{
    static const char *const lines[] = {
        "",
        "nonsense",
        "[]",
        "\"status\"",
        "{}",
        "{\"command\":1}",
        "{\"command\":null}",
        "{\"command\":\"\"}",
        "{\"command\":\"status\"} {}",
        "{\"command\":\"status\",\"command\":\"list\"}",
        "{\"command\":\"status\",\"id\":\"x\"}",
        "{\"command\":\"\xff\"}",
        "{\"command\":\"status",
    };
    struct problem p;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(parse(lines[i], &p), 1);
        assert_string_equal(p.code, "usage");
    }
}

static void names_the_nearest(void **state)
{
    struct problem p;

    (void)state;
    assert_int_equal(parse("{\"command\":\"statu\"}", &p), 1);
    assert_non_null(strstr(p.message, "\"status\""));
    assert_int_equal(parse("{\"command\":\"list\",\"state\":[]}", &p), 1);
    assert_non_null(strstr(p.message, "\"states\""));
}

static void bounds_the_size(void **state)
{
    CLEANUP(free_cleanup) char *line = calloc(1, REQUEST_MOST + 2);
    struct problem p;

    (void)state;
    memset(line, ' ', REQUEST_MOST + 1);
    memcpy(line, "{\"command\":\"status\"}", 20);
    assert_int_equal(parse(line, &p), 1);
    line[REQUEST_MOST] = '\0';
    assert_int_equal(parse(line, &p), 0);
}

static struct request request_of(const char *json)
{
    static const struct command command = { .name = "test" };
    struct request q = { .command = &command, .arguments = json_loads(json, 0, NULL), .items = BUFFER(256) };

    assert_non_null(q.arguments);
    return q;
}

static void reads_numbers(void **state)
{
    static const char *const wrong[] = { "{\"n\":0}", "{\"n\":11}", "{\"n\":1.5}", "{\"n\":\"3\"}", "{\"n\":true}" };
    struct request q = request_of("{\"n\":10}");
    json_int_t n;

    (void)state;
    assert_int_equal(request_number(&q, "n", 1, 10, 5, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(request_number(&q, "m", 1, 10, 5, &n), 0);
    assert_int_equal(n, 5);
    request_release(&q);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        q = request_of(wrong[i]);
        assert_int_equal(request_number(&q, "n", 1, 10, 5, &n), STEP_REFUSED);
        request_release(&q);
    }
}

static void reads_reasons(void **state)
{
    static const char *const wrong[] = { "{\"reason\":1}", "{\"reason\":\"a\\nb\"}", "{\"reason\":\"\\u001b[2J\"}" };
    struct request q = request_of("{\"reason\":\"lost in the post\"}");
    const char *reason;

    (void)state;
    assert_int_equal(request_reason(&q, &reason), 0);
    assert_string_equal(reason, "lost in the post");
    request_release(&q);
    q = request_of("{\"reason\":\"\"}");
    assert_int_equal(request_reason(&q, &reason), 0);
    assert_null(reason);
    request_release(&q);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        q = request_of(wrong[i]);
        assert_int_equal(request_reason(&q, &reason), STEP_REFUSED);
        request_release(&q);
    }
}

static void pages_items(void **state)
{
    struct request q = request_of("{}");
    char large[512];

    (void)state;
    memset(large, 'x', sizeof(large));
    assert_int_equal(request_item(&q, json_stringn(large, 200)), 0);
    assert_int_equal(request_item(&q, json_stringn(large, 200)), 1);
    buffer_clear(&q.items);
    assert_int_equal(request_item(&q, json_stringn(large, 400)), -EMSGSIZE);
    request_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_command), cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(names_the_nearest),   cmocka_unit_test(bounds_the_size),
        cmocka_unit_test(reads_numbers),       cmocka_unit_test(reads_reasons),
        cmocka_unit_test(pages_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

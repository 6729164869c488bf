#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/json.h>

static void reads_members(void **state)
{
    static const char line[] = "{\"a\":\"x\",\"n\":7}";
    json_t *j = json_parse_line(line, strlen(line));

    (void)state;
    assert_string_equal(json_text(j, "a"), "x");
    assert_null(json_text(j, "n"));
    assert_null(json_text(NULL, "a"));
    assert_int_equal(json_number(j, "n", 1), 7);
    assert_int_equal(json_number(j, "a", 1), 1);
    json_free(j);
}

static void refuses_doubles_and_leftovers(void **state)
{
    (void)state;
    assert_null(json_parse_line("{\"a\":1,\"a\":2}", 13));
    assert_null(json_parse_line("{} {}", 5));
}

static void writes_a_line_or_nothing(void **state)
{
    json_t *j = json_pack("{s:s}", "k", "a long enough value");
    struct buffer b = BUFFER(64), small = BUFFER(10);

    (void)state;
    assert_int_equal(json_add_line(&b, j), 0);
    assert_memory_equal(buffer_bytes(&b), "{\"k\":\"a long enough value\"}\n", buffer_size(&b));
    assert_int_equal(json_add_line(&small, j), -ENOBUFS);
    assert_int_equal(buffer_size(&small), 0);
    buffer_release(&b);
    buffer_release(&small);
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_members),
        cmocka_unit_test(refuses_doubles_and_leftovers),
        cmocka_unit_test(writes_a_line_or_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

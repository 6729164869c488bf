#include "house.h"

#include <stdio.h>
#include <string.h>

static unsigned export(struct house *h, struct caller *c, const char *line, json_int_t first)
{
    json_int_t seq = first;

    caller_say(c, line);
    for (;;) {
        json_t *answer = caller_hear(h, c);
        const json_t *row = json_object_get(answer, "item");

        if (!row) {
            assert_ok(answer);
            return (unsigned)(seq - first);
        }
        assert_int_equal(json_number(row, "seq", 0), seq);
        assert_int_equal(strlen(json_text(row, "hash")), 64);
        assert_non_null(json_text(row, "delivery"));
        assert_non_null(json_text(row, "time"));
        json_decref(answer);
        seq++;
    }
}

static void exports_the_whole_trail(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct store_stat stat;

    for (unsigned i = 0; i < 700; i++) {
        char name[8];

        snprintf(name, sizeof(name), "e%u", i);
        house_put(h, name, i % 7 ? STATE_NOPIN : STATE_FAILED);
    }
    assert_int_equal(store_stat(h->store, &stat), 0);
    assert_int_equal(export(h, &c, "{\"command\":\"audit-export\"}", 1), stat.audit_rows);
    assert_int_equal(export(h, &c, "{\"command\":\"audit-export\",\"after\":10}", 11), stat.audit_rows - 10);
    assert_int_equal(export(h, &c, "{\"command\":\"audit-export\",\"after\":100000}", 100001), 0);
    assert_error(house_ask(h, &c, "{\"command\":\"audit-export\",\"after\":-1}"), "usage");
    caller_hang_up(&c);
}

static void verifies(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    json_t *answer;

    house_put(h, "1", STATE_FAILED);
    answer = house_ask(h, &c, "{\"command\":\"audit-verify\"}");
    assert_true(json_number(answer, "rows", 0) >= 2);
    assert_ok(answer);
    caller_hang_up(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(exports_the_whole_trail), TEST(verifies) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "house.h"

#include <string.h>

static void expect_line(const char *text, const char *line)
{
    const char *found = strstr(text, line);

    if (!found)
        fail_msg("no line: %s", line);
    assert_true(found == text || found[-1] == '\n');
    assert_true(found[strlen(line)] == '\n');
}

static void writes_prometheus_text(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    json_t *answer;
    const char *text;

    house_put(h, "1", STATE_HELD);
    answer = house_ask(h, &c, "{\"command\":\"metrics\"}");
    text = json_text(answer, "text");
    expect_line(text, "# TYPE pindispatch_deliveries gauge");
    expect_line(text, "pindispatch_deliveries{state=\"held\"} 1");
    expect_line(text, "pindispatch_deliveries{state=\"in-doubt\"} 0");
    expect_line(text, "pindispatch_events_total{result=\"duplicate\"} 2");
    expect_line(text, "pindispatch_workers{method=\"print\",state=\"busy\"} 1");
    expect_line(text, "pindispatch_trouble{method=\"print\",code=\"printer\\\"stopped\"} 1");
    expect_line(text, "pindispatch_build_info{version=\"9.9\"} 1");
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ok(answer);
    caller_hang_up(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_prometheus_text, house_setup, house_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "house.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 6000 };

static void put_many(struct house *h, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char name[16];

        snprintf(name, sizeof(name), "m%u", i);
        house_put(h, name, STATE_NOPIN);
    }
}

/* Hears items until the last line; checks that they come newest first. Returns how many. */
static unsigned hear_items(struct house *h, struct caller *c, char last_state[32])
{
    char before[UUID_TEXT] = "z";
    unsigned n = 0;

    for (;;) {
        json_t *line = caller_hear(h, c);
        const json_t *item = json_object_get(line, "item");

        if (!item) {
            assert_ok(line);
            return n;
        }
        assert_true(strcmp(json_text(item, "id"), before) < 0);
        snprintf(before, sizeof(before), "%s", json_text(item, "id"));
        snprintf(last_state, 32, "%s", json_text(item, "state"));
        json_decref(line);
        n++;
    }
}

static unsigned list(struct house *h, struct caller *c, const char *line)
{
    char state[32];

    caller_say(c, line);
    return hear_items(h, c, state);
}

static void lists_newest_first_with_a_limit(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);

    assert_int_equal(list(h, &c, "{\"command\":\"list\"}"), 0);
    put_many(h, 150);
    assert_int_equal(list(h, &c, "{\"command\":\"list\"}"), 100);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"limit\":1}"), 1);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"limit\":64}"), 64);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"limit\":150}"), 150);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"limit\":1000}"), 150);
    assert_error(house_ask(h, &c, "{\"command\":\"list\",\"limit\":0}"), "usage");
    caller_hang_up(&c);
}

static void lists_by_state(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);

    house_put(h, "f1", STATE_FAILED);
    house_put(h, "f2", STATE_FAILED);
    house_put(h, "h", STATE_HELD);
    house_put(h, "n", STATE_NOPIN);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"states\":[\"failed\"]}"), 2);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"states\":[\"failed\",\"held\"]}"), 3);
    assert_int_equal(list(h, &c, "{\"command\":\"list\",\"states\":[]}"), 0);
    assert_error(house_ask(h, &c, "{\"command\":\"list\",\"states\":[\"faled\"]}"), "usage");
    assert_error(house_ask(h, &c, "{\"command\":\"list\",\"states\":\"failed\"}"), "usage");
    assert_error(house_ask(h, &c, "{\"command\":\"list\",\"states\":[1]}"), "usage");
    caller_hang_up(&c);
}

/* A reader that stops does not make the daemon keep the list: what the list reaches later is read later. And nobody
 * else waits for it. */
static void streams_to_a_slow_reader(void **state)
{
    struct house *h = *state;
    struct caller slow = house_call(h), other = house_call(h);
    struct uuid oldest = house_put(h, "oldest", STATE_QUEUED);
    char last[32];

    put_many(h, MANY);
    caller_say(&slow, "{\"command\":\"list\",\"limit\":100000}");
    house_turn(h, 400);
    assert_ok(house_ask_about(h, &other, "hold", &oldest, ""));
    assert_int_equal(hear_items(h, &slow, last), MANY + 1);
    assert_string_equal(last, "held");
    caller_hang_up(&slow);
    caller_hang_up(&other);
}

static void survives_a_reader_that_leaves(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h), other = house_call(h);

    put_many(h, MANY);
    caller_say(&c, "{\"command\":\"list\",\"limit\":100000}");
    house_turn(h, 50);
    caller_hang_up(&c);
    house_turn(h, 50);
    assert_ok(house_ask(h, &other, "{\"command\":\"status\"}"));
    caller_hang_up(&other);
}

static void shows_all_but_the_secret(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_FAILED);
    json_t *answer = house_ask_about(h, &c, "show", &id, "");
    json_t *d = json_object_get(answer, "delivery");
    char *text = json_dumps(answer, 0);

    assert_string_equal(json_text(d, "state"), "failed");
    assert_string_equal(json_text(d, "event_id"), "1");
    assert_string_equal(json_text(d, "method"), "print");
    assert_true(json_is_true(json_object_get(d, "sealed")));
    assert_string_equal(
        json_text(json_object_get(json_object_get(json_object_get(d, "event"), "data"), "holder"), "name"), "Åsa");
    assert_true(json_array_size(json_object_get(d, "audit")) >= 2);
    assert_int_equal(json_number(json_object_get(json_object_get(d, "outcome"), "evidence"), "job_id", 0), 7);
    assert_null(strstr(text, "000000"));
    assert_null(strstr(text, "a.b.c.d.e"));
    free(text);
    assert_ok(answer);
    caller_hang_up(&c);
}

static void tells_states(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_HELD);
    char line[256], text[UUID_TEXT];
    json_t *answer, *states;

    snprintf(line, sizeof(line),
             "{\"command\":\"states\",\"ids\":[\"%s\",\"x\",\"00000000-0000-7000-8000-000000000000\"]}",
             uuid_format(&id, text));
    answer = house_ask(h, &c, line);
    states = json_object_get(answer, "states");
    assert_int_equal(json_object_size(states), 3);
    assert_string_equal(json_text(states, text), "held");
    assert_true(json_is_null(json_object_get(states, "x")));
    assert_ok(answer);
    assert_error(house_ask(h, &c, "{\"command\":\"states\"}"), "usage");
    assert_error(house_ask(h, &c, "{\"command\":\"states\",\"ids\":[1]}"), "usage");
    caller_hang_up(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_newest_first_with_a_limit), TEST(lists_by_state),           TEST(streams_to_a_slow_reader),
        TEST(survives_a_reader_that_leaves),   TEST(shows_all_but_the_secret), TEST(tells_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

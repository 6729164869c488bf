#include "house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void tells_its_status(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    json_t *answer, *status, *store;

    house_put(h, "1", STATE_HELD);
    house_put(h, "2", STATE_NOPIN);
    answer = house_ask(h, &c, "{\"command\":\"status\"}");
    status = json_object_get(answer, "status");
    store = json_object_get(status, "store");
    assert_string_equal(json_text(status, "version"), "9.9");
    assert_true(json_is_false(json_object_get(status, "dry_run")));
    assert_int_equal(json_number(json_object_get(store, "deliveries"), "held", 0), 1);
    assert_int_equal(json_number(json_object_get(store, "deliveries"), "nopin", 0), 1);
    assert_int_equal(json_number(json_object_get(store, "deliveries"), "failed", -1), 0);
    assert_int_equal(json_number(store, "events", 0), 2);
    assert_ok(answer);
    caller_hang_up(&c);
}

static void goes_on_after_garbage(void **state)
{
    static const char *const garbage[] = { "", "}{", "{\"command\":7}", "\x01\x02\xff", "[[[[[[[[", "null" };
    struct house *h = *state;
    struct caller c = house_call(h);

    for (size_t i = 0; i < ARRAY_SIZE(garbage); i++)
        assert_error(house_ask(h, &c, garbage[i]), "usage");
    assert_ok(house_ask(h, &c, "{\"command\":\"status\"}"));
    caller_hang_up(&c);
}

static void refuses_a_line_too_long(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    CLEANUP(free_cleanup) char *line = malloc(70 * 1024);

    memset(line, 'x', 70 * 1024);
    line[70 * 1024 - 1] = '\0';
    caller_say(&c, line);
    assert_error(caller_hear(h, &c), "usage");
    assert_ok(house_ask(h, &c, "{\"command\":\"status\"}"));
    caller_hang_up(&c);
}

static void answers_in_order_what_is_sent_at_once(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    char lines[1024], text[UUID_TEXT];

    uuid_format(&id, text);
    snprintf(lines, sizeof(lines),
             "{\"command\":\"hold\",\"id\":\"%s\"}\n{\"command\":\"states\",\"ids\":[\"%s\"]}\nnonsense\n"
             "{\"command\":\"release\",\"id\":\"%s\"}\n{\"command\":\"status\"}",
             text, text, text);
    caller_say(&c, lines);
    json_t *answer = caller_hear(h, &c);

    assert_string_equal(json_text(answer, "state"), "held");
    assert_ok(answer);
    answer = caller_hear(h, &c);
    assert_string_equal(json_text(json_object_get(answer, "states"), text), "held");
    assert_ok(answer);
    assert_error(caller_hear(h, &c), "usage");
    answer = caller_hear(h, &c);
    assert_string_equal(json_text(answer, "state"), "queued");
    assert_ok(answer);
    answer = caller_hear(h, &c);
    assert_non_null(json_object_get(answer, "status"));
    assert_ok(answer);
    caller_hang_up(&c);
}

/* printf '{"command":…}' | socat: no newline, and the caller's side is shut before the answer. */
static void answers_one_who_said_all(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    char line[128], text[UUID_TEXT];
    int n = snprintf(line, sizeof(line), "{\"command\":\"hold\",\"id\":\"%s\"}", uuid_format(&id, text));

    assert_int_equal(send(c.fd, line, (size_t)n, 0), n);
    assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
    assert_ok(caller_hear(h, &c));
    assert_null(caller_hear(h, &c));
    caller_hang_up(&c);
}

static void turns_away_one_too_many(void **state)
{
    struct house *h = *state;
    struct caller callers[64], late;

    for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
        callers[i] = house_call(h);
        assert_ok(house_ask(h, &callers[i], "{\"command\":\"states\",\"ids\":[]}"));
    }
    late = house_call(h);
    assert_error(caller_hear(h, &late), "busy");
    assert_null(caller_hear(h, &late));
    caller_hang_up(&late);
    caller_hang_up(&callers[5]);
    house_turn(h, 5);
    late = house_call(h);
    assert_ok(house_ask(h, &late, "{\"command\":\"status\"}"));
    caller_hang_up(&late);
    for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
        caller_hang_up(&callers[i]);
}

static void asks_who_may(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);

    h->privilege = CONTROL_WATCH;
    assert_ok(house_ask(h, &c, "{\"command\":\"status\"}"));
    assert_error(house_ask_about(h, &c, "show", &id, ""), "denied");
    assert_error(house_ask_about(h, &c, "cancel", &id, ""), "denied");
    h->privilege = CONTROL_READ;
    assert_ok(house_ask_about(h, &c, "show", &id, ""));
    assert_error(house_ask_about(h, &c, "cancel", &id, ""), "denied");
    assert_error(house_ask(h, &c, "{\"command\":\"reload\"}"), "denied");
    assert_int_equal(h->reloads, 0);
    caller_hang_up(&c);
}

static void reloads(void **state)
{
    struct house *h = *state;
    struct caller c = house_call(h);
    json_t *answer = house_ask(h, &c, "{\"command\":\"reload\"}");

    assert_int_equal(json_number(answer, "generation", 0), 2);
    assert_ok(answer);
    h->refuses_reload = true;
    answer = house_ask(h, &c, "{\"command\":\"reload\"}");
    assert_non_null(strstr(json_text(json_object_get(answer, "error"), "message"), "/c:3: "));
    assert_error(answer, "config");
    caller_hang_up(&c);
}

static void frees_what_is_under_way(void **state)
{
    struct house *h = *state;
    struct caller reader = house_call(h), writer = house_call(h);
    struct uuid id = house_put(h, "1", STATE_QUEUED);
    char line[128], text[UUID_TEXT];

    snprintf(line, sizeof(line), "{\"command\":\"hold\",\"id\":\"%s\"}", uuid_format(&id, text));
    caller_say(&writer, line);
    caller_say(&reader, "{\"command\":\"list\"}");
    while (!store_is_dirty(h->store))
        house_turn(h, 1);
    h->control = control_free(h->control);
    house_turn(h, 10);
    assert_int_equal(house_state(h, &id, NULL), STATE_HELD);
    assert_null(caller_hear(h, &writer));
    caller_hang_up(&writer);
    caller_hang_up(&reader);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_its_status),
        TEST(goes_on_after_garbage),
        TEST(refuses_a_line_too_long),
        TEST(answers_in_order_what_is_sent_at_once),
        TEST(answers_one_who_said_all),
        TEST(turns_away_one_too_many),
        TEST(asks_who_may),
        TEST(reloads),
        TEST(frees_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

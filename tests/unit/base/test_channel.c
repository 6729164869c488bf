#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pindispatch/channel.h>

enum { MOST = 100 };

/* One channel under test, and what its owner heard. */
struct fixture {
    sd_event *loop;
    struct channel *channel;
    int peer;
    char heard[20000];
    unsigned lines, too_long, ends;
    int end_code;
    bool close_on_line;
    unsigned *turns; /* shared order of lines between fixtures */
    unsigned last_turn;
};

static void on_line(void *userdata, char *line, size_t size)
{
    struct fixture *f = userdata;
    size_t n = strlen(f->heard);

    assert_int_equal(strlen(line), size);
    if (n + size + 2 < sizeof(f->heard))
        snprintf(f->heard + n, sizeof(f->heard) - n, "%s|", line);
    f->lines++;
    if (f->turns)
        f->last_turn = ++*f->turns;
    if (f->close_on_line)
        f->channel = channel_close(f->channel);
}

static void on_too_long(void *userdata)
{
    ((struct fixture *)userdata)->too_long++;
}

static void on_end(void *userdata, int r)
{
    struct fixture *f = userdata;

    f->ends++;
    f->end_code = r;
}

static void open_channel(struct fixture *f, sd_event *loop)
{
    const struct channel_owner owner = { .line = on_line, .too_long = on_too_long, .end = on_end, .userdata = f };
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->loop = loop;
    f->peer = pair[1];
    assert_int_equal(channel_new(loop, pair[0], MOST, SD_EVENT_PRIORITY_NORMAL, &owner, &f->channel), 0);
}

/* Turns of the loop until nothing more is ready. */
static void settle(sd_event *loop)
{
    while (sd_event_run(loop, 0) > 0)
        ;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    sd_event *loop;

    assert_int_equal(sd_event_new(&loop), 0);
    open_channel(f, loop);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    channel_close(f->channel);
    if (f->peer >= 0)
        close(f->peer);
    sd_event_unref(f->loop);
    free(f);
    return 0;
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->peer, text, strlen(text)), strlen(text));
    settle(f->loop);
}

static void takes_lines_as_they_come(void **state)
{
    struct fixture *f = *state;

    say(f, "one\ntw");
    assert_string_equal(f->heard, "one|");
    say(f, "o\n\nthree");
    assert_string_equal(f->heard, "one|two||");
    shutdown(f->peer, SHUT_WR);
    settle(f->loop);
    assert_string_equal(f->heard, "one|two||three|");
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->end_code, 0);
}

static void answers_after_a_half_close(void **state)
{
    struct fixture *f = *state;
    char answer[8] = "";

    say(f, "q\n");
    shutdown(f->peer, SHUT_WR);
    settle(f->loop);
    assert_int_equal(f->ends, 1);
    assert_int_equal(channel_send(f->channel, "a\n", 2), 0);
    channel_finish(f->channel, 5);
    f->channel = NULL;
    settle(f->loop);
    assert_int_equal(read(f->peer, answer, sizeof(answer)), 2);
    assert_string_equal(answer, "a\n");
    assert_int_equal(read(f->peer, answer, sizeof(answer)), 0);
}

static void drops_a_line_that_is_too_long(void **state)
{
    struct fixture *f = *state;
    char text[3 * MOST];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    say(f, text);
    assert_int_equal(f->too_long, 1);
    say(f, text);
    assert_int_equal(f->too_long, 1);
    say(f, "\nok\n");
    assert_string_equal(f->heard, "ok|");
    text[MOST + 1] = '\0';
    say(f, text);
    say(f, "\n");
    assert_int_equal(f->too_long, 2);
    text[MOST] = '\0';
    say(f, text);
    say(f, "\n");
    assert_int_equal(f->lines, 2);
}

static void is_fair_to_others(void **state)
{
    struct fixture *f = *state, other = { .peer = -1 };
    char flood[2 * 10 * CHANNEL_TURN];
    unsigned turns = 0;

    open_channel(&other, f->loop);
    f->turns = other.turns = &turns;
    for (size_t i = 0; i < sizeof(flood); i++)
        flood[i] = i % 2 ? '\n' : 'x';
    assert_int_equal(write(f->peer, flood, sizeof(flood)), sizeof(flood));
    assert_int_equal(write(other.peer, "y\n", 2), 2);
    settle(f->loop);
    assert_int_equal(f->lines, 10 * CHANNEL_TURN);
    assert_int_equal(other.lines, 1);
    assert_true(other.last_turn <= 2 * CHANNEL_TURN + 1);
    channel_close(other.channel);
    close(other.peer);
}

static void holds_and_goes_on(void **state)
{
    struct fixture *f = *state;

    channel_hold(f->channel, true);
    say(f, "a\nb\n");
    assert_int_equal(f->lines, 0);
    channel_hold(f->channel, false);
    settle(f->loop);
    assert_string_equal(f->heard, "a|b|");
}

/* A peer that does not read its answers is not listened to. */
static void stops_listening_to_who_does_not_read(void **state)
{
    struct fixture *f = *state;
    char *piece = calloc(1, CHANNEL_OUTPUT);
    unsigned before;

    assert_int_equal(fcntl(f->peer, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(channel_send(f->channel, piece, CHANNEL_OUTPUT), 0);
    assert_int_equal(channel_send(f->channel, piece, CHANNEL_OUTPUT), 0);
    settle(f->loop);
    say(f, "a\n");
    assert_int_equal(f->lines, 0);
    while (read(f->peer, piece, CHANNEL_OUTPUT) > 0)
        settle(f->loop);
    before = f->lines;
    assert_int_equal(before, 1);
    free(piece);
}

static void may_be_closed_from_its_own_callback(void **state)
{
    struct fixture *f = *state;

    f->close_on_line = true;
    say(f, "a\nb\nc\n");
    assert_int_equal(f->lines, 1);
    assert_null(f->channel);
}

static void tells_when_the_peer_is_gone(void **state)
{
    struct fixture *f = *state;

    f->peer = (close(f->peer), -1);
    settle(f->loop);
    assert_int_equal(f->ends, 1);
    assert_int_equal(channel_send(f->channel, "late\n", 5), 0);
    settle(f->loop);
    assert_int_equal(f->ends, 1);
}

static void hear(struct fixture *f, const char *expected)
{
    char bytes[64];
    ssize_t n = recv(f->peer, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);

    bytes[n < 0 ? 0 : n] = '\0';
    assert_string_equal(bytes, expected);
}

static void sends_at_once_what_is_pushed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(channel_send(f->channel, "now\n", 4), 0);
    hear(f, "");
    channel_push(f->channel);
    hear(f, "now\n");
    channel_push(f->channel);
    assert_int_equal(channel_send(f->channel, "then\n", 5), 0);
    settle(f->loop);
    hear(f, "then\n");
}

static void pushing_does_not_tell_that_the_peer_is_gone(void **state)
{
    struct fixture *f = *state;

    f->peer = (close(f->peer), -1);
    assert_int_equal(channel_send(f->channel, "late\n", 5), 0);
    channel_push(f->channel);
    assert_int_equal(f->ends, 0);
    settle(f->loop);
    assert_int_equal(f->ends, 1);
}

static void knows_its_peer(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(channel_peer_uid(f->channel), getuid());
    assert_int_equal(channel_peer_pid(f->channel), getpid());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_lines_as_they_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_after_a_half_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_a_line_that_is_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_fair_to_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_listening_to_who_does_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(may_be_closed_from_its_own_callback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_when_the_peer_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_at_once_what_is_pushed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pushing_does_not_tell_that_the_peer_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_its_peer, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

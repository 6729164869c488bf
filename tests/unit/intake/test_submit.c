#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "house.h"

/* Mirrors the bounds of src/intake/submit.h, which are part of what clients see. */
enum { CLIENTS_MOST = 128, WAITING_MOST = 512 };

#define WITH_PIN "\"pin\":\"" PIN "\""

static void assert_answer(struct house *h, int fd, const char *result, const char *id)
{
    CLEANUP(json_cleanup) json_t *answer = house_hear(h, fd);

    assert_non_null(answer);
    assert_string_equal(json_text(answer, "result"), result);
    if (id)
        assert_string_equal(json_text(answer, "id"), id);
}

static void assert_rejected(struct house *h, int fd, const char *code)
{
    CLEANUP(json_cleanup) json_t *answer = house_hear(h, fd);

    assert_non_null(answer);
    assert_string_equal(json_text(answer, "result"), "rejected");
    assert_string_equal(json_text(answer, "code"), code);
}

static void answers_come_in_order(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[1024];

    /* The refused ones need no commit and are answered in their turn all the same. */
    house_say(fd, event_line(line, sizeof(line), "1", WITH_PIN));
    house_say(fd, event_line(line, sizeof(line), "2", "\"pim\":\"1\""));
    house_say(fd, event_line(line, sizeof(line), "3", WITH_PIN));
    house_say(fd, "not json\n\n");
    house_say(fd, event_line(line, sizeof(line), "3", WITH_PIN));
    assert_answer(h, fd, "accepted", "1");
    assert_answer(h, fd, "rejected", "2");
    assert_answer(h, fd, "accepted", "3");
    assert_rejected(h, fd, "json");
    assert_rejected(h, fd, "json");
    assert_answer(h, fd, "duplicate", "3");
}

static void nothing_is_said_before_the_commit(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[1024], answer[1024];
    bool was_dirty = false;

    house_say(fd, event_line(line, sizeof(line), "1", WITH_PIN));
    for (unsigned i = 0; i < 100; i++) {
        bool said = house_peek(fd, answer, sizeof(answer)) != NULL;

        if (said) {
            assert_true(was_dirty);
            return;
        }
        was_dirty |= store_is_dirty(h->site.store);
        if (store_is_dirty(h->site.store))
            assert_true(intake_is_busy(h->intake));
        house_turn(h, 1);
    }
    fail();
}

static void half_closed_client_gets_all_answers(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[1024];

    house_say(fd, event_line(line, sizeof(line), "1", WITH_PIN));
    event_line(line, sizeof(line), "2", WITH_PIN);
    line[strlen(line) - 1] = '\0'; /* the last line may lack its newline */
    house_say(fd, line);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_answer(h, fd, "accepted", "1");
    assert_answer(h, fd, "accepted", "2");
    assert_null(house_hear(h, fd));
}

static void client_that_leaves_harms_nobody(void **state)
{
    struct house *h = *state;
    int gone = house_connect(h);
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[1024];
    struct intake_stat stat;

    house_say(gone, event_line(line, sizeof(line), "1", WITH_PIN));
    house_turn(h, 0);
    close(gone);
    house_say(fd, event_line(line, sizeof(line), "2", WITH_PIN));
    assert_answer(h, fd, "accepted", "2");
    house_settle(h);
    intake_stat(h->intake, &stat);
    assert_int_equal(stat.clients, 1);
}

static void too_long_a_line_is_refused_and_the_next_taken(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    static char lines[2 * EVENT_MOST + 8];
    char line[1024];

    memset(lines, ' ', sizeof(lines));
    event_line(line, sizeof(line), "1", WITH_PIN);
    memcpy(lines, line, strlen(line) - 1);
    lines[EVENT_MOST] = '\n';
    memset(lines + EVENT_MOST + 1, 'x', EVENT_MOST + 1);
    lines[2 * EVENT_MOST + 2] = '\n';
    lines[2 * EVENT_MOST + 3] = '\0';
    house_say(fd, lines);
    house_say(fd, event_line(line, sizeof(line), "2", WITH_PIN));
    assert_answer(h, fd, "accepted", "1");
    assert_rejected(h, fd, "size");
    assert_answer(h, fd, "accepted", "2");
}

/* Fills the socket of a client with events that nobody saw before. */
static unsigned flood(int fd, unsigned next)
{
    char line[1024], id[32];

    for (;;) {
        snprintf(id, sizeof(id), "flood-%u", next);
        event_line(line, sizeof(line), id, WITH_PIN);
        if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
            return next;
        next++;
    }
}

static void flooding_client_does_not_starve_another(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int flooder = house_connect(h);
    CLEANUP(fd_cleanup) int other = house_connect(h);
    char line[1024], answer[1024];
    struct intake_stat stat;
    unsigned sent = flood(flooder, 0), turns = 0;

    house_say(other, event_line(line, sizeof(line), "other", WITH_PIN));
    while (!house_peek(other, answer, sizeof(answer))) {
        while (house_peek(flooder, line, sizeof(line)))
            ;
        house_turn(h, 0);
        sent = flood(flooder, sent);
        assert_true(++turns < 100);
    }
    intake_stat(h->intake, &stat);
    /* It came with the first commit, while there was more of the flood. */
    assert_true(stat.accepted <= COMMIT_MOST + WAITING_MOST);
    assert_true(sent > stat.accepted);
}

static void client_that_does_not_read_is_held_back(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int deaf = house_connect(h);
    CLEANUP(fd_cleanup) int other = house_connect(h);
    char line[1024];
    unsigned sent = 0, before = 1;
    struct intake_stat stat;

    for (unsigned i = 0; i < 400 && sent != before; i++) {
        before = sent;
        sent = flood(deaf, sent);
        for (unsigned j = 0; j < 50; j++)
            house_turn(h, 1);
    }
    assert_int_equal(sent, before);
    intake_stat(h->intake, &stat);
    assert_true(stat.accepted < 10000);
    house_say(other, event_line(line, sizeof(line), "other", WITH_PIN));
    assert_answer(h, other, "accepted", "other");
}

/* So many clients that no more are served. */
static void crowd(struct house *h, int fds[CLIENTS_MOST])
{
    struct intake_stat stat = { .clients = 0 };

    for (unsigned i = 0; i < CLIENTS_MOST; i++) {
        fds[i] = house_connect(h);
        for (unsigned j = 0; j < 5; j++)
            house_turn(h, 0);
    }
    intake_stat(h->intake, &stat);
    assert_int_equal(stat.clients, CLIENTS_MOST);
}

static void silent_crowd_makes_room(void **state)
{
    struct house *h = *state;
    int fds[CLIENTS_MOST];
    CLEANUP(fd_cleanup) int late = -1;
    char line[1024];

    crowd(h, fds);
    h->ahead = 59 * MICROSECONDS_PER_SECOND;
    house_say(fds[0], event_line(line, sizeof(line), "1", WITH_PIN));
    assert_answer(h, fds[0], "accepted", "1");
    h->ahead = 61 * MICROSECONDS_PER_SECOND;
    late = house_connect(h);
    house_say(late, event_line(line, sizeof(line), "2", WITH_PIN));
    assert_answer(h, late, "accepted", "2");
    /* The one that spoke stays. */
    house_say(fds[0], event_line(line, sizeof(line), "3", WITH_PIN));
    assert_answer(h, fds[0], "accepted", "3");
    for (unsigned i = 0; i < CLIENTS_MOST; i++)
        close(fds[i]);
}

static void client_too_many_is_told_so(void **state)
{
    struct house *h = *state;
    int fds[CLIENTS_MOST + 1];
    char line[1024];
    struct intake_stat stat;

    crowd(h, fds);
    fds[CLIENTS_MOST] = house_connect(h);
    assert_rejected(h, fds[CLIENTS_MOST], "busy");
    assert_null(house_hear(h, fds[CLIENTS_MOST]));
    intake_stat(h->intake, &stat);
    assert_int_equal(stat.clients, CLIENTS_MOST);
    /* A silent crowd does not keep the others from their work, and its places become free again. */
    house_say(fds[0], event_line(line, sizeof(line), "1", WITH_PIN));
    assert_answer(h, fds[0], "accepted", "1");
    for (unsigned i = 0; i <= CLIENTS_MOST; i++)
        close(fds[i]);
    for (unsigned i = 0; i < 200; i++)
        house_turn(h, 0);
    intake_stat(h->intake, &stat);
    assert_int_equal(stat.clients, 0);
}

static void stop_lets_answers_out(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[1024];

    house_say(fd, event_line(line, sizeof(line), "1", WITH_PIN));
    while (!intake_is_busy(h->intake))
        house_turn(h, 1);
    intake_stop(h->intake);
    assert_true(intake_is_busy(h->intake));
    (void)send(fd, line, strlen(line), MSG_NOSIGNAL);
    assert_answer(h, fd, "accepted", "1");
    assert_null(house_hear(h, fd));
    assert_false(intake_is_busy(h->intake));
}

static void free_in_the_middle_is_fine(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[1024];

    house_say(fd, event_line(line, sizeof(line), "1", WITH_PIN));
    while (!intake_is_busy(h->intake))
        house_turn(h, 1);
    h->intake = intake_free(h->intake);
    assert_null(house_hear(h, fd));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_build, house_tear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_come_in_order),
        TEST(nothing_is_said_before_the_commit),
        TEST(half_closed_client_gets_all_answers),
        TEST(client_that_leaves_harms_nobody),
        TEST(too_long_a_line_is_refused_and_the_next_taken),
        TEST(flooding_client_does_not_starve_another),
        TEST(client_that_does_not_read_is_held_back),
        TEST(client_too_many_is_told_so),
        TEST(silent_crowd_makes_room),
        TEST(stop_lets_answers_out),
        TEST(free_in_the_middle_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

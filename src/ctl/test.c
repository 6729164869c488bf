/* The commands test-print and test-mail: an event with a dummy secret that goes the whole way, marked as a test. */
#include "ctl.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/event.h>
#include <pindispatch/file.h>
#include <pindispatch/lines.h>
#include <pindispatch/uuid.h>

#include "dialogue.h"
#include "show.h"
#include "wait.h"

enum { ANSWER_MOST = 64 * 1024 };

struct test {
    struct ctl *ctl;
    const char *method; /* "print" */
    const char *address, *locale;
    int64_t timeout;
    int socket;
    struct lines answers;
    struct wait wait;
};

/* The line of the event; the caller frees. NULL: out of memory. */
static char *make_event(const struct test *t)
{
    uint64_t last = 0;
    struct uuid id = uuid_v7(clock_now(&clock_real), &last);
    char text[UUID_TEXT], type[64];
    CLEANUP(json_cleanup) json_t *j = NULL;

    snprintf(type, sizeof(type), EVENT_TEST_TYPE "%s", t->method);
    j = json_pack("{s:s, s:s, s:s, s:s, s:{s:{s:s, s:s}, s:{s:s, s:s*, s:s*, s:[s, s, s]}, s:s, s:s}}", "specversion",
                  "1.0", "id", uuid_format(&id, text), "source", "/pindispatch/test", "type", type, "data", "card",
                  "id", "TEST-000000", "type", "TEST", "holder", "name", "TEST Åsa Öberg", "email", t->address,
                  "locale", t->locale, "address", "TEST", "Storgatan 1", "111 22 Stockholm", "pin", EVENT_TEST_SECRET,
                  "password", EVENT_TEST_PASSWORD);
    return json_to_text(j);
}

static int send_event(struct test *t)
{
    CLEANUP(free_cleanup) char *event = make_event(t);
    int r = event ? lines_write(t->socket, event, strlen(event)) : -ENOMEM;

    return r == 0 ? lines_write(t->socket, "\n", 1) : r;
}

static int take_answer(struct test *t, const json_t *answer)
{
    const char *result = json_text(answer, "result"), *message = json_text(answer, "message");
    CLEANUP(free_cleanup) char *clean = show_clean(message ? message : "");
    const json_t *delivery;
    size_t i;
    int r = 0;

    if (!result || strcmp(result, "accepted") != 0)
        return ctl_failed("the test was refused: %s", clean ? clean : "");
    json_array_foreach (json_object_get(answer, "deliveries"), i, delivery) {
        if (r == 0)
            r = wait_add(&t->wait, delivery);
        if (!t->ctl->json)
            printf("test %s: delivery %s\n", t->method, json_text(delivery, "id"));
    }
    fflush(stdout);
    return r < 0 ? ctl_failed("%s", strerror(-r)) : CTL_DONE;
}

static int converse(struct test *t)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    char *line;
    size_t size;
    int r = send_event(t), status;

    if (r == 0)
        r = lines_next(&t->answers, true, &line, &size);
    if (r <= 0)
        return ctl_failed("the conversation with the daemon broke off (%s)", strerror(r < 0 ? -r : ECONNRESET));
    answer = json_parse_line(line, size);
    status = take_answer(t, answer);
    return status == CTL_DONE ? wait_run(&t->wait, t->ctl, t->timeout, false) : status;
}

static int run(struct test *t)
{
    const char *socket = settings_text(t->ctl->settings, "submit.socket");
    int status;

    t->socket = socket_connect(socket);
    if (t->socket < 0)
        return ctl_no_daemon(socket, t->socket);
    t->answers = (struct lines){ .fd = t->socket, .input = BUFFER(ANSWER_MOST) };
    status = converse(t);
    fd_close(t->socket);
    buffer_release(&t->answers.input);
    wait_release(&t->wait);
    return status;
}

int ctl_test(struct ctl *c, int argc, char **argv)
{
    bool is_mail = strcmp(argv[0], "test-mail") == 0;
    struct test t = { .ctl = c, .method = is_mail ? "email" : "print" };
    const char *timeout = "2m";
    const struct ctl_option options[] = {
        { "locale", 'l', CTL_TEXT, &t.locale, "LANGUAGE", "the language of the test, such as sv" },
        { "timeout", 't', CTL_TEXT, &timeout, "TIME", "wait not longer than this (2m)" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc != (is_mail ? 1 : 0))
        return ctl_misused(c, is_mail ? "test-mail takes one address" : "test-print takes no argument");
    if (duration_parse(timeout, &t.timeout) < 0 || t.timeout <= 0)
        return ctl_misused(c, "--timeout is a time like 30s, 5m or 1h");
    t.address = is_mail ? argv[0] : NULL;
    return ctl_settings(c) ? run(&t) : CTL_USAGE;
}

#include "ctl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "dialogue.h"
#include "feed.h"
#include "progress.h"
#include "show.h"
#include "wait.h"
#include <pindispatch/file.h>
#include <pindispatch/lines.h>

enum { ANSWER_MOST = 64 * 1024 };

struct submission {
    struct ctl *ctl;
    bool quiet, waits;
    int socket;
    bool said_all; /* our side of the socket is shut */
    struct feed feed;
    struct lines answers;
    struct progress progress;
    struct wait wait;
    uint64_t accepted, duplicates, rejected;
};

static void tell_delivery(const struct feed_origin *from, const char *result, const json_t *delivery)
{
    const char *state = json_text(delivery, "state");

    printf("%s:%llu: %s  %s  %s  %s  %s%s%s\n", from->file, (unsigned long long)from->line, result,
           json_text(delivery, "id"), json_text(delivery, "secret"), json_text(delivery, "method"),
           show_begin(show_state_colour(state)), state, show_begin(SHOW_PLAIN));
}

static void tell_rejected(const struct feed_origin *from, const json_t *answer)
{
    const char *path = json_text(answer, "path");
    const char *message = json_text(answer, "message");
    CLEANUP(free_cleanup) char *clean = show_clean(message ? message : "");

    printf("%s:%llu: %srejected%s  %s%s%s: %s\n", from->file, (unsigned long long)from->line, show_begin(SHOW_RED),
           show_begin(SHOW_PLAIN), json_text(answer, "code"), path && path[0] ? " at " : "", path ? path : "",
           clean ? clean : "");
}

static void tell_json(const struct feed_origin *from, json_t *answer)
{
    if (json_put_text(answer, "file", from->file) == 0 &&
        json_object_set_new(answer, "line", json_integer((json_int_t)from->line)) == 0)
        show_json(answer);
}

static int take_deliveries(struct submission *s, const struct feed_origin *from, const json_t *answer)
{
    const char *result = json_text(answer, "result");
    const json_t *delivery;
    size_t i;
    int r = 0;

    json_array_foreach (json_object_get(answer, "deliveries"), i, delivery) {
        if (!s->ctl->json && !s->quiet)
            tell_delivery(from, result, delivery);
        if (s->waits && r == 0)
            r = wait_add(&s->wait, delivery);
    }
    return r;
}

/* One answer, for the line that has waited longest. */
static int take_answer(struct submission *s, char *line, size_t size)
{
    CLEANUP(json_cleanup) json_t *answer = json_parse_line(line, size);
    const char *result = json_text(answer, "result");
    struct feed_origin from = { "submit", 0 };
    bool expected = feed_answered(&s->feed, &from);

    if (!result)
        return -EPROTO;
    progress_clear(&s->progress);
    if (strcmp(result, "rejected") == 0) {
        s->rejected++;
        if (!s->ctl->json)
            tell_rejected(&from, answer);
    } else {
        s->accepted += strcmp(result, "accepted") == 0;
        s->duplicates += strcmp(result, "duplicate") == 0;
    }
    if (s->ctl->json && !(s->quiet && strcmp(result, "rejected") != 0))
        tell_json(&from, answer);
    /* An answer that no line waited for is said by a daemon that has no room for one more client. */
    return expected ? take_deliveries(s, &from, answer) : -EBUSY;
}

static int take_answers(struct submission *s)
{
    char *line;
    size_t size;
    int r;

    while ((r = lines_next(&s->answers, false, &line, &size)) > 0) {
        r = take_answer(s, line, size);
        if (r < 0)
            return r;
    }
    if (r == -EAGAIN)
        return 0;
    if (r == 0)
        return s->said_all && s->feed.waiting == 0 ? 0 : -ECONNRESET;
    return r;
}

static int send_output(struct submission *s)
{
    struct buffer *b = &s->feed.output;

    while (buffer_size(b) > 0) {
        ssize_t n = send(s->socket, buffer_bytes(b), buffer_size(b), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        buffer_drop(b, (size_t)n);
    }
    return 0;
}

/* A daemon that turns a client away says why before it closes. */
static int after_broken_send(struct submission *s, int r)
{
    int answer = take_answers(s);

    return answer == -EBUSY ? answer : r;
}

static void draw(struct submission *s)
{
    uint64_t waiting = buffer_size(&s->feed.output) + buffer_size(&s->feed.input);
    struct progress_now now = { .what = "submitted",
                                .done = s->feed.bytes > waiting ? s->feed.bytes - waiting : 0,
                                .total = s->feed.bytes_all,
                                .count = s->accepted + s->duplicates + s->rejected,
                                .bad = s->rejected };

    progress_draw(&s->progress, &now);
}

/* Before a pause, whoever reads our answers gets them. */
static int wait_for_some(struct pollfd p[2])
{
    int n = poll(p, 2, 0);

    if (n != 0)
        return n;
    fflush(stdout);
    return poll(p, 2, 200);
}

/* Waits until something can be done, and does it. */
static int turn(struct submission *s, bool wants_input)
{
    struct pollfd p[] = { { .fd = s->socket, .events = POLLIN },
                          { .fd = wants_input ? s->feed.fd : -1, .events = POLLIN } };
    int r = 0;

    if (buffer_size(&s->feed.output) > 0)
        p[0].events |= POLLOUT;
    if (wait_for_some(p) < 0)
        return errno == EINTR ? 0 : -errno;
    if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
        r = take_answers(s);
    if (r == 0 && p[1].revents)
        r = feed_read(&s->feed);
    else if (r == 0)
        r = feed_move(&s->feed);
    if (r == 0) {
        r = send_output(s);
        if (r < 0)
            r = after_broken_send(s, r);
    }
    return r;
}

/* CTL_DONE when every line has its answer. */
static int run(struct submission *s)
{
    int r = 0;

    while (r == 0) {
        int input = feed_wants_input(&s->feed);

        if (input < 0)
            return ctl_failed("%s: %s", s->feed.file, strerror(-input));
        if (feed_is_done(&s->feed) && buffer_size(&s->feed.output) == 0) {
            if (s->feed.waiting == 0)
                return CTL_DONE;
            if (!s->said_all)
                shutdown(s->socket, SHUT_WR);
            s->said_all = true;
        }
        r = turn(s, input > 0);
        draw(s);
    }
    progress_clear(&s->progress);
    if (r == -EBUSY)
        return ctl_failed("the daemon has no room for one more client just now");
    return ctl_failed(
        "the conversation with the daemon broke off (%s): %zu events have no answer. Submit them again: "
        "what was accepted is a duplicate then, and is not delivered twice",
        strerror(-r), s->feed.waiting);
}

static void tell_summary(const struct submission *s)
{
    uint64_t all = s->accepted + s->duplicates + s->rejected;

    fflush(stdout);
    if (!s->ctl->json)
        fprintf(stderr, "%llu event%s: %llu accepted, %llu duplicate, %llu rejected\n", (unsigned long long)all,
                all == 1 ? "" : "s", (unsigned long long)s->accepted, (unsigned long long)s->duplicates,
                (unsigned long long)s->rejected);
}

static int submit(struct submission *s, char *const *files, size_t n, int64_t timeout)
{
    const char *socket = settings_text(s->ctl->settings, "submit.socket");
    int status, waited = CTL_DONE;

    s->socket = socket_connect(socket);
    if (s->socket < 0)
        return ctl_no_daemon(socket, s->socket);
    s->answers = (struct lines){ .fd = s->socket, .input = BUFFER(ANSWER_MOST) };
    if (n == 0 && isatty(STDIN_FILENO))
        fputs("events are read from this terminal, one a line; Ctrl-D ends\n", stderr);
    feed_begin(&s->feed, files, n);
    progress_begin(&s->progress, !s->ctl->json);
    status = run(s);
    progress_clear(&s->progress);
    tell_summary(s);
    if (s->waits)
        waited = wait_run(&s->wait, s->ctl, timeout, s->quiet);
    if (status == CTL_DONE)
        status = waited;
    return status == CTL_DONE && s->rejected > 0 ? CTL_UNDONE : status;
}

static void submission_release(struct submission *s)
{
    feed_end(&s->feed);
    buffer_release(&s->answers.input);
    wait_release(&s->wait);
    fd_close(s->socket);
}

int ctl_submit(struct ctl *c, int argc, char **argv)
{
    CLEANUP(submission_release) struct submission s = { .ctl = c, .socket = -1, .feed = { .fd = -1 } };
    const char *timeout_text = NULL;
    int64_t timeout = 0;
    const struct ctl_option options[] = {
        { "wait", 'w', CTL_FLAG, &s.waits, NULL, "wait until each delivery is settled" },
        { "timeout", 't', CTL_TEXT, &timeout_text, "TIME", "with --wait: not longer than this (30s, 5m, 1h)" },
        { "quiet", 'q', CTL_FLAG, &s.quiet, NULL, "tell only what was rejected" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (timeout_text && (duration_parse(timeout_text, &timeout) < 0 || timeout <= 0))
        return ctl_misused(c, "--timeout is a time like 30s, 5m or 1h");
    if (!ctl_settings(c))
        return CTL_USAGE;
    return submit(&s, argv, (size_t)argc, timeout);
}

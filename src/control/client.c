#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "request.h"
#include <pindispatch/channel.h>
#include <pindispatch/clock.h>
#include <pindispatch/commit.h>
#include <pindispatch/log.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

enum {
    FINISH_SECONDS = 10, /* for a peer that closed its side to read what is left */
    STALL_SECONDS = 120, /* a peer that does not read a list is given up */
    STALL_POLL_MS = 20,
    CLIENT_PRIORITY = -10, /* operators come before the flow of work */
};

struct client {
    const struct client_owner *owner;
    struct channel *channel;
    int fd; /* the channel's; only asked whether the kernel would take more */
    struct exchange *exchange;
    struct client *next;
    bool ended; /* the peer said all: close after the answer */
};

/* A request under way. It outlives its client when it waits for a commit. */
struct exchange {
    struct commit_waiter waiter;
    struct request request;
    struct client *client; /* NULL: gone */
    bool waiting;          /* joined a commit */
    bool settled;          /* that commit is of this request's own change */
    bool last;             /* items ends with the answer's line */
    sd_event_source *next; /* the next step */
    int64_t stalled_since; /* monotonic; 0: not stalled */
};

static void step(struct exchange *x);

static void exchange_free(struct exchange *x)
{
    sd_event_source_disable_unref(x->next);
    request_release(&x->request);
    free(x);
}

static void client_gone(struct client *c)
{
    c->owner->gone(c->owner->userdata, c);
    control_client_free(c);
}

struct client *control_client_free(struct client *c)
{
    if (!c)
        return NULL;
    if (c->exchange && c->exchange->waiting)
        c->exchange->client = NULL;
    else if (c->exchange)
        exchange_free(c->exchange);
    channel_close(c->channel);
    free(c);
    return NULL;
}

/* The conversation is over and its last bytes may go out by themselves. */
static void client_finish(struct client *c)
{
    channel_finish(c->channel, FINISH_SECONDS);
    c->channel = NULL;
    client_gone(c);
}

static void end_exchange(struct exchange *x)
{
    struct client *c = x->client;

    exchange_free(x);
    c->exchange = NULL;
    if (c->ended)
        client_finish(c);
    else
        channel_hold(c->channel, false);
}

static int on_next(sd_event_source *source, uint64_t now, void *userdata)
{
    (void)source;
    (void)now;
    step(userdata);
    return 0;
}

static int step_later(struct exchange *x, unsigned milliseconds)
{
    sd_event_source_disable_unref(TAKE(x->next));
    return sd_event_add_time_relative(x->client->owner->site->loop, &x->next, CLOCK_MONOTONIC,
                                      milliseconds * (uint64_t)MICROSECONDS_PER_MILLISECOND,
                                      MICROSECONDS_PER_MILLISECOND, on_next, x);
}

/* A channel takes up to some MiB for its peer; a list must not fill that. When the kernel's own queue is full,
 * bytes wait in the channel already. */
static bool peer_takes(const struct client *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLOUT };

    return poll(&p, 1, 0) > 0;
}

static bool stalls_too_long(struct exchange *x)
{
    int64_t now = clock_monotonic();

    if (x->stalled_since == 0)
        x->stalled_since = now;
    return now - x->stalled_since > STALL_SECONDS * MICROSECONDS_PER_SECOND;
}

/* Hands the channel what is made. 0; negative: the peer is given up. */
static int flush(struct exchange *x)
{
    struct buffer *items = &x->request.items;
    int r = 0;

    if (buffer_size(items) > 0)
        r = channel_send(x->client->channel, buffer_bytes(items), buffer_size(items));
    buffer_clear(items);
    return r;
}

static void send_and_go_on(struct exchange *x)
{
    struct client *c = x->client;
    int r = flush(x);

    if (r == 0 && x->last) {
        end_exchange(x);
        return;
    }
    if (r == 0)
        r = step_later(x, 0);
    if (r < 0)
        client_gone(c);
}

/* The last line. Its room is made by sending the items first. */
static void answer(struct exchange *x, json_t *line)
{
    struct client *c = x->client;
    int r = flush(x);

    if (r == 0)
        r = line ? json_add_line(&x->request.items, line) : -ENOMEM;
    json_decref(line);
    x->last = true;
    if (r < 0)
        client_gone(c);
    else
        send_and_go_on(x);
}

static void answer_problem(struct exchange *x, const char *code, const char *message)
{
    answer(x, json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message));
}

static void answer_failure(struct exchange *x, int r)
{
    struct problem p = { 0 };

    log_event(LOG_ERR, MESSAGE_STORE_REFUSED, NULL, "control: the store failed: %s", strerror(-r));
    problem_set(&p, "store", "", "the store failed: %s", strerror(-r));
    answer_problem(x, p.code, p.message);
}

static void on_commit(struct commit_waiter *w, int r)
{
    struct exchange *x = (struct exchange *)w; /* its first member */

    x->waiting = false;
    if (x->settled && r == 0)
        operator_log(&x->request);
    if (!x->client)
        exchange_free(x);
    else if (x->settled && r < 0)
        answer_failure(x, r);
    else if (x->settled)
        answer(x, json_incref(x->request.answer));
    else /* Whatever became of that transaction: what is read now is on disk. */
        step(x);
}

static void join(struct exchange *x)
{
    x->waiting = true;
    x->waiter.done = on_commit;
    commit_join(x->client->owner->site->commit, &x->waiter);
}

/* A verb of the store failed: its transaction is lost, and whoever waits for it must hear. */
static void fail(struct exchange *x, int r)
{
    const struct site *site = x->client->owner->site;

    if (store_is_dirty(site->store))
        commit_fail(site->commit, r);
    answer_failure(x, r);
}

static void run(struct exchange *x)
{
    int r = x->request.command->run(&x->request);

    switch (r) {
    case STEP_DONE:
        answer(x, json_incref(x->request.answer));
        break;
    case STEP_MORE:
        send_and_go_on(x);
        break;
    case STEP_COMMIT:
        x->settled = true;
        join(x);
        break;
    case STEP_REFUSED:
        operator_log(&x->request);
        /* The refusal may have begun a transaction, which somebody must end. */
        if (store_is_dirty(x->request.site->store))
            commit_poke(x->request.site->commit);
        answer_problem(x, x->request.problem.code, x->request.problem.message);
        break;
    default:
        fail(x, r);
    }
}

/* Nobody is told what is not on disk: who reads waits for the commit that is due anyway. */
static void step(struct exchange *x)
{
    struct client *c = x->client;

    if (x->request.begun && !peer_takes(c)) {
        if (stalls_too_long(x) || step_later(x, STALL_POLL_MS) < 0)
            client_gone(c);
        return;
    }
    x->stalled_since = 0;
    if (x->request.command->privilege < PRIVILEGE_OPERATE && store_is_dirty(c->owner->site->store))
        join(x);
    else
        run(x);
}

static bool peer_may(const struct client *c, enum privilege needed)
{
    const struct control_host *host = c->owner->host;
    uid_t uid = channel_peer_uid(c->channel);

    if (needed == PRIVILEGE_WATCH)
        return true;
    if (uid == (uid_t)-1)
        return false;
    return !host->privilege || (unsigned)host->privilege(host->userdata, c->channel) >= (unsigned)needed;
}

static void deny(struct exchange *x)
{
    const char *command = x->request.command->name;
    char uid[24];

    snprintf(uid, sizeof(uid), "%lld", (long long)x->request.uid);
    log_event(
        LOG_NOTICE, MESSAGE_OPERATOR,
        LOG_FIELDS(LOG_FIELD("OPERATOR_UID", uid), LOG_FIELD("COMMAND", command), LOG_FIELD("RESULT", "denied")),
        "user with uid %s: %s is denied", uid, command);
    answer_problem(x, "denied", "this user may not do that here");
}

static int exchange_new(struct client *c)
{
    struct exchange *x = calloc(1, sizeof(*x));

    if (!x)
        return -ENOMEM;
    x->client = c;
    x->request = (struct request){ .site = c->owner->site,
                                   .host = c->owner->host,
                                   .uid = channel_peer_uid(c->channel),
                                   .items = BUFFER(REQUEST_ITEMS_MOST) };
    c->exchange = x;
    channel_hold(c->channel, true);
    return 0;
}

static void on_line(void *userdata, char *line, size_t size)
{
    struct client *c = userdata;
    struct problem p = { 0 };
    struct exchange *x;
    int r;

    if (exchange_new(c) < 0) {
        client_gone(c);
        return;
    }
    x = c->exchange;
    r = request_parse(line, size, &x->request.command, &x->request.arguments, &p);
    if (r > 0)
        answer_problem(x, p.code, p.message);
    else if (r < 0)
        client_gone(c);
    else if (!peer_may(c, x->request.command->privilege))
        deny(x);
    else
        step(x);
}

static void on_too_long(void *userdata)
{
    struct client *c = userdata;

    if (exchange_new(c) < 0)
        client_gone(c);
    else
        answer_problem(c->exchange, "usage", "a request has at most 64 KiB");
}

static void on_end(void *userdata, int r)
{
    struct client *c = userdata;

    c->ended = true;
    if (r < 0)
        client_gone(c);
    else if (!c->exchange)
        client_finish(c);
}

int control_client_new(const struct client_owner *owner, int fd, struct client **ret)
{
    struct client *c = calloc(1, sizeof(*c));
    struct channel_owner callbacks = { .line = on_line, .too_long = on_too_long, .end = on_end, .userdata = c };
    int r;

    if (!c) {
        close(fd);
        return -ENOMEM;
    }
    c->owner = owner;
    c->fd = fd;
    r = channel_new(owner->site->loop, fd, REQUEST_MOST, CLIENT_PRIORITY, &callbacks, &c->channel);
    if (r < 0) {
        free(c);
        return r;
    }
    *ret = c;
    return 0;
}

struct client *control_client_next(const struct client *c)
{
    return c->next;
}

void control_client_set_next(struct client *c, struct client *next)
{
    c->next = next;
}

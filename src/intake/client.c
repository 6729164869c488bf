#include "client.h"

#include <errno.h>
#include <stdlib.h>

#include <pindispatch/buffer.h>
#include <pindispatch/channel.h>
#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/log.h>
#include <pindispatch/settings.h>
#include <pindispatch/site.h>

#include "admit.h"
#include "submit.h"

#define SILENT (60 * MICROSECONDS_PER_SECOND)

enum {
    ANSWER_MOST = 16 * 1024,
    FINISH_SECONDS = 30, /* for a client that does not read its answers */
};

struct client {
    struct clients *all;
    struct client *next, *previous;
    struct channel *channel;
    struct tickets waiting;
    struct origin origin;
    int64_t heard; /* when its last whole line came */
    bool denied;   /* not a member of submit.group */
    bool held;
    bool at_end; /* nothing more comes from it */
};

struct client *client_next(const struct client *c)
{
    return c->next;
}

static int64_t now(const struct clients *all)
{
    return clock_now(all->admit->site->clock);
}

static void leave(struct client *c)
{
    if (c->previous)
        c->previous->next = c->next;
    else
        c->all->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    c->all->n--;
    c->all->admit->stat.clients = c->all->n;
    tickets_abandon(&c->waiting);
    free(c);
}

void client_close(struct client *c)
{
    channel_close(c->channel);
    leave(c);
}

static void finish(struct client *c)
{
    channel_finish(c->channel, FINISH_SECONDS);
    leave(c);
}

static int send_answer(struct client *c, const struct ticket *t)
{
    struct buffer line = BUFFER(ANSWER_MOST);
    int r = ticket_answer(t, 0, &line);

    if (r == 0)
        r = channel_send(c->channel, buffer_bytes(&line), buffer_size(&line));
    buffer_release(&line);
    CRASH_POINT("intake.answered");
    return r;
}

/* Held at the most, let go at half of it: not back and forth with each answer. */
static void choose_hold(struct client *c)
{
    unsigned bound = c->held ? SUBMIT_WAITING_MOST / 2 : SUBMIT_WAITING_MOST;
    bool hold = c->at_end || c->waiting.n >= bound;

    if (hold == c->held)
        return;
    c->held = hold;
    channel_hold(c->channel, hold);
}

/* Sends what may be sent, in order. C may be gone afterwards: an answer that cannot be given must not be left out,
 * for the ones after it would be taken for it. */
static void answer(void *owner)
{
    struct client *c = owner;
    struct ticket *t;

    while ((t = tickets_pop(&c->waiting)) != NULL) {
        int r = send_answer(c, t);

        ticket_free(t);
        if (r < 0) {
            client_close(c);
            return;
        }
    }
    if (c->at_end && c->waiting.n == 0)
        finish(c);
    else
        choose_hold(c);
}

/* NULL: C is gone. */
static struct ticket *add_ticket(struct client *c)
{
    struct ticket *t = ticket_new(c->all->admit, answer, c);

    c->heard = now(c->all);
    if (t)
        tickets_push(&c->waiting, t);
    else
        client_close(c);
    return t;
}

static void on_line(void *userdata, char *line, size_t size)
{
    struct client *c = userdata;
    struct ticket *t = add_ticket(c);

    if (!t)
        return;
    if (c->denied)
        admit_denied(c->all->admit, t, &c->origin);
    else
        admit_line(c->all->admit, t, &c->origin, line, size);
    answer(c);
}

static void on_too_long(void *userdata)
{
    struct client *c = userdata;
    struct ticket *t = add_ticket(c);

    if (!t)
        return;
    admit_too_long(c->all->admit, t);
    answer(c);
}

static void on_end(void *userdata, int r)
{
    struct client *c = userdata;

    if (r < 0) {
        client_close(c);
        return;
    }
    c->at_end = true;
    answer(c);
}

bool clients_make_room(struct clients *all)
{
    struct client *silent = NULL;

    for (struct client *c = all->first; c; c = c->next)
        if (c->waiting.n == 0 && (!silent || c->heard < silent->heard))
            silent = c;
    if (!silent || now(all) - silent->heard < SILENT)
        return false;
    client_close(silent);
    return true;
}

void client_stop(struct client *c)
{
    c->at_end = true;
    answer(c);
}

int client_new(struct clients *all, int fd)
{
    CLEANUP(free_cleanup) struct client *c = calloc(1, sizeof(*c));
    const struct channel_owner owner = { .line = on_line, .too_long = on_too_long, .end = on_end, .userdata = c };
    int r;

    if (!c) {
        close(fd);
        return -ENOMEM;
    }
    r = channel_new(all->admit->site->loop, fd, EVENT_MOST, SD_EVENT_PRIORITY_NORMAL, &owner, &c->channel);
    if (r < 0)
        return r;
    c->all = all;
    c->heard = now(all);
    c->origin = (struct origin){ .what = "submit", .uid = (int64_t)channel_peer_uid(c->channel) };
    c->denied = !channel_peer_may(c->channel, settings_text(all->admit->site->settings, "submit.group"));
    c->next = all->first;
    if (c->next)
        c->next->previous = c;
    all->first = TAKE(c);
    all->n++;
    all->admit->stat.clients = all->n;
    return 0;
}

#include "submit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <pindispatch/clock.h>
#include <pindispatch/site.h>

#include "admit.h"
#include "client.h"

enum {
    ACCEPT_TURN = 16,    /* new clients in a turn of the loop */
    ACCEPT_BURST = 1000, /* turns a second: without descriptors left, accepting would fail in a busy loop */
};

struct submit {
    int fd;
    sd_event_source *source;
    struct clients clients;
};

/* The answer goes out, or the client finds a closed socket: both say no. */
static void turn_away(int fd)
{
    static const char answer[] =
        "{\"result\":\"rejected\",\"code\":\"busy\",\"message\":\"there are too many clients; "
        "try again\",\"retry_after\":1}\n";

    (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct submit *s = userdata;

    (void)source;
    (void)events;
    for (unsigned i = 0; i < ACCEPT_TURN; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (peer < 0)
            return 0;
        if (s->clients.n >= SUBMIT_CLIENTS_MOST && !clients_make_room(&s->clients))
            turn_away(peer);
        else
            (void)client_new(&s->clients, peer);
    }
    return 0;
}

int submit_new(struct admit *a, int fd, struct submit **ret)
{
    CLEANUP(submit_cleanup) struct submit *s = calloc(1, sizeof(*s));
    int flags = fcntl(fd, F_GETFL), r;

    if (!s) {
        close(fd);
        return -ENOMEM;
    }
    s->fd = fd;
    s->clients.admit = a;
    r = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
    if (r == 0)
        r = sd_event_add_io(a->site->loop, &s->source, fd, EPOLLIN, on_connection, s);
    if (r >= 0)
        r = sd_event_source_set_ratelimit(s->source, MICROSECONDS_PER_SECOND, ACCEPT_BURST);
    if (r < 0)
        return r;
    *ret = TAKE(s);
    return 0;
}

struct submit *submit_free(struct submit *s)
{
    if (!s)
        return NULL;
    sd_event_source_disable_unref(s->source);
    fd_close(s->fd);
    while (s->clients.first)
        client_close(s->clients.first);
    free(s);
    return NULL;
}

void submit_stop(struct submit *s)
{
    struct client *next;

    sd_event_source_set_enabled(s->source, SD_EVENT_OFF);
    for (struct client *c = s->clients.first; c; c = next) {
        next = client_next(c);
        client_stop(c);
    }
}

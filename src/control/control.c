#include <pindispatch/control.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "client.h"
#include "request.h"
#include <pindispatch/clock.h>
#include <pindispatch/log.h>
#include <pindispatch/site.h>

/* Every command there is: its name, what a peer must be allowed, what it takes, what it does. */
const struct command commands[] = {
    { "status", PRIVILEGE_WATCH, (const char *const[]){ NULL }, command_status },
    { "metrics", PRIVILEGE_WATCH, (const char *const[]){ NULL }, command_metrics },
    { "states", PRIVILEGE_WATCH, (const char *const[]){ "ids", NULL }, command_states },
    { "list", PRIVILEGE_READ, (const char *const[]){ "states", "limit", NULL }, command_list },
    { "show", PRIVILEGE_READ, (const char *const[]){ "id", NULL }, command_show },
    { "audit-verify", PRIVILEGE_READ, (const char *const[]){ NULL }, command_audit_verify },
    { "audit-export", PRIVILEGE_READ, (const char *const[]){ "after", NULL }, command_audit_export },
    { "retry", PRIVILEGE_OPERATE, (const char *const[]){ "id", "reason", NULL }, command_retry },
    { "cancel", PRIVILEGE_OPERATE, (const char *const[]){ "id", "reason", NULL }, command_cancel },
    { "hold", PRIVILEGE_OPERATE, (const char *const[]){ "id", "reason", NULL }, command_hold },
    { "release", PRIVILEGE_OPERATE, (const char *const[]){ "id", "reason", NULL }, command_release },
    { "resolve", PRIVILEGE_OPERATE, (const char *const[]){ "id", "as", "reason", NULL }, command_resolve },
    { "reload", PRIVILEGE_OPERATE, (const char *const[]){ NULL }, command_reload },
    { NULL, PRIVILEGE_OPERATE, NULL, NULL },
};

enum {
    CLIENTS_MOST = 64,
    ACCEPTS_MOST = 512, /* a second: when descriptors are short, accept() must not spin */
    LISTEN_PRIORITY = -10,
};

struct listener {
    struct control *control;
    sd_event_source *source;
    struct listener *next;
};

struct control {
    const struct site *site;
    struct control_host host;
    struct client_owner owner;
    struct listener *listeners;
    struct client *clients;
    unsigned n_clients;
};

static void forget_client(void *userdata, struct client *gone)
{
    struct control *c = userdata;

    if (c->clients == gone) {
        c->clients = control_client_next(gone);
    } else {
        struct client *before = c->clients;

        while (control_client_next(before) != gone)
            before = control_client_next(before);
        control_client_set_next(before, control_client_next(gone));
    }
    c->n_clients--;
}

int control_new(const struct site *site, const struct control_host *host, struct control **ret)
{
    struct control *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->site = site;
    c->host = *host;
    c->owner = (struct client_owner){ .site = site, .host = &c->host, .gone = forget_client, .userdata = c };
    *ret = c;
    return 0;
}

static void listener_free(struct listener *l)
{
    sd_event_source_disable_unref(l->source);
    free(l);
}

struct control *control_free(struct control *c)
{
    if (!c)
        return NULL;
    while (c->listeners) {
        struct listener *l = c->listeners;

        c->listeners = l->next;
        listener_free(l);
    }
    while (c->clients) {
        struct client *client = c->clients;

        c->clients = control_client_next(client);
        control_client_free(client);
    }
    free(c);
    return NULL;
}

static void turn_away(int fd)
{
    static const char line[] = "{\"error\":{\"code\":\"busy\",\"message\":\"there are too many connections\"}}\n";

    (void)send(fd, line, sizeof(line) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void add_client(struct control *c, int fd)
{
    struct client *client = NULL;
    int r;

    if (c->n_clients >= CLIENTS_MOST) {
        turn_away(fd);
        return;
    }
    r = control_client_new(&c->owner, fd, &client);
    if (r < 0) {
        log_plain(LOG_WARNING, "control: a connection could not be served: %s", strerror(-r));
        return;
    }
    control_client_set_next(client, c->clients);
    c->clients = client;
    c->n_clients++;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct listener *l = userdata;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)source;
    (void)events;
    if (client >= 0)
        add_client(l->control, client);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        log_plain(LOG_WARNING, "control: accept: %s", strerror(errno));
    return 0;
}

static int listener_start(struct listener *l, int fd)
{
    int r = sd_event_add_io(l->control->site->loop, &l->source, fd, EPOLLIN, on_accept, l);

    if (r < 0) {
        close(fd);
        return r;
    }
    sd_event_source_set_io_fd_own(l->source, 1);
    sd_event_source_set_priority(l->source, LISTEN_PRIORITY);
    return sd_event_source_set_ratelimit(l->source, MICROSECONDS_PER_SECOND, ACCEPTS_MOST);
}

int control_listen(struct control *c, int fd)
{
    struct listener *l = calloc(1, sizeof(*l));
    int r;

    if (!l) {
        close(fd);
        return -ENOMEM;
    }
    l->control = c;
    r = listener_start(l, fd);
    if (r < 0) {
        listener_free(l);
        return r;
    }
    l->next = c->listeners;
    c->listeners = l;
    return 0;
}

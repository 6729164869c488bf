#include "print_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cups/cups.h>

#include <pindispatch/method.h>

enum {
    CONNECT_MILLISECONDS = 10 * 1000,
    ANSWER_SECONDS = 30,
    DEADLINE_SECONDS = 90, /* this process' own: more than both above, less than the dispatcher's patience */
};

struct connection {
    struct desk *desk;
    http_t *http; /* NULL when not connected */
    struct print_target target;
};

/* Libcups would ask the terminal for a password. */
static const char *no_password(const char *prompt, http_t *http, const char *method, const char *resource, void *data)
{
    (void)prompt, (void)http, (void)method, (void)resource, (void)data;
    return NULL;
}

static void disconnect(struct connection *c)
{
    if (c->http)
        httpClose(c->http);
    c->http = NULL;
}

int connection_new(struct desk *desk, struct connection **ret)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->desk = desk;
    int r = print_target_read(desk->settings, &c->target);
    if (r < 0) {
        connection_free(c);
        return r;
    }
    cupsSetPasswordCB2(no_password, NULL);
    *ret = c;
    return 0;
}

struct connection *connection_free(struct connection *c)
{
    if (c)
        disconnect(c);
    free(c);
    return NULL;
}

const struct print_target *connection_target(const struct connection *c)
{
    return &c->target;
}

static int server_trouble(struct outcome *o, const struct connection *c, const char *code, const char *what)
{
    outcome_set(o, OUTCOME_DEFERRED, code, "The CUPS server %.100s %s.", c->target.host, what);
    o->destination = true;
    return 1;
}

static int give_up_waiting(http_t *http, void *userdata)
{
    (void)http, (void)userdata;
    return 0;
}

/* A kept connection may have been closed at the other end (cupsd does so after 30 s): bytes or an end of file where
 * silence is due mean that it cannot be used. */
static bool is_usable(http_t *http)
{
    char c;
    return recv(httpGetFd(http), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int connect_target(struct connection *c, struct outcome *trouble)
{
    if (c->http && is_usable(c->http))
        return 0;
    disconnect(c);
    c->http = httpConnect2(c->target.host, c->target.port, NULL, AF_UNSPEC, HTTP_ENCRYPTION_NEVER, 1,
                           CONNECT_MILLISECONDS, NULL);
    if (!c->http)
        return server_trouble(trouble, c, "server-gone", "does not answer");
    httpSetTimeout(c->http, ANSWER_SECONDS, give_up_waiting, NULL);
    return 0;
}

static int lost(struct connection *c, struct outcome *trouble)
{
    http_status_t status = httpGetStatus(c->http);
    disconnect(c);
    if (status == HTTP_STATUS_UNAUTHORIZED || status == HTTP_STATUS_FORBIDDEN)
        return server_trouble(trouble, c, "server-refuses", "refuses us access");
    return server_trouble(trouble, c, "server-gone", "did not answer a request");
}

/* cupsDoRequest() is not used: it repeats requests by itself, and a repeated Create-Job is a second job. */
int connection_ask(struct connection *c, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
                   struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *owned = request;
    size_t size = d ? buffer_size(&d->bytes) : 0;
    if (!owned)
        return -ENOMEM;
    c->desk->deadline(c->desk, DEADLINE_SECONDS);
    if (connect_target(c, trouble))
        return 1;
    http_status_t status = cupsSendRequest(c->http, owned, resource, ippLength(owned) + size);
    if (status == HTTP_STATUS_CONTINUE && size)
        status = cupsWriteRequestData(c->http, buffer_bytes(&d->bytes), size);
    *ret = status == HTTP_STATUS_CONTINUE ? cupsGetResponse(c->http, resource) : NULL;
    return *ret ? 0 : lost(c, trouble);
}

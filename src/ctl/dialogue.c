#include "dialogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include <pindispatch/file.h>

/* One delivery with its whole audit trail is the longest line. */
enum { ANSWER_MOST = 16 * 1024 * 1024, REQUEST_MOST = 64 * 1024 };

int dialogue_open(struct dialogue *d, const char *socket)
{
    int fd = socket_connect(socket);

    if (fd < 0)
        return fd;
    *d = (struct dialogue){ .fd = fd, .lines = { .fd = fd, .input = BUFFER(ANSWER_MOST) } };
    return 0;
}

void dialogue_close(struct dialogue *d)
{
    buffer_release(&d->lines.input);
    d->fd = fd_close(d->fd);
}

static int send_request(struct dialogue *d, json_t *request)
{
    struct buffer line = BUFFER(REQUEST_MOST);
    int r = request ? json_add_line(&line, request) : -ENOMEM;

    if (r == 0)
        r = lines_write(d->fd, buffer_bytes(&line), buffer_size(&line));
    buffer_release(&line);
    json_decref(request);
    return r;
}

/* One line of the answer; NULL with *RET_R when it is none. */
static json_t *next_line(struct dialogue *d, int *ret_r)
{
    char *line;
    size_t size;
    int r = lines_next(&d->lines, true, &line, &size);
    json_t *j = r > 0 ? json_parse_line(line, size) : NULL;

    *ret_r = r < 0 ? r : r == 0 ? -ECONNRESET : j ? 0 : -EPROTO;
    return j;
}

static int take_error(const json_t *error, struct problem *p)
{
    const char *code = json_text(error, "code");
    const char *message = json_text(error, "message");

    return problem_set(p, code ? code : "unknown", "", "%s", message ? message : "the daemon gave no reason");
}

int dialogue_ask(struct dialogue *d, json_t *request, dialogue_item *item, void *userdata, json_t **ret,
                 struct problem *p)
{
    int r = send_request(d, request);

    while (r == 0) {
        CLEANUP(json_cleanup) json_t *line = next_line(d, &r);
        const json_t *error = json_object_get(line, "error");
        const json_t *one = json_object_get(line, "item");

        if (r < 0)
            break;
        if (error)
            return take_error(error, p);
        if (!one && !json_is_true(json_object_get(line, "ok")))
            return -EPROTO;
        if (!one) {
            *ret = TAKE(line);
            return 0;
        }
        r = item ? item(userdata, one) : 0;
    }
    return r;
}

int ctl_no_daemon(const char *socket, int r)
{
    const char *hint = "";

    if (r == -EACCES || r == -EPERM)
        hint = " (who may use it is told by the socket's group)";
    else if (r == -ENOENT || r == -ECONNREFUSED)
        hint = " (is pindispatchd running, with this configuration?)";
    return ctl_failed("no daemon answers at %s: %s%s", socket, strerror(-r), hint);
}

int ctl_refused(const struct problem *p)
{
    ctl_failed("%s", p->message);
    return strcmp(p->code, "usage") == 0 || strcmp(p->code, "config") == 0 ? CTL_USAGE : CTL_UNDONE;
}

int ctl_ask(struct ctl *c, json_t *request, dialogue_item *item, void *userdata, json_t **ret)
{
    CLEANUP(dialogue_close) struct dialogue d = DIALOGUE;
    const struct settings *settings = ctl_settings(c);
    struct problem p = { 0 };
    const char *socket;
    int r;

    if (!settings) {
        json_decref(request);
        return CTL_USAGE;
    }
    socket = settings_text(settings, "control.socket");
    r = dialogue_open(&d, socket);
    if (r < 0) {
        json_decref(request);
        return ctl_no_daemon(socket, r);
    }
    r = dialogue_ask(&d, request, item, userdata, ret, &p);
    if (r == 1)
        return ctl_refused(&p);
    if (r < 0)
        return ctl_failed("the daemon at %s gave no whole answer: %s", socket, strerror(-r));
    return CTL_DONE;
}

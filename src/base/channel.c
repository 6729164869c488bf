#include <pindispatch/channel.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/peer.h>

enum {
    PIECE = 64 * 1024,
    OUTPUT_MOST = 8 * 1024 * 1024, /* the peer was held back at CHANNEL_OUTPUT; past this it is given up */
};

struct channel {
    sd_event *loop;
    int fd;
    size_t most;
    int64_t priority;
    struct channel_owner owner;
    struct ucred peer;

    struct buffer input, output;
    sd_event_source *io;    /* readable, writable */
    sd_event_source *more;  /* whole lines wait in input */
    sd_event_source *flush; /* output was added in this turn */
    sd_event_source *linger;

    unsigned busy; /* callbacks under way: memory stays until they return */
    bool held;     /* by the owner */
    bool starved;  /* taking lines stopped although there may be more in input */
    bool dropping; /* the rest of a line that is too long */
    bool at_end;   /* the peer said all */
    bool told_end; /* and the owner knows */
    bool finishing;
    bool closed;
};

static void channel_free(struct channel *c)
{
    sd_event_source_disable_unref(c->io);
    sd_event_source_disable_unref(c->more);
    sd_event_source_disable_unref(c->flush);
    sd_event_source_disable_unref(c->linger);
    buffer_release(&c->input);
    buffer_release(&c->output);
    fd_close(c->fd);
    sd_event_unref(c->loop);
    free(c);
}

static void enter(struct channel *c)
{
    c->busy++;
}

/* False when the channel is gone. */
static bool leave(struct channel *c)
{
    c->busy--;
    if (!c->closed)
        return true;
    if (c->busy == 0)
        channel_free(c);
    return false;
}

static bool may_take(const struct channel *c)
{
    return !c->held && !c->finishing && !c->told_end && buffer_size(&c->output) <= CHANNEL_OUTPUT;
}

/* A hang-up is reported whatever events are asked for: a source with nothing to do must be off. */
static void choose_events(struct channel *c)
{
    bool take = may_take(c);
    uint32_t events = 0;

    sd_event_source_set_enabled(c->more, take && c->starved ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
    if (take && !c->starved && !c->at_end)
        events |= EPOLLIN;
    if (buffer_size(&c->output) > 0)
        events |= EPOLLOUT;
    if (events)
        sd_event_source_set_io_events(c->io, events);
    sd_event_source_set_enabled(c->io, events ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void tell_end(struct channel *c, int r)
{
    if (c->told_end)
        return;
    c->at_end = c->told_end = true;
    if (c->owner.end)
        c->owner.end(c->owner.userdata, r);
}

static void give_up(struct channel *c, int r)
{
    buffer_clear(&c->output);
    buffer_clear(&c->input);
    if (c->finishing)
        c->closed = true;
    else
        tell_end(c, r);
}

/* As much as the peer takes. 0 or -errno. */
static int send_output(struct channel *c)
{
    ssize_t n = send(c->fd, buffer_bytes(&c->output), buffer_size(&c->output), MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return -errno;
    buffer_drop(&c->output, (size_t)n);
    return 0;
}

static void write_output(struct channel *c)
{
    while (buffer_size(&c->output) > 0) {
        int r = send_output(c);

        if (r == -EAGAIN)
            return;
        if (r < 0 && r != -EINTR) {
            give_up(c, r);
            return;
        }
    }
    if (c->finishing)
        c->closed = true;
}

/* Hands out the line of SIZE bytes at the front; SKIP more bytes end it. */
static void hand_out(struct channel *c, size_t size, size_t skip)
{
    char *line = buffer_bytes(&c->input);

    line[size] = '\0';
    if (c->dropping)
        c->dropping = false;
    else if (size > c->most)
        c->owner.too_long(c->owner.userdata);
    else
        c->owner.line(c->owner.userdata, line, size);
    if (!c->closed)
        buffer_drop(&c->input, size + skip);
}

/* Bytes without a newline: more than a line may hold are dropped as they come. */
static void drop_excess(struct channel *c)
{
    if (buffer_size(&c->input) <= c->most)
        return;
    buffer_clear(&c->input);
    if (!c->dropping) {
        c->dropping = true;
        c->owner.too_long(c->owner.userdata);
    }
}

/* Takes one line; false when there is none. */
static bool take_line(struct channel *c)
{
    size_t size = buffer_size(&c->input);
    char *newline = size ? memchr(buffer_bytes(&c->input), '\n', size) : NULL;

    if (newline) {
        hand_out(c, (size_t)(newline - buffer_bytes(&c->input)), 1);
        return true;
    }
    if (c->at_end && size > 0 && buffer_terminate(&c->input) == 0) {
        hand_out(c, size, 0);
        return true;
    }
    drop_excess(c);
    return false;
}

static void take_lines(struct channel *c)
{
    for (unsigned taken = 0; taken < CHANNEL_TURN && !c->closed && may_take(c); taken++) {
        if (take_line(c))
            continue;
        c->starved = false;
        if (!c->closed && c->at_end)
            tell_end(c, 0);
        return;
    }
    c->starved = true;
}

static void read_input(struct channel *c)
{
    ssize_t n;

    if (buffer_reserve(&c->input, PIECE) < 0) {
        give_up(c, -ENOMEM);
        return;
    }
    n = read(c->fd, c->input.data + c->input.end, PIECE);
    if (n > 0)
        c->input.end += (size_t)n;
    else if (n == 0)
        c->at_end = true;
    else if (errno != EAGAIN && errno != EINTR)
        give_up(c, -errno);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct channel *c = userdata;

    (void)source;
    (void)fd;
    enter(c);
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        write_output(c);
    if (!c->closed && events & (EPOLLIN | EPOLLERR | EPOLLHUP) && may_take(c) && !c->at_end) {
        read_input(c);
        take_lines(c);
    }
    if (leave(c))
        choose_events(c);
    return 0;
}

static int on_more(sd_event_source *source, uint64_t now, void *userdata)
{
    struct channel *c = userdata;

    (void)source;
    (void)now;
    enter(c);
    take_lines(c);
    if (leave(c))
        choose_events(c);
    return 0;
}

static int on_flush(sd_event_source *source, void *userdata)
{
    struct channel *c = userdata;

    (void)source;
    enter(c);
    write_output(c);
    if (leave(c))
        choose_events(c);
    return 0;
}

static int on_linger(sd_event_source *source, uint64_t now, void *userdata)
{
    (void)source;
    (void)now;
    channel_close(userdata);
    return 0;
}

/* The rest of a channel's lines comes by a timer that is over already: a defer source counts as pending since it was
 * made, and so would come before every other channel of its priority. */
static int add_sources(struct channel *c)
{
    int r = sd_event_add_io(c->loop, &c->io, c->fd, EPOLLIN, on_io, c);

    if (r >= 0)
        r = sd_event_add_time(c->loop, &c->more, CLOCK_MONOTONIC, 0, 1, on_more, c);
    if (r >= 0)
        r = sd_event_source_set_enabled(c->more, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_defer(c->loop, &c->flush, on_flush, c);
    if (r >= 0)
        r = sd_event_source_set_enabled(c->flush, SD_EVENT_OFF);
    if (r < 0)
        return r;
    sd_event_source_set_priority(c->io, c->priority);
    sd_event_source_set_priority(c->more, c->priority);
    sd_event_source_set_priority(c->flush, c->priority);
    return 0;
}

static void learn_peer(struct channel *c)
{
    socklen_t size = sizeof(c->peer);

    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &c->peer, &size) < 0)
        c->peer = (struct ucred){ .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
}

int channel_new(sd_event *loop, int fd, size_t most, int64_t priority, const struct channel_owner *owner,
                struct channel **ret)
{
    struct channel *c = calloc(1, sizeof(*c));
    int flags = fcntl(fd, F_GETFL), r;

    if (!c) {
        close(fd);
        return -ENOMEM;
    }
    *c = (struct channel){ .loop = sd_event_ref(loop),
                           .fd = fd,
                           .most = most,
                           .priority = priority,
                           .owner = *owner,
                           .input = BUFFER(most + 2 * PIECE),
                           .output = BUFFER(OUTPUT_MOST) };
    r = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
    if (r == 0)
        r = add_sources(c);
    if (r < 0) {
        channel_free(c);
        return r;
    }
    learn_peer(c);
    *ret = c;
    return 0;
}

struct channel *channel_close(struct channel *c)
{
    if (!c)
        return NULL;
    c->closed = true;
    if (c->busy == 0)
        channel_free(c);
    return NULL;
}

void channel_finish(struct channel *c, unsigned seconds)
{
    c->finishing = true;
    enter(c);
    write_output(c);
    if (!leave(c))
        return;
    choose_events(c);
    if (sd_event_add_time_relative(c->loop, &c->linger, CLOCK_MONOTONIC, seconds * (uint64_t)MICROSECONDS_PER_SECOND,
                                   0, on_linger, c) < 0)
        channel_close(c);
}

int channel_send(struct channel *c, const char *bytes, size_t size)
{
    int r;

    if (c->closed)
        return -EPIPE;
    r = buffer_add(&c->output, bytes, size);
    if (r == 0)
        sd_event_source_set_enabled(c->flush, SD_EVENT_ONESHOT);
    return r;
}

void channel_push(struct channel *c)
{
    if (buffer_size(&c->output) > 0)
        (void)send_output(c);
}

void channel_hold(struct channel *c, bool hold)
{
    c->held = hold;
    if (c->busy == 0)
        choose_events(c);
}

uid_t channel_peer_uid(const struct channel *c)
{
    return c->peer.uid;
}

gid_t channel_peer_gid(const struct channel *c)
{
    return c->peer.gid;
}

bool channel_peer_may(const struct channel *c, const char *group)
{
    return peer_may(c->fd, group);
}

pid_t channel_peer_pid(const struct channel *c)
{
    return c->peer.pid;
}

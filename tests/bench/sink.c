/* A mail server that takes everything and keeps nothing but a count: bench_sink COUNTER [KEEP]
 *
 * Listens on 127.0.0.1, prints its port, and serves until its standard input ends. COUNTER becomes a file that others
 * map (tally.h): how many messages were accepted, and when the last one was. KEEP gets the first message as it came.
 * One thread and few system calls, so that what is measured is who sends. */
#include "tally.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_MOST = 64 * 1024, OUT_MOST = 4096, EVENTS = 64, BACKLOG = 256 };

struct sink {
    int epoll, listener;
    struct tally *tally;
    const char *keep; /* NULL: the first message is there already, or is not wanted */
};

struct client {
    int fd;
    bool content; /* after DATA's 354 */
    char in[IN_MOST], out[OUT_MOST];
    size_t n_in, n_out;
};

static const struct reply {
    const char *verb, *text;
} replies[] = {
    { "MAIL", "250 2.1.0 Ok\r\n" },
    { "RCPT", "250 2.1.5 Ok\r\n" },
    { "DATA", "354 End data with <CR><LF>.<CR><LF>\r\n" },
    { "RSET", "250 2.0.0 Ok\r\n" },
    { "NOOP", "250 2.0.0 Ok\r\n" },
    { "QUIT", "221 2.0.0 Bye\r\n" },
    { "EHLO",
      "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n" },
    { "HELO", "250 sink.example\r\n" },
};

static void say(struct client *c, const char *text)
{
    size_t n = strlen(text);

    if (n > OUT_MOST - c->n_out)
        return; /* a client that sends so much without reading gets a broken conversation */
    memcpy(c->out + c->n_out, text, n);
    c->n_out += n;
}

static bool flush(struct client *c)
{
    ssize_t n = c->n_out ? send(c->fd, c->out, c->n_out, MSG_NOSIGNAL) : 0;
    bool whole = n == (ssize_t)c->n_out;

    c->n_out = 0;
    return whole;
}

static void keep(struct sink *s, const char *message, size_t n)
{
    FILE *file = s->keep ? fopen(s->keep, "we") : NULL;

    if (file) {
        fwrite(message, 1, n, file);
        fclose(file);
    }
    s->keep = NULL;
}

/* How much of the input is a whole message with its end; 0: it goes on. */
static size_t take_content(struct sink *s, struct client *c, const char *begin, size_t n)
{
    static const char end[] = "\r\n.\r\n";
    const char *dot = memmem(begin, n, end, sizeof(end) - 1);

    if (!dot)
        return 0;
    keep(s, begin, (size_t)(dot - begin) + 2);
    c->content = false;
    tally_add(s->tally);
    say(c, "250 2.0.0 Ok\r\n");
    return (size_t)(dot - begin) + sizeof(end) - 1;
}

/* How much of the input is a whole command; 0: it goes on. */
static size_t take_command(struct client *c, const char *begin, size_t n)
{
    const char *line_end = memchr(begin, '\n', n);

    if (!line_end)
        return 0;
    for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++)
        if (n > 4 && strncasecmp(begin, replies[i].verb, 4) == 0) {
            say(c, replies[i].text);
            c->content = strcmp(replies[i].verb, "DATA") == 0;
            return (size_t)(line_end - begin) + 1;
        }
    say(c, "502 5.5.2 No\r\n");
    return (size_t)(line_end - begin) + 1;
}

/* False: the client is gone. A message that is larger than the buffer ends the connection. */
static bool serve(struct sink *s, struct client *c)
{
    ssize_t got = recv(c->fd, c->in + c->n_in, IN_MOST - c->n_in, 0);
    size_t at = 0, n;

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    c->n_in += (size_t)got;
    do {
        n = c->content ? take_content(s, c, c->in + at, c->n_in - at) : take_command(c, c->in + at, c->n_in - at);
        at += n;
    } while (n && at < c->n_in);
    memmove(c->in, c->in + at, c->n_in - at);
    c->n_in -= at;
    return flush(c) && c->n_in < IN_MOST;
}

static void greet(struct sink *s)
{
    int on = 1, fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *c = fd < 0 ? NULL : malloc(sizeof(*c));
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

    if (!c) {
        if (fd >= 0)
            close(fd);
        return;
    }
    c->fd = fd;
    c->content = false;
    c->n_in = c->n_out = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
    say(c, "220 sink.example ESMTP\r\n");
    flush(c);
}

static void part(struct client *c)
{
    close(c->fd);
    free(c);
}

/* The two that are no clients are known by the addresses of their places. */
static void run(struct sink *s)
{
    struct epoll_event events[EVENTS];

    for (;;) {
        int n = epoll_wait(s->epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == s)
                return; /* nobody writes there: it is the end of standard input */
            if (events[i].data.ptr == &s->listener)
                greet(s);
            else if (!serve(s, events[i].data.ptr))
                part(events[i].data.ptr);
        }
    }
}

static void watch(struct sink *s, int fd, void *place)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = place };

    epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* The port, or 0. */
static unsigned open_port(struct sink *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, size) < 0 ||
        listen(s->listener, BACKLOG) < 0 || getsockname(s->listener, (struct sockaddr *)&address, &size) < 0)
        return 0;
    return ntohs(address.sin_port);
}

int main(int argc, char **argv)
{
    struct sink s = { .epoll = epoll_create1(EPOLL_CLOEXEC), .keep = argc > 2 ? argv[2] : NULL };
    unsigned port = open_port(&s);

    s.tally = argc > 1 ? tally_make(argv[1]) : NULL;
    if (s.epoll < 0 || port == 0 || !s.tally) {
        fputs("usage: bench_sink COUNTER [KEEP]\n", stderr);
        return 1;
    }
    watch(&s, STDIN_FILENO, &s);
    watch(&s, s.listener, &s.listener);
    printf("%u\n", port);
    fflush(stdout);
    run(&s);
    return 0;
}

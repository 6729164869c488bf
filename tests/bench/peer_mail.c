/* Mails by libesmtp and nothing else: bench_peer_mail HOST:PORT MESSAGE NUMBER
 *
 * The same message NUMBER times over one connection after the other, 100 a session: the most that a session's memory
 * makes sense of. Prints the seconds from the first connection to the last reply. */
#include "tally.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libesmtp.h>

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/file.h>

enum { SESSION = 100, MESSAGE_MOST = 64 * 1024 };

struct message {
    const char *bytes;
    int size;
    bool given;
};

/* Instead of the C library's: libesmtp leaves Nagle's algorithm on, which stalls each message over 2,048 bytes. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
    union {
        void *found;
        int (*call)(int, __CONST_SOCKADDR_ARG, socklen_t);
    } next = { .found = dlsym(RTLD_NEXT, "connect") };
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return next.call(fd, address, size);
}

/* libesmtp's way of reading: without LENGTH it starts anew, without bytes it is at the end. */
static const char *give(void **context, int *length, void *userdata)
{
    struct message *m = userdata;

    (void)context;
    if (!length || m->given) {
        m->given = false;
        if (length)
            *length = 0;
        errno = 0;
        return NULL;
    }
    m->given = true;
    *length = m->size;
    return m->bytes;
}

static void count_good(smtp_message_t message, void *userdata)
{
    const smtp_status_t *status = smtp_message_transfer_status(message);

    if (status && status->code == 250)
        ++*(unsigned *)userdata;
}

/* How many of N messages went out in one session. */
static unsigned send_session(const char *server, struct message *m, unsigned n)
{
    smtp_session_t session = smtp_create_session();
    unsigned good = 0;

    smtp_set_server(session, server);
    smtp_set_hostname(session, "bench.example");
    for (unsigned i = 0; i < n; i++) {
        smtp_message_t message = smtp_add_message(session);

        smtp_set_reverse_path(message, "pin@example.com");
        smtp_add_recipient(message, "holder@example.com");
        smtp_set_messagecb(message, give, m);
    }
    smtp_start_session(session);
    smtp_enumerate_messages(session, (smtp_enumerate_messagecb_t)count_good, &good);
    smtp_destroy_session(session);
    return good;
}

int main(int argc, char **argv)
{
    struct buffer text = BUFFER(MESSAGE_MOST);
    unsigned number = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    uint64_t start = now_ns();

    signal(SIGPIPE, SIG_IGN);
    if (number == 0 || file_read(argv[2], &text) < 0) {
        fputs("usage: bench_peer_mail HOST:PORT MESSAGE NUMBER\n", stderr);
        return 2;
    }
    struct message m = { .bytes = buffer_bytes(&text), .size = (int)buffer_size(&text) };
    for (unsigned left = number; left > 0;) {
        unsigned n = left < SESSION ? left : SESSION;

        if (send_session(argv[1], &m, n) != n) {
            fputs("bench_peer_mail: the server did not take every mail\n", stderr);
            return 1;
        }
        left -= n;
    }
    printf("%.6f\n", (double)(now_ns() - start) / 1e9);
    buffer_release(&text);
    return 0;
}

/* What a single mail cannot do without: bench_peer_step PORT MESSAGE FILE [pipelined]
 *
 * For each line of standard input: 1 KiB appended to FILE and fdatasync, then one SMTP transaction on a connection
 * that is kept (RFC 5321 section 3.3), each command after the answer to the one before, or all in one write (RFC
 * 2920). Prints the nanoseconds. */
#include "tally.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <pindispatch/buffer.h>
#include <pindispatch/file.h>

enum { RECORD = 1024, REPLY = 4096, MESSAGE_MOST = 64 * 1024 };

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_peer_step: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Reads until LINES replies are there. */
static void expect(int fd, unsigned lines, const char *what)
{
    char text[REPLY];

    while (lines > 0) {
        ssize_t n = recv(fd, text, sizeof(text), 0);

        if (n <= 0 || (text[0] != '2' && text[0] != '3'))
            fail(what);
        for (ssize_t i = 0; i < n; i++)
            lines -= text[i] == '\n' && lines > 0;
    }
}

static void tell(int fd, const char *bytes, size_t size)
{
    if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
        fail("send");
}

static int connect_port(unsigned port)
{
    static const char hello[] = "EHLO bench.example\r\n";
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    expect(fd, 1, "greeting");
    tell(fd, hello, sizeof(hello) - 1);
    expect(fd, 5, "EHLO"); /* as many as bench_sink has */
    return fd;
}

static void keep(int file)
{
    static const char record[RECORD];

    if (write(file, record, RECORD) != RECORD || fdatasync(file) < 0)
        fail("fdatasync");
}

#define MAIL "MAIL FROM:<pin@example.com>\r\n"
#define RCPT "RCPT TO:<holder@example.com>\r\n"
#define DATA "DATA\r\n"

static void ask(int fd, const char *commands, unsigned answers)
{
    tell(fd, commands, strlen(commands));
    expect(fd, answers, "envelope");
}

static void send_mail(int fd, const struct buffer *message, bool pipelined)
{
    if (pipelined) {
        ask(fd, MAIL RCPT DATA, 3);
    } else {
        ask(fd, MAIL, 1);
        ask(fd, RCPT, 1);
        ask(fd, DATA, 1);
    }
    tell(fd, buffer_bytes(message), buffer_size(message));
    expect(fd, 1, "message");
}

int main(int argc, char **argv)
{
    struct buffer message = BUFFER(MESSAGE_MOST);
    bool pipelined = argc == 5 && strcmp(argv[4], "pipelined") == 0;
    int file = argc == 4 || pipelined ? open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    int fd;

    if (file < 0 || file_read(argv[2], &message) < 0 || buffer_add(&message, ".\r\n", 3) < 0) {
        fputs("usage: bench_peer_step PORT MESSAGE FILE [pipelined]\n", stderr);
        return 2;
    }
    fd = connect_port((unsigned)strtoul(argv[1], NULL, 10));
    setlinebuf(stdout);
    while (getchar() != EOF) {
        uint64_t start = now_ns();

        keep(file);
        send_mail(fd, &message, pipelined);
        printf("%llu\n", (unsigned long long)(now_ns() - start));
    }
    close(fd);
    close(file);
    buffer_release(&message);
    return 0;
}

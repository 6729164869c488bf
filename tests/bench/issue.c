/* An issuer with one event at a time: bench_issue SOCKET
 *
 * Hands each line of standard input in at the submit socket and waits for its answer, as a client that is written in
 * C does. Prints the time of CLOCK_MONOTONIC (nanoseconds) at which it began to. */
#include "tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <pindispatch/file.h>

enum { LINE_MOST = 64 * 1024 };

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_issue: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_answer(int fd)
{
    char answer[LINE_MOST];
    size_t size = 0;
    ssize_t n;

    do {
        n = recv(fd, answer + size, sizeof(answer) - 1 - size, 0);
        if (n <= 0)
            fail("the answer");
        size += (size_t)n;
    } while (answer[size - 1] != '\n');
    answer[size] = '\0';
    if (!strstr(answer, "\"accepted\"")) {
        fprintf(stderr, "bench_issue: an event was not accepted: %s", answer);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static char line[LINE_MOST];
    int fd;

    if (argc != 2) {
        fputs("usage: bench_issue SOCKET\n", stderr);
        return 2;
    }
    fd = socket_connect(argv[1]);
    if (fd < 0) {
        errno = -fd;
        fail(argv[1]);
    }
    setlinebuf(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        size_t size = strlen(line);
        uint64_t start = now_ns();

        if (send(fd, line, size, MSG_NOSIGNAL) != (ssize_t)size)
            fail("send");
        read_answer(fd);
        printf("%llu\n", (unsigned long long)start);
    }
    close(fd);
    return 0;
}

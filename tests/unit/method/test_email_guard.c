/* The guard: connect() and poll() of this very program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <email_guard.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>

/* A guarded connection to a listener of our own. */
struct line {
    struct email_guard guard;
    int listener, client, server;
};

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void make_line(struct line *l)
{
    struct sockaddr_in address = loopback();
    socklen_t size = sizeof(address);

    *l = (struct line){ .guard = { .loopback_only = true } };
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(l->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(l->listener, 1), 0);
    assert_int_equal(getsockname(l->listener, (struct sockaddr *)&address, &size), 0);
    l->client = socket(AF_INET, SOCK_STREAM, 0);
    email_guard_enter(&l->guard);
    email_guard_give(&l->guard, 5 * MICROSECONDS_PER_SECOND);
    assert_int_equal(connect(l->client, (struct sockaddr *)&address, size), 0);
    l->server = accept(l->listener, NULL, NULL);
}

static void end_line(struct line *l)
{
    email_guard_leave(&l->guard);
    close(l->client);
    close(l->server);
    close(l->listener);
}

static void test_in_force(void **state)
{
    (void)state;
    assert_int_equal(email_guard_check(), 0);
}

static void test_connection(void **state)
{
    struct line l;
    int on = 0;
    socklen_t size = sizeof(on);

    (void)state;
    make_line(&l);
    assert_true(fcntl(l.client, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(getsockopt(l.client, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_true(on);
    assert_true(email_guard_stands(&l.guard));
    close(l.server);
    l.server = -1;
    assert_false(email_guard_stands(&l.guard));
    end_line(&l);
}

static void test_only_loopback(void **state)
{
    struct email_guard g = { .loopback_only = true };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(25) };
    struct sockaddr_in6 address6 = { .sin6_family = AF_INET6, .sin6_port = htons(25) };
    CLEANUP(fd_cleanup) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
    inet_pton(AF_INET6, "2001:db8::1", &address6.sin6_addr);
    email_guard_enter(&g);
    email_guard_give(&g, MICROSECONDS_PER_SECOND);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(connect(fd, (struct sockaddr *)&address6, sizeof(address6)), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(g.error, EACCES);
    email_guard_leave(&g);
}

/* The library would wait for ever: the guard's time is what counts, and then the connection is gone. */
static void test_time_is_up(void **state)
{
    struct line l;
    struct pollfd p = { .events = POLLIN };
    int64_t begun = clock_monotonic();
    char byte;

    (void)state;
    make_line(&l);
    p.fd = l.client;
    email_guard_give(&l.guard, MICROSECONDS_PER_SECOND / 10);
    assert_int_equal(poll(&p, 1, -1), 0);
    assert_in_range(clock_monotonic() - begun, MICROSECONDS_PER_SECOND / 10, 4 * MICROSECONDS_PER_SECOND);
    assert_int_equal(l.guard.cut, GUARD_TIMEOUT);
    assert_int_equal(write(l.client, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(read(l.client, &byte, 1), 0);
    assert_int_equal(read(l.server, &byte, 1), 0);
    end_line(&l);
}

/* What had come before the cut cannot be read after it. */
static void test_cut_is_final(void **state)
{
    struct line l;
    struct pollfd p = { .events = POLLIN };
    char bytes[8];

    (void)state;
    make_line(&l);
    p.fd = l.client;
    assert_int_equal(write(l.server, "250 ok\r\n", 8), 8);
    assert_int_equal(poll(&p, 1, 5000), 1);
    email_guard_cut(&l.guard, GUARD_BREACH);
    email_guard_cut(&l.guard, GUARD_TIMEOUT);
    assert_int_equal(l.guard.cut, GUARD_BREACH);
    assert_int_equal(read(l.client, bytes, sizeof(bytes)), 0);
    assert_false(email_guard_stands(&l.guard));
    end_line(&l);
}

/* Other waits and other sockets are not the guard's. */
/* libesmtp would leave the chunk out and write the next one: nothing may follow a write that failed. */
static void test_a_failed_write_ends_it(void **state)
{
    static const struct linger at_once = { .l_onoff = 1 };
    struct line l;
    struct pollfd p = { .events = POLLIN };

    (void)state;
    make_line(&l);
    p.fd = l.client;
    assert_int_equal(setsockopt(l.server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(l.server);
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(write(l.client, "DATA\r\n", 6), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(l.guard.cut, GUARD_BROKEN);
    assert_int_equal(write(l.client, "DATA\r\n", 6), -1);
    l.server = -1;
    end_line(&l);
}

static void test_others_are_left_alone(void **state)
{
    struct line l;
    int pipes[2];

    (void)state;
    make_line(&l);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    email_guard_give(&l.guard, 0);
    assert_int_equal(poll(&(struct pollfd){ .fd = pipes[0], .events = POLLIN }, 1, 20), 0);
    assert_int_equal(poll(&(struct pollfd){ .fd = l.client, .events = POLLIN }, 1, 0), 0);
    assert_int_equal(l.guard.cut, GUARD_UNCUT);
    email_guard_leave(&l.guard);
    assert_int_equal(poll(&(struct pollfd){ .fd = l.client, .events = POLLIN }, 1, 20), 0);
    assert_int_equal(l.guard.cut, GUARD_UNCUT);
    close(pipes[0]);
    close(pipes[1]);
    end_line(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_force),
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_only_loopback),
        cmocka_unit_test(test_time_is_up),
        cmocka_unit_test(test_a_failed_write_ends_it),
        cmocka_unit_test(test_cut_is_final),
        cmocka_unit_test(test_others_are_left_alone),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

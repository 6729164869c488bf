/* The fortified poll() is an inline function; this file defines the plain one. */
#undef _FORTIFY_SOURCE

#include "email_guard.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>

enum { CONNECT_MOST_MS = 30 * 1000 }; /* one address; the next one gets its turn then */

/* connect() and poll() have no argument that could carry it: the one file-scope variable that has to be. */
static struct email_guard *entered;

static ssize_t system_write(int fd, const void *bytes, size_t size)
{
    return syscall(SYS_write, fd, bytes, size);
}

void email_guard_enter(struct email_guard *g)
{
    /* The C library's, or one that was loaded before it. */
    union {
        void *found;
        ssize_t (*call)(int, const void *, size_t);
    } next = { .found = dlsym(RTLD_NEXT, "write") };

    g->fd = -1;
    g->more = false;
    g->error = 0;
    g->cut = GUARD_UNCUT;
    g->write = next.found ? next.call : system_write;
    entered = g;
}

void email_guard_leave(struct email_guard *g)
{
    g->fd = -1;
    entered = NULL;
}

void email_guard_give(struct email_guard *g, int64_t microseconds)
{
    g->until = clock_monotonic() + microseconds;
}

/* Puts a socket without a peer in the connection's place: it reads as ended and cannot be written. Shutting down
 * is not enough, what had come before can still be read then, and more comes. */
static void put_dead_end(int fd)
{
    int pair[2];

    shutdown(fd, SHUT_RDWR);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return;
    close(pair[1]);
    dup3(pair[0], fd, O_CLOEXEC);
    close(pair[0]);
}

void email_guard_cut(struct email_guard *g, enum guard_cut why)
{
    if (g->cut != GUARD_UNCUT)
        return;
    g->cut = why;
    if (g->fd >= 0)
        put_dead_end(g->fd);
}

void email_guard_forget(struct email_guard *g)
{
    g->fd = -1;
}

/* Milliseconds that a wait of WANTED (-1: for ever) may take. */
static int allowed(const struct email_guard *g, int wanted)
{
    int64_t left = (g->until - clock_monotonic() + 999) / MICROSECONDS_PER_MILLISECOND;

    if (left < 0)
        left = 0;
    if (wanted < 0 || wanted > left)
        return left > INT_MAX ? INT_MAX : (int)left;
    return wanted;
}

static int system_poll(struct pollfd *fds, nfds_t n, int milliseconds)
{
    struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

    return ppoll(fds, n, milliseconds < 0 ? NULL : &t, NULL);
}

static int system_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return (int)syscall(SYS_connect, fd, address, size);
}

bool email_guard_stands(const struct email_guard *g)
{
    struct pollfd p = { .fd = g->fd, .events = POLLRDHUP };

    return g->fd >= 0 && g->cut == GUARD_UNCUT && system_poll(&p, 1, 0) == 0;
}

static bool watches(struct pollfd *fds, nfds_t n, int fd)
{
    for (nfds_t i = 0; fd >= 0 && i < n; i++)
        if (fds[i].fd == fd)
            return true;
    return false;
}

/* Instead of the C library's. A wait on the guarded connection that ends with nothing ends the connection. */
int poll(struct pollfd *fds, nfds_t n, int milliseconds)
{
    struct email_guard *g = entered;
    int r;

    if (!g || milliseconds == 0 || !watches(fds, n, g->fd))
        return system_poll(fds, n, milliseconds);
    r = system_poll(fds, n, allowed(g, milliseconds));
    if (r == 0)
        email_guard_cut(g, GUARD_TIMEOUT);
    return r;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;

        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static bool is_internet(const struct sockaddr *address)
{
    return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

/* Waits for a connect() under way. 0 or an errno. */
static int wait_connected(const struct email_guard *g, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t size = sizeof(error);
    int r;

    while ((r = system_poll(&p, 1, allowed(g, CONNECT_MOST_MS))) < 0)
        if (errno != EINTR)
            return errno;
    if (r == 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

/* 0 or an errno. */
static int guarded_connect(const struct email_guard *g, int fd, const struct sockaddr *address, socklen_t size)
{
    static const int on = 1;

    if (g->loopback_only && !is_loopback(address))
        return EACCES;
    /* The library leaves the socket without these: a child would inherit it, and Nagle's algorithm holds the
     * last packet of every message back until the peer's delayed acknowledgement. It goes non-blocking next
     * anyway. */
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (system_connect(fd, address, size) == 0)
        return 0;
    return errno == EINPROGRESS ? wait_connected(g, fd) : errno;
}

/* Instead of the C library's. */
int connect(int fd, __CONST_SOCKADDR_ARG argument, socklen_t size)
{
    const struct sockaddr *address = argument.__sockaddr__; /* as glibc declares it under _GNU_SOURCE */
    struct email_guard *g = entered;

    if (!g || !is_internet(address))
        return system_connect(fd, address, size);
    g->fd = -1;
    g->error = guarded_connect(g, fd, address, size);
    if (g->error) {
        errno = g->error;
        return -1;
    }
    g->fd = fd;
    return 0;
}

/* Instead of the C library's. A chunk that could not be written must not be followed by the next one. libesmtp's are
 * of 2,048 bytes: each would be a packet, and wake the server. */
ssize_t write(int fd, const void *bytes, size_t size)
{
    struct email_guard *g = entered;
    ssize_t n;
    int error;

    if (!g || fd != g->fd)
        return system_write(fd, bytes, size);
    n = g->more ? send(fd, bytes, size, MSG_MORE | MSG_NOSIGNAL) : g->write(fd, bytes, size);
    error = errno;
    if (n < 0 && error != EAGAIN && error != EINTR)
        email_guard_cut(g, GUARD_BROKEN);
    errno = error;
    return n;
}

/* Would a shared library's call reach OURS? */
static bool is_reached(const char *name, uintptr_t ours)
{
    return (uintptr_t)dlsym(RTLD_DEFAULT, name) == ours;
}

int email_guard_check(void)
{
    int (*const ours_connect)(int, __CONST_SOCKADDR_ARG, socklen_t) = connect;
    int (*const ours_poll)(struct pollfd *, nfds_t, int) = poll;
    ssize_t (*const ours_write)(int, const void *, size_t) = write;

    return is_reached("connect", (uintptr_t)ours_connect) && is_reached("poll", (uintptr_t)ours_poll) &&
                   is_reached("write", (uintptr_t)ours_write)
               ? 0
               : -ENOSYS;
}

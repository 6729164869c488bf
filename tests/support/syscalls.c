/* A library for LD_PRELOAD: system calls of a program fail, or do less than asked for, again and again.
 *
 *   PINDISPATCH_SYSCALLS=RULE[,RULE…]   RULE is PROGRAM:CALL:PLACE:FAULT:EVERY[:COUNT]
 *
 * PROGRAM: the program's name. CALL: read, write, connect or sync, each with its kin. PLACE: store (its files' names
 * begin with the database's), socket, or any. FAULT: an errno's name, or "short": half of what was asked for.
 * EVERY: each EVERY-th such call; COUNT: at most so often in a process. */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RULES = 8, SHORT = -1 };

static struct rule {
    char call[16], place[16];
    int fault; /* an errno, or SHORT */
    unsigned every, count, seen;
} rules[RULES];
static unsigned n_rules;

static int fault_number(const char *name)
{
    for (int e = 1; e < 134; e++)
        if (strerrorname_np(e) && strcmp(strerrorname_np(e), name) == 0)
            return e;
    return SHORT;
}

static void add_rule(const char *text)
{
    char program[32], fault[16];
    struct rule r = { .count = ~0U };

    if (sscanf(text, "%31[^:]:%15[^:]:%15[^:]:%15[^:]:%u:%u", program, r.call, r.place, fault, &r.every, &r.count) <
        5)
        return;
    r.fault = fault_number(fault);
    if (n_rules < RULES && r.every > 0 && strcmp(program, program_invocation_short_name) == 0)
        rules[n_rules++] = r;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("PINDISPATCH_SYSCALLS");
    char *copy = text ? strdup(text) : NULL, *rest = NULL;

    for (char *rule = copy ? strtok_r(copy, ",", &rest) : NULL; rule; rule = strtok_r(NULL, ",", &rest))
        add_rule(rule);
    free(copy);
}

static bool is_at(const char *place, int fd)
{
    char link[32], path[4096];
    struct stat st;
    ssize_t n;

    if (strcmp(place, "any") == 0)
        return true;
    if (strcmp(place, "socket") == 0)
        return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n < 0 ? 0 : n] = '\0';
    return strstr(path, "store.db") != NULL;
}

/* 0: goes as asked; SHORT; else an errno, which is set. */
static int fault_of(const char *call, int fd)
{
    int before = errno;

    for (unsigned i = 0; i < n_rules; i++) {
        struct rule *r = &rules[i];

        if (strcmp(r->call, call) != 0 || !is_at(r->place, fd) || ++r->seen % r->every != 0 || r->count == 0)
            continue;
        r->count--;
        errno = r->fault == SHORT ? before : r->fault;
        return r->fault;
    }
    errno = before;
    return 0;
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* SIZE of bytes may be cut. */
#define MEDDLE(call, fd, size)                                                                                       \
    do {                                                                                                             \
        int fault = fault_of(call, fd);                                                                              \
        if (fault > 0)                                                                                               \
            return -1;                                                                                               \
        if (fault == SHORT && (size) > 1)                                                                            \
            (size) /= 2;                                                                                             \
    } while (0)

ssize_t read(int fd, void *bytes, size_t size)
{
    MEDDLE("read", fd, size);
    return REAL(read)(fd, bytes, size);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    MEDDLE("read", fd, size);
    return REAL(recv)(fd, bytes, size, flags);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    MEDDLE("write", fd, size);
    return REAL(write)(fd, bytes, size);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    MEDDLE("write", fd, size);
    return REAL(send)(fd, bytes, size, flags);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    MEDDLE("write", fd, size);
    return REAL(pwrite)(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    MEDDLE("write", fd, size);
    return REAL(pwrite64)(fd, bytes, size, at);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t at)
{
    MEDDLE("read", fd, size);
    return REAL(pread64)(fd, bytes, size, at);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return fault_of("connect", fd) > 0 ? -1 : REAL(connect)(fd, address, size);
}

int fdatasync(int fd)
{
    return fault_of("sync", fd) > 0 ? -1 : REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    return fault_of("sync", fd) > 0 ? -1 : REAL(fsync)(fd);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int milliseconds)
{
    return fault_of("wait", fd) > 0 ? -1 : REAL(epoll_wait)(fd, events, most, milliseconds);
}

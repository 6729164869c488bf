/* A count that one process keeps and others read without asking: a file of 16 bytes that both map. */
#ifndef TESTS_BENCH_TALLY_H
#define TESTS_BENCH_TALLY_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct tally {
    uint64_t n;    /* written after `last` */
    uint64_t last; /* nanoseconds of CLOCK_MONOTONIC when the newest came */
};

static inline uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* NULL: errno says why. It stays mapped until the process ends. */
static inline struct tally *tally_make(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *p = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, sizeof(struct tally)) == 0)
        p = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static inline void tally_add(struct tally *t)
{
    __atomic_store_n(&t->last, now_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&t->n, t->n + 1, __ATOMIC_RELEASE);
}

#endif

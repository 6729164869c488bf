/* A library for LD_PRELOAD: system calls on the store fail and the clock goes wrong, as a shared file says while the
 * program runs. faults.py writes that file ($PINDISPATCH_FAULTS), whose form is struct faults. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct fault {
    int32_t error; /* an errno; 0: none */
    int32_t times; /* how often it is still to come; negative: always */
};

struct faults {
    struct fault write, sync;
    int64_t clock; /* seconds that the wall clock is ahead */
    int64_t hits;  /* how many calls failed */
};

static struct faults *map_faults(void)
{
    const char *path = getenv("PINDISPATCH_FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static struct faults *faults;

__attribute__((constructor)) static void begin(void)
{
    faults = map_faults();
}

/* Only what belongs to the store: its files' names begin with the database's. */
static bool is_store(int fd)
{
    char link[32], path[4096];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return strstr(path, "store.db") != NULL;
}

static bool fails(struct fault *f, int fd)
{
    if (!faults || f->error == 0 || f->times == 0 || !is_store(fd))
        return false;
    if (f->times > 0)
        f->times--;
    faults->hits++;
    errno = f->error;
    return true;
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t size)
{
    return fails(&faults->write, fd) ? -1 : REAL(write)(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return fails(&faults->write, fd) ? -1 : REAL(pwrite)(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    return fails(&faults->write, fd) ? -1 : REAL(pwrite64)(fd, bytes, size, at);
}

int ftruncate(int fd, off_t size)
{
    return fails(&faults->write, fd) ? -1 : REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return fails(&faults->write, fd) ? -1 : REAL(ftruncate64)(fd, size);
}

int fdatasync(int fd)
{
    return fails(&faults->sync, fd) ? -1 : REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    return fails(&faults->sync, fd) ? -1 : REAL(fsync)(fd);
}

/* A file system that lets nothing be written for this reason says so when it is asked. */
int statvfs(const char *path, struct statvfs *s)
{
    int r = REAL(statvfs)(path, s);

    if (r == 0 && faults && faults->write.error == EROFS)
        s->f_flag |= ST_RDONLY;
    return r;
}

int clock_gettime(clockid_t which, struct timespec *t)
{
    int r = REAL(clock_gettime)(which, t);

    if (r == 0 && faults && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        t->tv_sec += faults->clock;
    return r;
}

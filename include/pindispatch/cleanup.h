/* Scope-bound ownership: an owning local says how it ends where it begins. */
#ifndef PINDISPATCH_CLEANUP_H
#define PINDISPATCH_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(f) __attribute__((cleanup(f)))

/* Moves the value out of an owning local: the local ends up empty. */
#define TAKE(p)                                                                                                      \
    __extension__({                                                                                                  \
        __auto_type taken_ = (p);                                                                                    \
        (p) = 0;                                                                                                     \
        taken_;                                                                                                      \
    })

/* Defines NAME_cleanup(T **) for a T * that is freed by FREE (which takes NULL). */
#define DEFINE_CLEANUP(T, NAME, FREE)                                                                                \
    static inline void NAME##_cleanup(T **p)                                                                         \
    {                                                                                                                \
        FREE(*p);                                                                                                    \
    }

static inline void free_cleanup(void *p)
{
    free(*(void **)p);
}

/* An owning file descriptor is -1 when empty; take it with fd_take(). */
static inline int fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
    return -1;
}
static inline void fd_cleanup(int *fd)
{
    *fd = fd_close(*fd);
}
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
DEFINE_CLEANUP(FILE, file_close, if (*p) fclose)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif

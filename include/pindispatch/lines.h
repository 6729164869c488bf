/* Lines over a blocking stream, for programs that do one thing at a time (worker, ctl). */
#ifndef PINDISPATCH_LINES_H
#define PINDISPATCH_LINES_H

#include <pindispatch/buffer.h>

#include <stdbool.h>

struct lines {
    int fd;              /* borrowed */
    struct buffer input; /* most = the longest line */
    size_t taken;        /* bytes of the line handed out last; dropped and wiped by the next call */
};

/* The next line without its newline, NUL-terminated; it is valid until the next call.
 * Returns 1 with a line, 0 at end of file, -EAGAIN when WAIT is false and no whole line is there,
 * -ENOBUFS for a line that is too long, -errno. A last line without newline counts as a line. */
int lines_next(struct lines *l, bool wait, char **ret_line, size_t *ret_size);
/* Writes all, going on after EINTR and short writes; no SIGPIPE. 0 or -errno. */
int lines_write(int fd, const char *bytes, size_t size);

#endif

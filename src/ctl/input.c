#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/buffer.h>
#include <pindispatch/file.h>

/* Not through /dev/stdin: a pipe or file that another user opened, or a socket, cannot be opened again. */
static int read_standard_input(struct buffer *b)
{
    for (;;) {
        size_t room = b->most - buffer_size(b);
        char probe;
        ssize_t n;
        int r = buffer_reserve(b, room);

        if (r < 0)
            return r;
        n = room > 0 ? read(STDIN_FILENO, b->data + b->end, room) : read(STDIN_FILENO, &probe, 1);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0 && room == 0)
            return -ENOBUFS;
        b->end += n > 0 ? (size_t)n : 0;
    }
}

int ctl_read(const char *name, struct buffer *b)
{
    int r = strcmp(name, "-") == 0 ? read_standard_input(b) : file_read(name, b);

    return r < 0 ? r : buffer_terminate(b);
}

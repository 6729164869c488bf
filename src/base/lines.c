#include <pindispatch/lines.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { PIECE = 16 * 1024 };

/* 1 with a line in the buffer, 0 when there is none yet. */
static int take_line(struct lines *l, char **ret_line, size_t *ret_size)
{
    char *newline = buffer_size(&l->input) ? memchr(buffer_bytes(&l->input), '\n', buffer_size(&l->input)) : NULL;

    if (!newline)
        return 0;
    *newline = '\0';
    *ret_line = buffer_bytes(&l->input);
    *ret_size = (size_t)(newline - *ret_line);
    l->taken = *ret_size + 1;
    return 1;
}

/* The last line of a file may lack its newline. */
static int take_rest(struct lines *l, char **ret_line, size_t *ret_size)
{
    int r;

    if (buffer_size(&l->input) == 0)
        return 0;
    r = buffer_terminate(&l->input);
    if (r < 0)
        return r;
    *ret_line = buffer_bytes(&l->input);
    *ret_size = l->taken = buffer_size(&l->input);
    return 1;
}

static int is_readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n = poll(&p, 1, 0);

    if (n < 0 && errno != EINTR)
        return -errno;
    return n > 0 ? 1 : -EAGAIN;
}

/* 1: bytes came; 0: end of file. */
static int read_more(struct lines *l)
{
    size_t room = l->input.most - buffer_size(&l->input);
    ssize_t n;
    int r;

    if (room == 0)
        return -ENOBUFS;
    r = buffer_reserve(&l->input, room < PIECE ? room : PIECE);
    if (r < 0)
        return r;
    do {
        n = read(l->fd, l->input.data + l->input.end, room < PIECE ? room : PIECE);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    l->input.end += (size_t)n;
    return n > 0;
}

int lines_next(struct lines *l, bool wait, char **ret_line, size_t *ret_size)
{
    int r;

    buffer_drop(&l->input, l->taken);
    l->taken = 0;
    while ((r = take_line(l, ret_line, ret_size)) == 0) {
        if (!wait && (r = is_readable(l->fd)) < 0)
            return r;
        r = read_more(l);
        if (r == 0)
            return take_rest(l, ret_line, ret_size);
        if (r < 0)
            return r;
    }
    return r;
}

static ssize_t send_piece(int fd, const char *bytes, size_t size)
{
    ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

    if (n < 0 && errno == ENOTSOCK)
        n = write(fd, bytes, size);
    return n;
}

int lines_write(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = send_piece(fd, bytes, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pindispatch/cleanup.h>

enum {
    PIECE = 64 * 1024,
    OUTPUT_ENOUGH = 256 * 1024,
};

/* For the bar: known only when all files are regular ones. */
static uint64_t measure(char *const *files, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        struct stat st;

        if (strcmp(files[i], "-") == 0 || stat(files[i], &st) < 0 || !S_ISREG(st.st_mode))
            return 0;
        sum += (uint64_t)st.st_size;
    }
    return sum;
}

void feed_begin(struct feed *f, char *const *files, size_t n)
{
    static char input_name[] = "-";
    static char *const input[] = { input_name };

    memset(f, 0, sizeof(*f));
    f->files = n > 0 ? files : input;
    f->n_files = n > 0 ? n : 1;
    f->fd = -1;
    f->bytes_all = measure(f->files, f->n_files);
    f->input = BUFFER(PIECE);
    f->output = BUFFER(OUTPUT_ENOUGH + 2 * PIECE);
}

void feed_end(struct feed *f)
{
    f->fd = fd_close(f->fd);
    buffer_release(&f->input);
    buffer_release(&f->output);
}

static int open_next(struct feed *f)
{
    f->file = f->files[f->next_file++];
    f->line = 1;
    f->within = false;
    f->fd = strcmp(f->file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                      : open(f->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (strcmp(f->file, "-") == 0)
        f->file = "standard input";
    return f->fd < 0 ? -errno : 0;
}

int feed_wants_input(struct feed *f)
{
    int r;

    if (f->at_end || buffer_size(&f->input) > 0 || buffer_size(&f->output) >= OUTPUT_ENOUGH)
        return 0;
    if (f->fd >= 0)
        return 1;
    if (f->next_file == f->n_files) {
        f->at_end = true;
        return 0;
    }
    r = open_next(f);
    return r < 0 ? r : 1;
}

static void remember(struct feed *f)
{
    f->window[(f->first + f->waiting) % FEED_WINDOW] = (struct feed_origin){ f->file, f->line };
    f->waiting++;
}

bool feed_answered(struct feed *f, struct feed_origin *ret)
{
    if (f->waiting == 0)
        return false;
    *ret = f->window[f->first];
    f->first = (f->first + 1) % FEED_WINDOW;
    f->waiting--;
    return true;
}

/* Blank lines get no answer and are left out here. */
static size_t skip_blanks(struct feed *f, const char *bytes, size_t size)
{
    size_t n = 0;

    while (n < size && strchr(" \t\r\n", bytes[n]) && bytes[n] != '\0')
        f->line += bytes[n++] == '\n';
    return n;
}

/* Moves one line, or the part of it that is there. Takes how many bytes of input; or negative. */
static int move_line(struct feed *f, const char *bytes, size_t size)
{
    const char *newline = memchr(bytes, '\n', size);
    size_t n = newline ? (size_t)(newline - bytes) + 1 : size;
    int r = buffer_add(&f->output, bytes, n);

    if (r < 0)
        return r;
    if (!f->within)
        remember(f);
    f->within = newline == NULL;
    f->line += newline != NULL;
    return (int)n;
}

int feed_move(struct feed *f)
{
    while (buffer_size(&f->input) > 0) {
        const char *bytes = buffer_bytes(&f->input);
        size_t size = buffer_size(&f->input);
        size_t blanks = f->within ? 0 : skip_blanks(f, bytes, size);
        int n = 0;

        if (blanks < size && (f->within || f->waiting < FEED_WINDOW) && buffer_size(&f->output) < OUTPUT_ENOUGH)
            n = move_line(f, bytes + blanks, size - blanks);
        if (n < 0)
            return n;
        buffer_drop(&f->input, blanks + (size_t)n);
        if (n == 0)
            return 0;
    }
    return 0;
}

/* The end of one file ends its last line too. */
static int end_file(struct feed *f)
{
    int r = f->within ? buffer_add(&f->output, "\n", 1) : 0;

    f->within = false;
    f->fd = fd_close(f->fd);
    return r;
}

int feed_read(struct feed *f)
{
    ssize_t n;
    int r = buffer_reserve(&f->input, PIECE);

    if (r < 0)
        return r;
    n = read(f->fd, f->input.data + f->input.end, PIECE);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (n == 0)
        return end_file(f);
    f->input.end += (size_t)n;
    f->bytes += (uint64_t)n;
    return feed_move(f);
}

bool feed_is_done(const struct feed *f)
{
    return f->at_end && buffer_size(&f->input) == 0;
}

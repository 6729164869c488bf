#include "anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>
#include <pindispatch/lines.h>

enum { LINE_MOST = 1024, TAIL = 4096 };

void anchors_release(struct anchors *a)
{
    free(a->items);
    *a = (struct anchors){ 0 };
}

int anchors_add(struct anchors *a, const struct anchor *one)
{
    if (a->n == a->room) {
        size_t room = a->room ? 2 * a->room : 64;
        struct anchor *items = reallocarray(a->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        a->items = items;
        a->room = room;
    }
    a->items[a->n++] = *one;
    return 0;
}

json_t *anchor_to_json(const struct anchor *a)
{
    return json_pack("{s:I, s:I, s:s, s:I, s:s, s:s}", "number", (json_int_t)a->number, "seq", (json_int_t)a->seq,
                     "hash", a->hash, "time", (json_int_t)a->time, "key", a->key, "signature", a->signature);
}

static bool take_text(const json_t *j, const char *name, char *to, size_t size)
{
    const char *text = json_text(j, name);

    return text && strlen(text) < size && snprintf(to, size, "%s", text) >= 0;
}

int anchor_from_json(const json_t *j, struct anchor *ret)
{
    struct anchor a = { .number = (uint64_t)json_number(j, "number", 0),
                        .seq = (uint64_t)json_number(j, "seq", 0),
                        .time = json_number(j, "time", 0) };

    if (a.number == 0 || a.seq == 0 || !take_text(j, "hash", a.hash, sizeof(a.hash)) ||
        !take_text(j, "key", a.key, sizeof(a.key)) || !take_text(j, "signature", a.signature, sizeof(a.signature)))
        return -EINVAL;
    *ret = a;
    return 0;
}

char *anchor_path(const char *store_path)
{
    char *path = NULL;

    return asprintf(&path, "%s.anchors", store_path) < 0 ? NULL : path;
}

static int take_line(struct anchors *a, const char *line, size_t size)
{
    CLEANUP(json_cleanup) json_t *j = json_parse_line(line, size);
    struct anchor one;

    return anchor_from_json(j, &one) < 0 ? -EUCLEAN : anchors_add(a, &one);
}

static bool ends_with_line(int fd)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);

    return size <= 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

static int take_lines(struct anchors *a, struct lines *lines, unsigned *ret_line)
{
    size_t size;
    char *line;
    int r;

    while ((r = lines_next(lines, true, &line, &size)) > 0) {
        *ret_line += 1;
        r = take_line(a, line, size);
        if (r < 0)
            return r;
    }
    return r;
}

/* Was the line that is no anchor the last one, without an end? */
static int judge_bad(struct lines *lines)
{
    size_t size;
    char *line;
    int r = lines_next(lines, true, &line, &size);

    if (r < 0 && r != -ENOBUFS)
        return r;
    return r == 0 && !ends_with_line(lines->fd) ? 0 : -EUCLEAN;
}

int anchors_read(struct anchors *a, const char *path, unsigned *ret_line)
{
    CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct lines lines = { .fd = fd, .input = BUFFER(LINE_MOST) };
    size_t before = a->n;
    int r;

    *ret_line = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    r = take_lines(a, &lines, ret_line);
    if (r == -EUCLEAN)
        r = judge_bad(&lines);
    else if (r == 0 && a->n > before && !ends_with_line(fd))
        a->n--; /* all but its end: anchors_append() cuts it off */
    buffer_release(&lines.input);
    return r == -ENOBUFS ? -EUCLEAN : r;
}

static int take_anchor(void *userdata, const struct anchor *a)
{
    return anchors_add(userdata, a);
}

int anchors_recall(struct anchors *a, struct store *s)
{
    return store_anchors(s, take_anchor, a);
}

/* What a crash left of a line that was being written. */
static int cut_rest(int fd, off_t *ret_size)
{
    char tail[TAIL];
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > TAIL ? size - TAIL : 0;
    ssize_t n = size < 0 ? -1 : pread(fd, tail, (size_t)(size - from), from);
    const char *end = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;

    if (n < 0)
        return -errno;
    *ret_size = end ? from + (end - tail) + 1 : from;
    return *ret_size == size || ftruncate(fd, *ret_size) == 0 ? 0 : -errno;
}

static int sync_folder(const char *path)
{
    CLEANUP(free_cleanup) char *folder = path_folder(path);
    CLEANUP(fd_cleanup) int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int anchors_append(const char *path, const struct anchor *one)
{
    CLEANUP(fd_cleanup) int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    CLEANUP(json_cleanup) json_t *j = anchor_to_json(one);
    struct buffer line = BUFFER(LINE_MOST);
    off_t size = 0;
    int r = fd < 0 ? -errno : json_add_line(&line, j);

    if (r == 0)
        r = cut_rest(fd, &size);
    if (r == 0 && lseek(fd, size, SEEK_SET) < 0)
        r = -errno;
    if (r == 0)
        r = lines_write(fd, buffer_bytes(&line), buffer_size(&line));
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r == 0 && size == 0)
        r = sync_folder(path);
    if (r < 0 && fd >= 0)
        (void)!ftruncate(fd, size);
    buffer_release(&line);
    return r;
}

#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <pindispatch/lines.h>

#define FOLDER "rejected"

enum { COPIES_MOST = 1000 };

/* Not yet published files start with a dot. */
static const char lines_draft[] = ".lines", reasons_draft[] = ".reasons";

static int open_folder(int parent)
{
    int fd;

    if (mkdirat(parent, FOLDER, 0700) < 0 && errno != EEXIST)
        return -errno;
    fd = openat(parent, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_draft(int dir, const char *name)
{
    int fd;

    /* What an earlier run left is of no use: its file was read again. */
    (void)unlinkat(dir, name, 0);
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : fd;
}

static int begin(struct aside *a, int parent)
{
    a->dir = open_folder(parent);
    if (a->dir < 0)
        return a->dir;
    a->lines = open_draft(a->dir, lines_draft);
    if (a->lines < 0)
        return a->lines;
    a->reasons = open_draft(a->dir, reasons_draft);
    return a->reasons < 0 ? a->reasons : 0;
}

int aside_add(struct aside *a, int parent, const char *bytes, size_t size)
{
    int r = a->dir < 0 ? begin(a, parent) : 0;

    return r == 0 ? lines_write(a->lines, bytes, size) : r;
}

int aside_explain(struct aside *a, int parent, const struct buffer *answer)
{
    int r = a->dir < 0 ? begin(a, parent) : 0;

    return r == 0 ? lines_write(a->reasons, buffer_bytes(answer), buffer_size(answer)) : r;
}

/* A name that neither file has. */
static int choose_name(struct aside *a)
{
    for (unsigned i = 1; i <= COPIES_MOST; i++) {
        char copy[16] = "";
        int n;

        if (i > 1)
            snprintf(copy, sizeof(copy), ".%u", i);
        n = snprintf(a->reasons_name, sizeof(a->reasons_name), "%s%s.reason", a->name, copy);
        if (n < 0 || (size_t)n >= sizeof(a->reasons_name))
            return -ENAMETOOLONG;
        snprintf(a->lines_name, sizeof(a->lines_name), "%s%s", a->name, copy);
        if (faccessat(a->dir, a->lines_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
            faccessat(a->dir, a->reasons_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            return 0;
    }
    return -EEXIST;
}

int aside_publish(struct aside *a)
{
    int r;

    if (a->dir < 0)
        return 0;
    r = choose_name(a);
    if (r < 0)
        return r;
    if (fsync(a->lines) < 0 || fsync(a->reasons) < 0)
        return -errno;
    if (renameat(a->dir, reasons_draft, a->dir, a->reasons_name) < 0 ||
        renameat(a->dir, lines_draft, a->dir, a->lines_name) < 0 || fsync(a->dir) < 0)
        return -errno;
    return 0;
}

void aside_withdraw(struct aside *a)
{
    if (a->dir < 0)
        return;
    (void)unlinkat(a->dir, a->lines_name, 0);
    (void)unlinkat(a->dir, a->reasons_name, 0);
}

void aside_release(struct aside *a)
{
    a->lines = fd_close(a->lines);
    a->reasons = fd_close(a->reasons);
    if (a->dir >= 0) {
        (void)unlinkat(a->dir, lines_draft, 0);
        (void)unlinkat(a->dir, reasons_draft, 0);
    }
    a->dir = fd_close(a->dir);
}

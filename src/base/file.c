#include <pindispatch/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <pindispatch/lines.h>

enum { PIECE = 16 * 1024, BACKLOG = 128 };

static int read_piece(int fd, struct buffer *b)
{
    size_t room = b->most - buffer_size(b);
    size_t piece = room < PIECE ? room : PIECE;
    ssize_t n;
    int r;

    if (piece == 0) {
        char probe;

        n = read(fd, &probe, 1);
        return n == 0 ? 0 : n < 0 ? -errno : -ENOBUFS;
    }
    r = buffer_reserve(b, piece);
    if (r < 0)
        return r;
    n = read(fd, b->data + b->end, piece);
    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    b->end += (size_t)n;
    return n > 0;
}

static int read_all(int fd, struct buffer *b)
{
    int r;

    while ((r = read_piece(fd, b)) > 0)
        ;
    return r;
}

int file_read(const char *path, struct buffer *b)
{
    CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : read_all(fd, b);
}

int file_read_regular(const char *path, struct buffer *b)
{
    CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    return S_ISREG(st.st_mode) ? read_all(fd, b) : -ENODEV;
}

static int sync_folder(const char *path)
{
    CLEANUP(free_cleanup) char *folder = path_folder(path);
    CLEANUP(fd_cleanup) int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd < 0)
        return folder ? -errno : -ENOMEM;
    return fsync(fd) < 0 ? -errno : 0;
}

/* The new file looks like the old one from outside: mode and owner stay. */
static int take_after(int fd, const char *path, mode_t mode)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return fchmod(fd, mode) < 0 ? -errno : 0;
    if (fchown(fd, st.st_uid, st.st_gid) < 0 && (st.st_uid != geteuid() || st.st_gid != getegid()))
        return -errno;
    return fchmod(fd, st.st_mode & 07777) < 0 ? -errno : 0;
}

static int fill_and_sync(int fd, const void *bytes, size_t size)
{
    int r = lines_write(fd, bytes, size);

    return r == 0 && fsync(fd) < 0 ? -errno : r;
}

/* MODE 0: whatever stands there, the new file is private to this user, as mkostemp() makes it. */
static int put_in_place(const char *path, const void *bytes, size_t size, mode_t mode)
{
    CLEANUP(free_cleanup) char *temporary = NULL;
    CLEANUP(fd_cleanup) int fd = -1;
    int r;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return -ENOMEM;
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    r = mode ? take_after(fd, path, mode) : 0;
    if (r == 0)
        r = fill_and_sync(fd, bytes, size);
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(temporary);
        return r;
    }
    return sync_folder(path);
}

int file_replace(const char *path, const void *bytes, size_t size, mode_t mode)
{
    return put_in_place(path, bytes, size, mode);
}

int file_write_private(const char *path, const void *bytes, size_t size)
{
    return put_in_place(path, bytes, size, 0);
}

int file_create(const char *path, const void *bytes, size_t size, mode_t mode)
{
    CLEANUP(fd_cleanup) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int r;

    if (fd < 0)
        return -errno;
    r = fill_and_sync(fd, bytes, size);
    if (r < 0)
        unlink(path);
    return r < 0 ? r : sync_folder(path);
}

char *path_join(const char *dir, const char *name)
{
    char *path = NULL;

    if (name[0] == '/')
        return strdup(name);
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int folder_make(const char *path, mode_t mode)
{
    CLEANUP(free_cleanup) char *part = strdup(path);

    if (!part)
        return -ENOMEM;
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return -errno;
        *at = '/';
    }
    return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int socket_address(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(ret->sun_path))
        return -ENAMETOOLONG;
    memcpy(ret->sun_path, path, strlen(path));
    return 0;
}

/* A socket file that nobody answers at is left from an earlier run. */
static int remove_stale(const char *path)
{
    struct stat st;
    int fd;

    if (lstat(path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket_connect(path);
    if (fd >= 0) {
        close(fd);
        return -EADDRINUSE;
    }
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int socket_listen(const char *path, mode_t mode)
{
    CLEANUP(fd_cleanup) int fd = -1;
    struct sockaddr_un address;
    mode_t mask;
    int r = socket_address(path, &address);

    if (r == 0)
        r = remove_stale(path);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    mask = umask(0777 & ~mode);
    r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    umask(mask);
    if (r < 0)
        return r;
    return listen(fd, BACKLOG) < 0 ? -errno : fd_take(&fd);
}

int socket_connect(const char *path)
{
    CLEANUP(fd_cleanup) int fd = -1;
    struct sockaddr_un address;
    int r = socket_address(path, &address);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return fd_take(&fd);
}

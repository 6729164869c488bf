/* Small files read whole and written whole. */
#ifndef PINDISPATCH_FILE_H
#define PINDISPATCH_FILE_H

#include <pindispatch/buffer.h>

#include <sys/types.h>

/* Appends the whole file to B. -errno; -ENOBUFS when it is larger than B may get. */
int file_read(const char *path, struct buffer *b);
/* The same of a regular file only, so that nothing waits for the other end of a pipe: else -ENODEV. */
int file_read_regular(const char *path, struct buffer *b);
/* Replaces PATH by these bytes: a temporary file beside it, fsync, rename, fsync of the folder.
 * An existing file's mode and owner are kept; a new one gets MODE. -errno; the old file then stands. */
int file_replace(const char *path, const void *bytes, size_t size, mode_t mode);
/* The same for what may hold a secret: the new file belongs to this user and has mode 0600, whatever stood there. A
 * link at PATH is replaced, not followed. */
int file_write_private(const char *path, const void *bytes, size_t size);
/* A file that must not exist yet (-EEXIST); it and its folder are synced. */
int file_create(const char *path, const void *bytes, size_t size, mode_t mode);
/* "DIR/NAME"; a NAME that starts with "/" is taken as it is. The caller frees. NULL: out of memory. */
char *path_join(const char *dir, const char *name);
/* The folder of PATH ("." when it names none). The caller frees. NULL: out of memory. */
char *path_folder(const char *path);
/* mkdir -p with MODE for what is made. 0 or -errno. */
int folder_make(const char *path, mode_t mode);
/* Makes a listening or connected unix stream socket (CLOEXEC, non-blocking when LISTEN). Returns the fd or -errno. */
int socket_listen(const char *path, mode_t mode);
int socket_connect(const char *path);

#endif

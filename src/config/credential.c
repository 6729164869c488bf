#include <pindispatch/config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/file.h>
#include <pindispatch/secret.h>
#include <pindispatch/utf8.h>

char *config_credential_path(const struct settings *s, const char *name, const char *credential)
{
    const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
    char *path = directory && *directory == '/' ? path_join(directory, credential) : NULL;

    /* One that is there is meant, even if it cannot be read: that is then an error and no reason to go elsewhere. */
    if (path && access(path, F_OK) == 0)
        return path;
    free(path);
    return strdup(settings_text(s, name));
}

static int refuse(const char *name, const char *path, struct problem *p, const char *message)
{
    return problem_set(p, "credential", path, "%s: %s", name, message);
}

static int take(const char *name, const char *path, struct buffer *b, struct secret **ret, struct problem *p)
{
    size_t size;
    int r;

    /* What an editor adds: a mark in front that nobody sees, and the end of the line, of either kind. */
    buffer_drop(b, utf8_mark_size(buffer_bytes(b), buffer_size(b)));
    size = buffer_size(b);
    if (size > 0 && buffer_bytes(b)[size - 1] == '\n')
        size -= size > 1 && buffer_bytes(b)[size - 2] == '\r' ? 2 : 1;
    if (size == 0)
        return refuse(name, path, p, "the file is empty");
    if (memchr(buffer_bytes(b), '\0', size))
        return refuse(name, path, p, "the file has a NUL byte in it");
    r = secret_new(buffer_bytes(b), size, ret);
    return r == -E2BIG ? refuse(name, path, p, "the secret in the file is too long") : r;
}

int config_credential(const struct settings *s, const char *name, const char *credential, struct secret **ret,
                      struct problem *p)
{
    CLEANUP(free_cleanup) char *path = config_credential_path(s, name, credential);
    struct buffer b = BUFFER(SECRET_MAX + 5);
    int r;

    *ret = NULL;
    if (!path)
        return -ENOMEM;
    if (!*path)
        return 0;
    r = file_read(path, &b);
    if (r == -ENOBUFS)
        r = refuse(name, path, p, "the secret in the file is too long");
    else if (r < 0 && r != -ENOMEM)
        r = refuse(name, path, p, strerror(-r));
    else if (r == 0)
        r = take(name, path, &b, ret, p);
    buffer_release(&b);
    return r;
}

#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>
#include <openssl/evp.h>

#include <pindispatch/file.h>
#include <pindispatch/utf8.h>

int source_hash(const void *bytes, size_t size, char hash[SOURCE_HASH])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(bytes, size, digest, &n, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    for (unsigned i = 0; i < n; i++)
        snprintf(hash + (size_t)2 * i, 3, "%02x", digest[i]);
    return 0;
}

static int check_utf8(const struct source *s, struct findings *f)
{
    const char *text = buffer_bytes(&s->text), *end;
    char where[FINDING_WHERE];
    unsigned line = 1;

    if (g_utf8_validate(text, (gssize)buffer_size(&s->text), &end))
        return 0;
    for (const char *c = text; c < end; c++)
        line += *c == '\n';
    snprintf(where, sizeof(where), "%s:%u", s->path, line);
    return findings_add(f, "utf-8", where, "the file is not UTF-8 text here");
}

/* It would stand in the subject, or before <svg>. */
static void cut_mark(struct source *s, struct findings *f)
{
    size_t mark = utf8_mark_size(buffer_bytes(&s->text), buffer_size(&s->text));

    if (!mark)
        return;
    buffer_drop(&s->text, mark);
    findings_warn(f, "byte-order-mark", s->path, "the file begins with a byte order mark, which is left out");
}

static int read_file(struct source *s, struct findings *f)
{
    int r = file_read_regular(s->path, &s->text);

    if (r == -ENOMEM)
        return r;
    if (r == -ENOBUFS)
        return findings_add(f, "template", s->path, "the file is larger than %d bytes", SOURCE_MOST);
    if (r == -ENODEV)
        return findings_add(f, "template", s->path, "this is no regular file");
    if (r < 0)
        return findings_add(f, "template", s->path, "cannot be read: %s", strerror(-r));
    r = buffer_terminate(&s->text);
    if (r < 0)
        return r;
    r = check_utf8(s, f);
    if (r == 0)
        r = source_hash(buffer_bytes(&s->text), buffer_size(&s->text), s->hash);
    if (r == 0)
        cut_mark(s, f);
    return r;
}

int source_read(const char *dir, const char *tag, const char *name, struct source *ret, struct findings *f)
{
    CLEANUP(free_cleanup) char *folder = tag[0] ? path_join(dir, tag) : strdup(dir);
    struct source s = { .text = BUFFER(SOURCE_MOST) };
    int r;

    s.path = folder ? path_join(folder, name) : NULL;
    r = s.path ? read_file(&s, f) : -ENOMEM;
    if (r != 0) {
        source_release(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void source_release(struct source *s)
{
    free(s->path);
    s->path = NULL;
    buffer_release(&s->text);
}

int source_place(const char *dir, const char *name, char **ret_dir, char **ret_name)
{
    CLEANUP(free_cleanup) char *path = path_join(dir, name);
    CLEANUP(free_cleanup) char *folder = path ? path_folder(path) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    char *base = path ? strdup(slash ? slash + 1 : path) : NULL;

    if (!folder || !base) {
        free(base);
        return -ENOMEM;
    }
    *ret_dir = TAKE(folder);
    *ret_name = base;
    return 0;
}

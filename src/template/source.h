/* A template's file as it was read: its text and its hash. */
#ifndef TEMPLATE_SOURCE_H
#define TEMPLATE_SOURCE_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>

#include "findings.h"

enum { SOURCE_MOST = 2 * 1024 * 1024, SOURCE_HASH = 65 };

struct source {
    char *path;
    struct buffer text;     /* UTF-8, with a NUL behind it */
    char hash[SOURCE_HASH]; /* SHA-256, hex: what sha256sum says */
};

/* Reads DIR/TAG/NAME; a TAG of "" leaves that part out. 0; 1 with F; -ENOMEM. */
int source_read(const char *dir, const char *tag, const char *name, struct source *ret, struct findings *f);
void source_release(struct source *s);

/* A template's place: a NAME with folders in it is split, so that languages lie beside the file. 0, -ENOMEM. */
int source_place(const char *dir, const char *name, char **ret_dir, char **ret_name);

/* SHA-256 of bytes as hex. 0, -ENOMEM. */
int source_hash(const void *bytes, size_t size, char hash[SOURCE_HASH]);

#endif

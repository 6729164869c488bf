/* Anchors in the file and in memory. */
#ifndef PINDISPATCH_AUDIT_ANCHORS_H
#define PINDISPATCH_AUDIT_ANCHORS_H

#include <pindispatch/audit.h>

struct anchors {
    struct anchor *items; /* owned */
    size_t n, room;
};

void anchors_release(struct anchors *a);
int anchors_add(struct anchors *a, const struct anchor *one); /* 0, -ENOMEM */
/* Adds those of the file, which may be missing. A last line without an end was being written in a crash and is passed
 * over. 0; -EUCLEAN with *RET_LINE: a line is no anchor; -errno. */
int anchors_read(struct anchors *a, const char *path, unsigned *ret_line);
/* Adds those of the store. 0 or negative. */
int anchors_recall(struct anchors *a, struct store *s);
/* Appends one and syncs. 0 or -errno: then it is not there. */
int anchors_append(const char *path, const struct anchor *one);

#endif

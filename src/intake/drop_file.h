/* One dropped file on its way: its lines are taken in turns, refused ones are put aside, and when all are
 * committed it is removed. Whatever stops this half-way, the file is still there and is read again: what was
 * accepted is then a duplicate. */
#ifndef PINDISPATCH_INTAKE_DROP_FILE_H
#define PINDISPATCH_INTAKE_DROP_FILE_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>

struct admit;
struct drop_file;

enum drop_state {
    DROP_READING, /* there may be more lines to read */
    DROP_WAITING, /* for commits: notify is called */
    DROP_DONE,    /* removed, refused lines are in rejected/ */
    DROP_AGAIN,   /* nothing could be taken just now; the file stays */
};

/* DIR is the directory's fd, borrowed. -errno: it is no file that we may read (-EINVAL: not a regular one). */
int drop_file_open(struct admit *a, int dir, const char *name, void (*notify)(void *owner), void *owner,
                   struct drop_file **ret);
struct drop_file *drop_file_free(struct drop_file *f);
DEFINE_CLEANUP(struct drop_file, drop_file, drop_file_free)
/* One turn's worth of lines. */
enum drop_state drop_file_step(struct drop_file *f);

#endif

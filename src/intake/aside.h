/* What was refused of a dropped file: rejected/NAME with the lines as they came (they may hold a clear PIN: mode
 * 0600), and rejected/NAME.reason with one answer a line. */
#ifndef PINDISPATCH_INTAKE_ASIDE_H
#define PINDISPATCH_INTAKE_ASIDE_H

#include <pindispatch/buffer.h>

#include <limits.h>
#include <stddef.h>

struct aside {
    int dir;          /* of rejected/; -1: nothing was refused yet */
    const char *name; /* borrowed */
    int lines, reasons;
    char lines_name[NAME_MAX + 1], reasons_name[NAME_MAX + 1]; /* once published */
};

#define ASIDE(name_) ((struct aside){ .dir = -1, .name = (name_), .lines = -1, .reasons = -1 })

/* Adds bytes to the refused lines, or an answer to the reasons. PARENT: fd of the drop directory. 0 or -errno. */
int aside_add(struct aside *a, int parent, const char *bytes, size_t size);
int aside_explain(struct aside *a, int parent, const struct buffer *answer);
/* Gives both files their names, on disk. An older file of the same name stays: then it is NAME.2 and so on.
 * Nothing was refused: nothing is done. */
int aside_publish(struct aside *a);
/* Takes back what was published. */
void aside_withdraw(struct aside *a);
/* Forgets what was not published. */
void aside_release(struct aside *a);

#endif

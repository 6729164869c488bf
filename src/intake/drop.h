/* The drop directory: files that were renamed in whole, oldest first, one at a time. */
#ifndef PINDISPATCH_INTAKE_DROP_H
#define PINDISPATCH_INTAKE_DROP_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>

struct admit;
struct drop;

/* Bytes of a file's name: in rejected/ it gets a number and ".reason", which must fit. */
enum { DROP_NAME_MOST = 240 };

int drop_new(struct admit *a, const char *dir, struct drop **ret);
struct drop *drop_free(struct drop *d);
DEFINE_CLEANUP(struct drop, drop, drop_free)
/* No new lines are read; a file that is not done stays. */
void drop_stop(struct drop *d);
/* Is there a file that is not done, other than one that waits to be tried again? */
bool drop_is_busy(const struct drop *d);

#endif

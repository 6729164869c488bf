/* All problems of a configuration, in the order in which they are found. */
#ifndef PINDISPATCH_CONFIG_PROBLEMS_H
#define PINDISPATCH_CONFIG_PROBLEMS_H

#include <pindispatch/config.h>

/* After PROBLEMS_MOST one more says that there are others, and the rest is dropped. */
enum { PROBLEMS_MOST = 100 };

/* LINE 0: the file as a whole. Both 0 or -ENOMEM. */
int problems_add(struct config_problems *list, const char *file, unsigned line, const char *code, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
/* A problem whose where is still to be filled. */
int problems_add_copy(struct config_problems *list, const char *file, unsigned line, const struct problem *p);

/* "FILE:LINE"; a path that is too long loses its beginning, not the line. */
void problem_locate(struct problem *p, const char *file, unsigned line);

#endif

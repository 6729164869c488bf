/* What libconfig 1.5 takes in silence or reports at the wrong place: an open comment (the settings in it are gone),
 * a number that does not fit (it gets another value), two texts in a row (they become one), a value that is missing,
 * a byte order mark. And which files may be included: those beside the configuration file. */
#ifndef PINDISPATCH_CONFIG_TRAP_H
#define PINDISPATCH_CONFIG_TRAP_H

#include <pindispatch/buffer.h>
#include <pindispatch/config.h>

enum { CONFIG_MOST = 256 * 1024 }; /* bytes of one file */

/* Reads FILE into TEXT and sees to it that it ends with a newline and a NUL (not counted). 0, -ENOMEM, or -errno. */
int trap_read(const char *file, struct buffer *text);
/* Looks through TEXT, which is FILE's, and through the files in FOLDER that it includes. 0 or -ENOMEM. */
int trap_check(const char *file, const struct buffer *text, const char *folder, struct config_problems *problems);

#endif

/* libconfig's tree of a text. */
#ifndef PINDISPATCH_CONFIG_TREE_H
#define PINDISPATCH_CONFIG_TREE_H

#include <limits.h>

#include <libconfig.h>

#include <pindispatch/buffer.h>
#include <pindispatch/config.h>

/* Parses TEXT (terminated), which is FILE's, into C, which is initialised. 0; 1 with one more problem;
 * -ENOMEM. */
int tree_read(config_t *c, const char *file, const char *folder, const struct buffer *text,
              struct config_problems *problems);
/* Where a setting is written. */
struct tree_place {
    char file[PATH_MAX];
    unsigned line;
};
void tree_locate(const config_setting_t *s, const char *file, const char *folder, struct tree_place *ret);

#endif

/* libconfig's tree of a text. */
#ifndef PINDISPATCH_CONFIG_TREE_H
#define PINDISPATCH_CONFIG_TREE_H

#include <libconfig.h>

#include <pindispatch/buffer.h>
#include <pindispatch/config.h>

/* Parses TEXT (terminated), which is FILE's, into C, which is initialised. 0; 1 with one more problem;
 * -ENOMEM. */
int tree_read(config_t *c, const char *file, const char *folder, const struct buffer *text,
              struct config_problems *problems);
/* The file that a setting is written in: libconfig does not know the name of the first one. */
const char *tree_file(const config_setting_t *s, const char *file);

#endif

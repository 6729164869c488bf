/* All rows of the configuration, composed: the general ones, the two options of the identity manager with the
 * method table's names as choices, and each method's own. */
#ifndef PINDISPATCH_SCHEMAS_H
#define PINDISPATCH_SCHEMAS_H

#include <pindispatch/settings.h>

/* For settings_new() and config_load(); ends with NULL; static. */
const struct setting *const *site_schemas(void);

#endif

/* All rows of the configuration, composed: the general ones, the two options of the identity manager with the
 * method table's names as choices, and each method's own. And what is to be said of their values. */
#ifndef PINDISPATCH_SCHEMAS_H
#define PINDISPATCH_SCHEMAS_H

#include <pindispatch/method.h>
#include <pindispatch/settings.h>

/* For settings_new() and config_load(); ends with NULL; static. */
const struct setting *const *site_schemas(void);
/* Calls TELL for all that the methods in force warn of. The settings are valid all the same. */
void site_warnings(const struct settings *s, method_warning *tell, void *userdata);

#endif

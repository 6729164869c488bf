/* The configuration file (pindispatch.conf(5)): libconfig in, settings out. */
#ifndef PINDISPATCH_CONFIG_H
#define PINDISPATCH_CONFIG_H

#include <pindispatch/problem.h>
#include <pindispatch/settings.h>

#include <stddef.h>

#define CONFIG_FILE "/etc/pindispatch/pindispatch.conf"

/* The rows that belong to no method. CardsPINDeliveryMethod and its PUK twin are not among them: their choices are
 * the method table, which this room does not know (see schemas.h). */
extern const struct setting config_rows[];

/* Everything that is wrong, at once. */
struct config_problems {
    struct problem *items; /* owned */
    size_t n;
};
void config_problems_release(struct config_problems *p);

/* Reads FILE over the standard values of SCHEMAS (see settings_new()). 0; 1 with all problems, each with
 * "FILE:LINE" in where ("FILE" when it cannot be read at all); -ENOMEM; -EINVAL when the schemas contradict
 * themselves. *RET is set only on 0. What PROBLEMS holds before is not released. */
int config_load(const char *file, const struct setting *const *schemas, struct settings **ret,
                struct config_problems *problems);

/* Sets one top-level text setting in the file, comments and layout kept, by atomic replacement; adds the line
 * when the file has none. The rest of the file must be of good form. 0; 1 with P; -errno. */
int config_set_text(const char *file, const char *name, const char *value, struct problem *p);

/* A secret for NAME ("email.password_file"): the systemd credential $CREDENTIALS_DIRECTORY/CREDENTIAL when it is
 * there, else the file that the setting names; one line end (LF or CR LF) and a byte order mark are
 * cut. *RET is NULL when neither is set.
 * 0; 1 with P; -ENOMEM. */
struct secret;
int config_credential(const struct settings *s, const char *name, const char *credential, struct secret **ret,
                      struct problem *p);
/* The path of a credential file or of the setting, for keys. The caller frees. NULL: out of memory. */
char *config_credential_path(const struct settings *s, const char *name, const char *credential);

#endif

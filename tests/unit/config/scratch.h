/* A folder with configuration files for one test, and schemas as the methods bring them. */
#ifndef TESTS_CONFIG_SCRATCH_H
#define TESTS_CONFIG_SCRATCH_H

#include <pindispatch/config.h>

#include <stddef.h>

struct scratch {
    char folder[64];
    char file[128]; /* the configuration, written by scratch_write() */
};

/* The two options, print.* and email.* in small, and config_rows. Ends with NULL. */
extern const struct setting *const scratch_schemas[];

/* For cmocka: *STATE is a struct scratch with an empty folder. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

void scratch_write(struct scratch *s, const char *text);
void scratch_write_bytes(struct scratch *s, const char *name, const void *bytes, size_t size);
void scratch_add(struct scratch *s, const char *name, const char *text);
/* The configuration as it is now; the caller frees. */
char *scratch_read(struct scratch *s);

#endif

/* One value of a setting: what a text must be to become it. */
#ifndef PINDISPATCH_MODEL_VALUE_H
#define PINDISPATCH_MODEL_VALUE_H

#include <pindispatch/settings.h>

struct value {
    const struct setting *row;
    char *text;     /* as it is shown; owned */
    int64_t number; /* SETTING_INTEGER, SETTING_FLAG, SETTING_DURATION */
    double real;
    char **list; /* ends with NULL; owned */
    char *waits; /* the text that takes effect at the next start; NULL: this one stays; owned */
};

/* GIVEN: by a person, not the row's own standard; only then the row's further check is asked.
 * 0; 1 with P; -ENOMEM. Whatever they return, V is to be released. */
int value_make(struct value *v, const char *text, bool given, struct problem *p);
int value_make_list(struct value *v, const char *const *items, bool given, struct problem *p);
/* V keeps its row. */
void value_release(struct value *v);

#endif

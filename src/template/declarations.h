/* The declarations of a style="": names, values and which of them are !important, comments left out. */
#ifndef TEMPLATE_DECLARATIONS_H
#define TEMPLATE_DECLARATIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { DECLARATIONS_MOST = 128 };

struct declarations {
    char *text; /* owned; what follows points into it */
    struct declaration {
        const char *name; /* in small letters */
        const char *value;
        bool important;
    } list[DECLARATIONS_MOST];
    size_t n;
    bool unreadable; /* it has what can stand in no declaration, or an escape */
};

/* CSS may be NULL. 0, -ENOMEM. */
int declarations_read(const char *css, struct declarations *ret);
void declarations_release(struct declarations *d);

/* The value in force; NULL: none. */
const char *declarations_find(const struct declarations *d, const char *name);

#endif

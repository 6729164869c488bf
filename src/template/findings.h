/* What is wrong with a template: the first thing, for whoever needs a reason, or each, for whoever mends it. */
#ifndef TEMPLATE_FINDINGS_H
#define TEMPLATE_FINDINGS_H

#include <pindispatch/problem.h>

#include <stdbool.h>

enum { FINDING_WHERE = 256, FINDING_MESSAGE = 512 }; /* as in struct problem */

struct findings {
    struct problem *first;                                 /* filled by the first one; may be NULL */
    void (*each)(void *userdata, const struct problem *p); /* NULL: nothing is looked for after the first one */
    void (*warn)(void *userdata, const struct problem *p); /* of what is no error; may be NULL */
    void *userdata;
    unsigned n;
};

/* Always returns 1, the condition "something is wrong". F may be NULL. */
int findings_add(struct findings *f, const char *code, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Something that is taken as it is. F may be NULL. */
void findings_warn(struct findings *f, const char *code, const char *where, const char *words);

/* After a part that returned R: shall the next part be looked at? */
static inline bool findings_go_on(const struct findings *f, int r)
{
    return r == 0 || (r == 1 && f && f->each);
}

#endif

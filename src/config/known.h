/* The names that a configuration may have, and what to say about one that it may not have. */
#ifndef PINDISPATCH_CONFIG_KNOWN_H
#define PINDISPATCH_CONFIG_KNOWN_H

#include <pindispatch/problem.h>
#include <pindispatch/settings.h>

#include <stddef.h>

/* All arrays end with NULL. */
struct known {
    size_t n;
    const char **names; /* "print.printer", "dry_run"; the strings are the schema's */
    char **groups;      /* "print"; owned */
    const char **tops;  /* what may stand outside of groups: groups and names without one */
};

/* 0 or -ENOMEM; release it in either case. */
int known_new(const struct settings *s, struct known *k);
void known_release(struct known *k);

bool known_is_group(const struct known *k, const char *name);
/* NAME stands outside of groups and should not, or not like this. */
void known_explain_top(const struct known *k, const char *name, struct problem *p);
/* NAME stands in GROUP, which is one, and should not. */
void known_explain_member(const struct known *k, const char *group, const char *name, struct problem *p);

#endif

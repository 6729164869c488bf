/* The check of a template: shared by what is looked at in all of them, and what of a letter's secrets. */
#ifndef TEMPLATE_CHECK_H
#define TEMPLATE_CHECK_H

#include <pindispatch/buffer.h>
#include <pindispatch/template.h>

#include "findings.h"

struct check {
    const char *dir, *name;
    const struct template_rules *rules;
    template_finding *each;
    void *userdata;
    unsigned errors;
    struct buffer told;  /* lines of what was told already: one case is enough of each */
    const char *torture; /* the case that is tried */
    const char *file;    /* of the mail that is tried */
};

/* One language of a letter or a mail that is tried. */
struct attempt {
    struct check *c;
    struct letter *letter;
    struct mail *mail;
    size_t language;
    bool prints_secret; /* in that language, of either kind */
};

void check_tell(struct check *c, const char *code, const char *where, bool is_warning, const char *words);
/* True when this was not told before. */
bool check_is_new(struct check *c, const char *place, const char *what);
void check_place(const struct check *c, const char *tag, const char *name, char where[FINDING_WHERE]);

/* Draws the letter to nowhere and tells of each trouble. 0, -ENOMEM. */
int check_fill(struct attempt *a, const struct filling *about, const char *tag);

/* Tries every sign that a secret may have, and the longest secret. As check_fill(). */
int check_secrets(struct attempt *a, const struct filling *about, const char *tag);

#endif

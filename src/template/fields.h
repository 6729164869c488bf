/* The variables that templates may name (pindispatch-template(5)), and their values for one document. */
#ifndef TEMPLATE_FIELDS_H
#define TEMPLATE_FIELDS_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/template.h>

#include <jansson.h>

#include "mustache.h"

/* Tables for mustache_parse(): all variables; and the same for a place where the secret must not be printed. */
extern const struct mustache_name fields_all[];
extern const struct mustache_name fields_without_secret[];

const struct mustache_name *fields_find(const char *name);
/* PIN or PUK when that is what the name prints, in any form; SECRET_KINDS otherwise ("secret" is either). */
enum secret_kind fields_kind_of(const struct mustache_name *name);
bool fields_is_words(const struct mustache_name *name);
bool fields_is_test(const struct filling *about);

/* How a secret can be written: as it is, in groups, sign by sign, in words. */
enum form { FORM_PLAIN, FORM_GROUPED, FORM_DIGITS, FORM_WORDS, FORMS };

struct fields {
    json_t *root;                /* owned */
    const struct filling *about; /* borrowed */
    struct buffer forms[FORMS];  /* the secret, written anew; wiped. FORM_PLAIN is left empty */
    struct mustache_data data;   /* points into this struct: it must stay where it is */
};

/* TAG: the template's language; "" is the default one. 0; 1 with TROUBLE: the secret cannot be printed as it is
 * ("secret-unprintable"); -ENOMEM. Release it in any case. */
int fields_fill(struct fields *f, const struct filling *about, const char *tag, struct outcome *trouble);
void fields_release(struct fields *f);

/* Adds a variable's text, as MUSTACHE_LINE; of a list all of it. 0, -ENOMEM, -ENOBUFS. */
int fields_text(const struct fields *f, const struct mustache_name *name, struct buffer *b);

/* For people: "PIN" or "PUK". */
const char *fields_kind(const struct filling *about);
/* The holder's; each is NULL when the event has none. */
const char *fields_locale(const struct filling *about);
const char *fields_name(const struct filling *about);
const char *fields_email(const struct filling *about);

#endif

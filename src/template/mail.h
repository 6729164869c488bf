/* What the check of templates sees of a mail. */
#ifndef TEMPLATE_MAIL_H
#define TEMPLATE_MAIL_H

#include <pindispatch/template.h>

#include "findings.h"
#include "mustache.h"

/* As mail_load(), but what can be read of it is given even where something was found. 0; -ENOMEM; 1 when there is
 * nothing to give. */
int mail_read(const char *dir, const char *name, const struct template_rules *rules, struct mail **ret,
              struct findings *f);

/* A part of language I, and its file's name; NULL where it could not be read. */
const struct mustache *mail_part(const struct mail *m, size_t i, enum mail_body part);
const char *mail_file(const struct mail *m, enum mail_body part);

#endif

/* What the check of templates sees of a letter. */
#ifndef TEMPLATE_LETTER_H
#define TEMPLATE_LETTER_H

#include <pindispatch/template.h>

#include "findings.h"
#include "page.h"

/* As letter_load(), but what can be read of it is given even where something was found. 0; -ENOMEM; 1 when there is
 * nothing to give. */
int letter_read(const char *dir, const char *name, const struct template_rules *rules, struct letter **ret,
                struct findings *f);

/* The pages of language I; *RET_N is 0 where it could not be read. */
struct page *const *letter_pages(const struct letter *l, size_t i, unsigned *ret_n);
struct typesetter *letter_typesetter(struct letter *l);
/* After all pages: a letter without its secret would be delivered in vain, and the secret erased. As letter_pdf(). */
int letter_check_secret(const struct letter *l, const struct sheet *sheet);

#endif

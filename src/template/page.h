/* One page of a letter: an SVG that was split into its texts and the rest. */
#ifndef TEMPLATE_PAGE_H
#define TEMPLATE_PAGE_H

#include <pindispatch/cleanup.h>
#include <pindispatch/problem.h>

#include <stdbool.h>
#include <stddef.h>

#include "typeset.h"

struct page;

/* FILE is for messages. 0; 1 with P; -ENOMEM. */
int page_parse(const char *bytes, size_t size, const char *file, struct page **ret, struct problem *p);
struct page *page_free(struct page *page);
DEFINE_CLEANUP(struct page, page, page_free)

double page_width(const struct page *page); /* points */
double page_height(const struct page *page);
bool page_prints_secret(const struct page *page);

/* Sets what is the same in every letter, so that it is known to fit before the first one. 0; 1 with P; -ENOMEM. */
int page_check(struct page *page, struct typesetter *ts, struct problem *p);

/* Draws graphics, then texts. 0; 1 with the sheet's trouble; -ENOMEM. */
int page_draw(struct page *page, struct typesetter *ts, struct sheet *sheet);

#endif

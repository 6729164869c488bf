/* One page of a letter: an SVG that was split into its texts and the rest. */
#ifndef TEMPLATE_PAGE_H
#define TEMPLATE_PAGE_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>
#include <stddef.h>

#include "secrecy.h"
#include "typeset.h"

struct page;

struct page_source {
    const char *bytes;
    size_t size;
    const char *file; /* for messages; images are looked for beside it */
    const char *tag;  /* the template's language */
    const char *root; /* the folder that images must lie in; NULL: there are none but those within the file */
    /* What the pages of one letter share. */
    struct secrecy *secrecy;
    struct buffer *hashes; /* a line for each image that was read; may be NULL */
};

/* 0; 1 with F; -ENOMEM. */
int page_parse(const struct page_source *s, struct page **ret, struct findings *f);
struct page *page_free(struct page *page);
DEFINE_CLEANUP(struct page, page, page_free)

double page_width(const struct page *page); /* points */
double page_height(const struct page *page);
bool page_prints_secret(const struct page *page);

/* Sets what is the same in every letter, so that it is known to fit before the first one. 0; 1 with F; -ENOMEM. */
int page_check(struct page *page, struct typesetter *ts, struct findings *f);

/* Draws graphics, then texts. 0; 1 with the sheet's trouble; -ENOMEM. */
int page_draw(struct page *page, struct typesetter *ts, struct sheet *sheet);

#endif

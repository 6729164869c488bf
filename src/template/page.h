/* One page of a letter: an SVG that was split into its texts and the rest. */
#ifndef TEMPLATE_PAGE_H
#define TEMPLATE_PAGE_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>
#include <stddef.h>

#include "secrecy.h"
#include "svg.h"
#include "typeset.h"

struct page;

struct page_source {
    struct svg_source svg;
    const char *tag;         /* the template's language */
    struct secrecy *secrecy; /* what the pages of one letter share */
};

/* 0; 1 with F; -ENOMEM. */
int page_parse(const struct page_source *s, struct page **ret, struct findings *f);
struct page *page_free(struct page *page);
DEFINE_CLEANUP(struct page, page, page_free)

double page_width(const struct page *page); /* points */
double page_height(const struct page *page);
const char *page_file(const struct page *page);
bool page_prints_secret(const struct page *page);
bool page_has_pictures(const struct page *page);

/* Sets what is the same in every letter, so that it is known to fit before the first one. 0; 1 with F; -ENOMEM. */
int page_check(struct page *page, struct typesetter *ts, struct findings *f);

/* Draws what is no text, in all of its conditions. 0; 1: it cannot be drawn; -ENOMEM. */
int page_draw_pictures(struct page *page, cairo_t *cr);

/* Draws for one event, to nowhere, and calls EACH with every trouble and its place in the file. 0 or -ENOMEM. */
typedef void page_trouble(void *userdata, const char *place, const struct outcome *trouble);
int page_try(struct page *page, struct typesetter *ts, struct sheet *sheet, page_trouble *each, void *userdata);

/* Calls EACH for every name that the page prints, or asks for in a section. */
void page_each_name(const struct page *page, void (*each)(void *userdata, const struct mustache_name *name),
                    void *userdata);

/* Calls EACH for every text with its place and each of its families of fonts. */
void page_each_family(const struct page *page, void (*each)(void *userdata, const char *place, const char *family),
                      void *userdata);

/* Draws graphics, bar codes, then texts, and looks whether the secret is seen among them: at every page whose words,
 * styles and drawings (but for the values) were not looked at before, and where another line comes near it. 0; 1 with
 * the sheet's trouble; -ENOMEM. */
int page_draw(struct page *page, struct typesetter *ts, struct sheet *sheet);

#endif

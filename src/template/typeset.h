/* Sets the text elements of a page by Pango: point text, lines with places, and boxes that wrap. */
#ifndef TEMPLATE_TYPESET_H
#define TEMPLATE_TYPESET_H

#include <pindispatch/cleanup.h>
#include <pindispatch/outcome.h>

#include <cairo.h>

#include "fields.h"
#include "text.h"

/* Keeps the font map and the caches; not for two threads at once. */
struct typesetter;

int typesetter_new(struct typesetter **ret); /* 0, -ENOMEM */
struct typesetter *typesetter_free(struct typesetter *ts);
DEFINE_CLEANUP(struct typesetter, typesetter, typesetter_free)

/* Overwrites what Pango keeps of the lines that it shaped last: their glyphs are as good as their letters. */
void typesetter_forget(struct typesetter *ts);

/* A page that is being drawn; its unit is the point. */
struct sheet {
    cairo_t *cr;
    double width, height;
    const struct fields *fields;
    struct mustache_result result;
    struct outcome *trouble; /* failed: "glyph-missing", "overflow", "field-missing", "template" */
};

/* Is one of these families ("DejaVu Sans, sans-serif") installed, or a general one that always is something? */
bool typesetter_has_family(struct typesetter *ts, const char *families);

/* Writes WORD large across the whole page, for nobody to take it for a real one. */
void typeset_mark(struct typesetter *ts, struct sheet *sheet, const char *word);

/* 0; 1 with the sheet's trouble set; -ENOMEM. */
int typeset(struct typesetter *ts, struct sheet *sheet, struct text *t);

#endif

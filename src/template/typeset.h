/* Sets the text elements of a page by Pango: point text, lines with places, and boxes that wrap. */
#ifndef TEMPLATE_TYPESET_H
#define TEMPLATE_TYPESET_H

#include <pindispatch/cleanup.h>
#include <pindispatch/outcome.h>

#include <cairo.h>
#include <stdint.h>

#include "fields.h"
#include "ink.h"
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
    unsigned secrets;   /* that were drawn, each sign of them */
    uint64_t structure; /* which words, styles and drawings there are, apart from the values */
    enum ink ink;
    const struct ink_region *region; /* NULL: all texts */
    struct ink_map *map;             /* where everything is; NULL: nobody asks */
    struct outcome *trouble;         /* failed: "glyph-missing", "overflow", "field-missing", "secret-altered",
                                      "secret-unreadable", "template" */
};

/* Is one of these families ("DejaVu Sans, sans-serif") installed, or a general one that always is something? */
bool typesetter_has_family(struct typesetter *ts, const char *families);

/* Writes WORD large across the whole page, for nobody to take it for a real one. */
void typeset_mark(struct typesetter *ts, struct sheet *sheet, const char *word);

/* Adds to what the sheet's structure is known by. */
void sheet_note(struct sheet *sheet, const void *bytes, size_t size);

/* 0; 1 with the sheet's trouble set; -ENOMEM. */
int typeset(struct typesetter *ts, struct sheet *sheet, struct text *t);

#endif

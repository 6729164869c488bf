/* The lines of a text that says the same in one letter after the other: set once, drawn often. */
#ifndef TEMPLATE_KEPT_H
#define TEMPLATE_KEPT_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>

#include <pango/pangocairo.h>
#include <stdbool.h>

struct box;
struct ink_map;
struct kept;
struct text;

/* For the words, with the marks of their styles and places, as they are set on CR; which says how fine. NULL: no
 * memory. */
struct kept *kept_new(cairo_t *cr, const struct buffer *words);
struct kept *kept_free(struct kept *k);
DEFINE_CLEANUP(struct kept, kept, kept_free)

/* Is it of these words, set as CR wants them? K may be NULL. */
bool kept_is(const struct kept *k, cairo_t *cr, const struct buffer *words);

/* A line, where it begins, and where its ink is on the page; the layout that it is of must not be used for others any
 * more. */
void kept_add(struct kept *k, PangoLayoutLine *line, double x, double y, const struct box *ink);
/* Adds the lines, of TEXT. */
void kept_note(const struct kept *k, struct ink_map *map, const struct text *text);

/* As the lines were drawn at first, in the same units. */
void kept_draw(const struct kept *k, cairo_t *cr);

#endif

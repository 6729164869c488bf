/* Everything of a page that is not text: drawn by librsvg, and kept as it was drawn. */
#ifndef TEMPLATE_GRAPHIC_H
#define TEMPLATE_GRAPHIC_H

#include <pindispatch/cleanup.h>
#include <pindispatch/problem.h>

#include <cairo.h>
#include <libxml/tree.h>

#include "mustache.h"

enum { GRAPHIC_CONDITIONS = 8 };

struct graphic;

/* Takes *DOC over, from which the texts were removed. 0, -ENOMEM. */
int graphic_new(xmlDoc **doc, double width, double height, struct graphic **ret);
struct graphic *graphic_free(struct graphic *g);
DEFINE_CLEANUP(struct graphic, graphic, graphic_free)

/* GROUP is shown only where TEST renders to something; takes *TEST over. 0, or -ENOBUFS: too many different ones. */
int graphic_add_condition(struct graphic *g, xmlNode *group, struct mustache **test);

bool graphic_has_pictures(const struct graphic *g);

/* Draws on a page whose unit is the point; *RET_SET is which of the conditions hold. 0; 1 with P (librsvg's words);
 * -ENOMEM. */
int graphic_draw(struct graphic *g, cairo_t *cr, const struct mustache_data *d, int *ret_set, struct problem *p);
/* The same with all conditions. */
int graphic_draw_all(struct graphic *g, cairo_t *cr, struct problem *p);

#endif

/* Everything of a page that is not text: drawn by librsvg, and kept as it was drawn. */
#ifndef TEMPLATE_GRAPHIC_H
#define TEMPLATE_GRAPHIC_H

#include <pindispatch/cleanup.h>
#include <pindispatch/problem.h>

#include <cairo.h>
#include <libxml/tree.h>

#include "mustache.h"

enum { GRAPHIC_CONDITIONS = 8, GRAPHIC_LAYERS = 64 };

struct graphic;

/* Takes *DOC over, from which the texts were removed. 0, -ENOMEM. */
int graphic_new(xmlDoc **doc, double width, double height, struct graphic **ret);
struct graphic *graphic_free(struct graphic *g);
DEFINE_CLEANUP(struct graphic, graphic, graphic_free)

/* GROUP is shown only where TEST renders to something; takes *TEST over. 0, or -ENOBUFS: too many different ones. */
int graphic_add_condition(struct graphic *g, xmlNode *group, struct mustache **test);

/* NODE, from here on within a group of its own, is drawn with layer number LAYER: texts lie between the layers. 0,
 * -ENOMEM. */
int graphic_add_layered(struct graphic *g, xmlNode *node, unsigned layer);

bool graphic_has_pictures(const struct graphic *g);

/* Draws one layer on a page whose unit is the point; *RET_SET is which of the conditions hold. 0; 1 with P (librsvg's
 * words); -ENOMEM. */
int graphic_draw(struct graphic *g, cairo_t *cr, const struct mustache_data *d, unsigned layer, int *ret_set,
                 struct problem *p);
/* All layers with all conditions. */
int graphic_draw_all(struct graphic *g, cairo_t *cr, struct problem *p);

#endif

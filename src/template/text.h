/* A text element of a template: its words as a parsed template, its styles and its places. */
#ifndef TEMPLATE_TEXT_H
#define TEMPLATE_TEXT_H

#include <pindispatch/cleanup.h>

#include <cairo.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "kept.h"
#include "mustache.h"
#include "style.h"

/* Within the words, a style or a place is named by two bytes: one of these, which XML forbids and values cannot hold
 * (MUSTACHE_SET), and TEXT_FIRST + its index. So sections may hold whole lines with their places. */
enum {
    TEXT_STYLE = '\001',
    TEXT_PLACE = '\002',
    TEXT_FIRST = ' ',
    TEXT_PARTS = 90, /* styles and places of one element, each */
};

/* Where a line begins: an absolute coordinate where one is given, then a shift. */
struct place {
    bool has_x, has_y;
    double x, y, dx, dy;
};

struct box {
    double x, y, width, height;
};

struct text {
    struct mustache *program;
    struct style styles[TEXT_PARTS]; /* the first is the element's own */
    size_t n_styles;
    struct place places[TEXT_PARTS]; /* the first is the element's own */
    size_t n_places;
    cairo_matrix_t matrix; /* user units → points on the page */
    bool boxed;
    struct box box;    /* user units */
    double least;      /* how small its letters may become to fit the box: a share of their size, 1 for not at all */
    bool general;      /* it prints no value of an event */
    struct kept *kept; /* how a general one was set last; may be NULL */
    char where[64];    /* "letter.svg:12" without its folder */
    char place[FINDING_WHERE];
};

/* What surrounds an element. */
struct surroundings {
    struct style style;
    cairo_matrix_t matrix;
    /* The tags of the sections around it: "{{#pin}}" and "{{/pin}}". */
    char opening[256], closing[256];
};

/* FILE is for messages. TOLD: what is wrong with tags was told already. 0; 1 with F; -ENOMEM. */
int text_new(const xmlNode *node, const struct surroundings *around, const char *file, bool told, struct text **ret,
             struct findings *f);
struct text *text_free(struct text *t);
DEFINE_CLEANUP(struct text, text, text_free)

/* Points on the page for one user unit, as an average of both directions. */
double text_scale(const struct text *t);
/* The same in the direction in which it is least. */
double text_least_scale(const struct text *t);

#endif

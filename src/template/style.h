/* The properties of text that a template can set, by attribute or style="", with their inheritance. */
#ifndef TEMPLATE_STYLE_H
#define TEMPLATE_STYLE_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "attribute.h"

enum anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END, ANCHOR_LEFT, ANCHOR_RIGHT };

/* Which way a text runs: by its first letter, or as the template says. */
enum direction { DIRECTION_AUTO, DIRECTION_LTR, DIRECTION_RTL };

/* How blanks of the template become blanks on paper; those in values always stay. */
enum blanks {
    BLANKS_COLLAPSE, /* runs of blanks and newlines are one space */
    BLANKS_LINES,    /* pre-line: as before, but a newline ends the line */
    BLANKS_KEEP,     /* pre, pre-wrap */
    BLANKS_SPACES,   /* xml:space="preserve": all are kept, newlines as spaces */
};

enum { STYLE_FAMILY = 128, STYLE_BOX = 64, STYLE_NAME = 48, STYLE_LANGUAGE = 36 };

struct style {
    char family[STYLE_FAMILY]; /* "": not given */
    double size;               /* user units; 0: not given */
    int weight;                /* 100..1000 */
    bool italic;
    struct colour fill, color;
    bool painted;       /* fill is not none */
    bool follows_color; /* fill is currentColor */
    double opacity, fill_opacity;
    enum anchor anchor, align; /* text-anchor, and text-align within a box */
    bool aligned;              /* text-align was given */
    enum anchor upright;       /* display-align: top, middle or bottom of a box; not inherited */
    enum direction direction;
    double letter_spacing; /* user units */
    double line_height;    /* times the size; 0: as the font says */
    enum blanks blanks;
    bool breaks; /* overflow-wrap: a word too long for its box may be broken anywhere */
    bool displayed, visible;
    char box[STYLE_BOX]; /* the id of shape-inside; "" for none; not inherited */
    /* Bits of properties in force that text cannot have: those not drawn here, and those with a strange value.
     * On an ancestor they are no error as long as no text inherits them. */
    uint64_t refused, unreadable;
    char unknown[STYLE_NAME]; /* an attribute or property that is in no list here; "" for none */
    char language[STYLE_LANGUAGE];
};

/* What holds outside of everything. */
void style_init(struct style *s);
/* S becomes the style of NODE, which is a child of what S was the style of. */
void style_enter(struct style *s, const xmlNode *node);
/* The name of one property that text cannot have as it is, or NULL. */
const char *style_refusal(const struct style *s);

#endif

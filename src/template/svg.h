/* Reading SVG so that a template can reach nothing: no document type, no entities, no inclusion, no script, no file
 * and no network. What remains refers only to itself or brings its images along. */
#ifndef TEMPLATE_SVG_H
#define TEMPLATE_SVG_H

#include <pindispatch/cleanup.h>

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "findings.h"

struct buffer;

DEFINE_CLEANUP(xmlDoc, xml_doc, if (*p) xmlFreeDoc)

static inline void xml_text_cleanup(xmlChar **p)
{
    if (*p)
        xmlFree(*p);
}

struct svg_source {
    const char *bytes;
    size_t size;
    const char *file;      /* for messages; images are looked for beside it */
    const char *root;      /* the folder that images must lie in; NULL: there are none but those within the file */
    struct buffer *hashes; /* a line for each image that was read; may be NULL */
};

/* 0; 1 with F (and, if more is to be found, a document to look through); -ENOMEM. */
int svg_read(const struct svg_source *s, xmlDoc **ret, struct findings *f);

/* Tells F for this node of FILE. Returns 1. */
int svg_problem(const char *file, const xmlNode *node, struct findings *f, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Where an element begins, as "FILE:LINE:COLUMN". */
void svg_place(const char *file, const xmlNode *node, char where[FINDING_WHERE]);

/* The element of that id, or NULL. */
const xmlNode *svg_find(const xmlDoc *doc, const char *id);
/* An SVG element of that name. */
bool svg_is(const xmlNode *node, const char *name);
/* The attribute without a namespace; the caller frees with xmlFree(). NULL when there is none. */
xmlChar *svg_attribute(const xmlNode *node, const char *name);
/* The attribute as a length in user units; OTHERWISE where there is none. False: it is there, and is none. */
bool svg_length(const xmlNode *node, const char *name, double otherwise, double *ret);

#endif

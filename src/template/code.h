/* A bar code on a page: a rectangle of the template in whose place a QR code or a Code 128 is drawn. */
#ifndef TEMPLATE_CODE_H
#define TEMPLATE_CODE_H

#include <pindispatch/cleanup.h>

#include <libxml/tree.h>

#include "text.h"
#include "typeset.h"

struct code;

/* True for <rect class="qr"> and <rect class="code128">. */
bool code_is(const xmlNode *node);

/* data-value names the variable, by default delivery.reference; one that prints a secret is refused. TEST is taken
 * over: the code is drawn where it renders to something. 0; 1 with F; -ENOMEM. */
int code_new(const xmlNode *node, const struct surroundings *around, const char *file, struct mustache **test,
             struct code **ret, struct findings *f);
struct code *code_free(struct code *c);
DEFINE_CLEANUP(struct code, code, code_free)

/* "FILE:LINE:COLUMN" */
const char *code_place(const struct code *c);
/* The variable that it holds. */
const struct mustache_name *code_value(const struct code *c);

/* 0; 1 with the sheet's trouble: "overflow" (its bars would be too fine to be read), "code-unprintable" (characters
 * that such a code cannot hold), "field-missing"; -ENOMEM. */
int code_draw(const struct code *c, struct sheet *sheet);

#endif

/* Images of a template that lie beside it: taken into the document when it is read, so that nothing is looked for
 * later, and the template's hash covers them. */
#ifndef TEMPLATE_IMAGE_H
#define TEMPLATE_IMAGE_H

#include <pindispatch/buffer.h>

#include <libxml/tree.h>

#include "findings.h"

enum { IMAGE_MOST = 2 * 1024 * 1024 };

/* Puts the PNG and JPEG files that <image> elements name in their place. FILE is the template's; they are named from
 * there, and must lie within the folder ROOT (NULL: none are taken). HASHES gets a line for each. Looks through all
 * of them, those within the file too. 0; 1 with F; -ENOMEM. */
int image_embed(xmlDoc *doc, const char *file, const char *root, struct buffer *hashes, struct findings *f);

#endif

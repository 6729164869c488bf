/* PNG and JPEG: looked through before anything draws them, since what draws them leaves out in silence what it cannot
 * read. */
#ifndef TEMPLATE_PICTURE_H
#define TEMPLATE_PICTURE_H

#include <stddef.h>

/* A page of A4 at 600 dpi has 35 million. */
enum { PICTURE_PIXELS = 40 * 1000 * 1000 };

/* "image/png", "image/jpeg" by the first bytes; NULL: neither. */
const char *picture_type(const void *bytes, size_t size);

/* Decodes it. *PIXELS is what is left of PICTURE_PIXELS for a page, and gets less; a picture that is larger is told
 * by its head, before it is decoded. NULL, or why it cannot be shown. */
const char *picture_check(const void *bytes, size_t size, size_t *pixels);

#endif

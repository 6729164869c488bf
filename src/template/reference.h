/* References within a drawing (<use>, url(#…)): what they stand for is drawn as often as it is named, and what is
 * named there again as often as that. */
#ifndef TEMPLATE_REFERENCE_H
#define TEMPLATE_REFERENCE_H

#include <libxml/tree.h>

#include "findings.h"

/* Elements that a page may be, with what references stand for. */
enum { REFERENCE_MOST = 20000 };

/* 0; 1 with F: a drawing becomes too large, or is within itself. */
int reference_check(const xmlDoc *doc, const char *file, struct findings *f);

#endif

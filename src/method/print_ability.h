/* What a printer that is talked to directly (IPP Everywhere, PWG 5100.14) can do, and how it wants a letter. Pure. */
#ifndef METHOD_PRINT_ABILITY_H
#define METHOD_PRINT_ABILITY_H

#include "print_raster.h"

#include <cups/ipp.h>
#include <pindispatch/outcome.h>
#include <stdbool.h>

struct ability {
    bool jobs;    /* makes a job first and takes its document then, tells of jobs and cancels them */
    bool pdf;     /* takes PDF */
    bool raster;  /* takes PWG Raster of a kind that we can make: */
    unsigned dpi; /* the resolution nearest above what a letter needs */
    bool colour;
    char back[RASTER_WORD]; /* pwg-raster-document-sheet-back */
    bool two_sided;         /* prints both sides */
};

enum { ABILITY_ATTRIBUTES = 6 };
/* What ability_read() wants asked. */
extern const char *const ability_attributes[ABILITY_ATTRIBUTES];

void ability_read(ipp_t *answer, struct ability *ret);
/* Is it no printer for letters? Then 1, and O says why: the destination's trouble. */
int ability_judge(const struct ability *a, const char *printer, struct outcome *o);

#endif

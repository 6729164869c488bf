/* PWG Raster (PWG 5102.4): a letter for printers that take no PDF. */
#ifndef METHOD_PRINT_RASTER_H
#define METHOD_PRINT_RASTER_H

#include <pindispatch/document.h>

enum { RASTER_WORD = 32 };

/* What one printer wants. Its document_form is what desk->form gets. */
struct raster_form {
    struct document_form form; /* first: raster_encode() is given it */
    bool colour;               /* srgb_8, else sgray_8 */
    char sides[RASTER_WORD];   /* as the job's */
    char back[RASTER_WORD];    /* pwg-raster-document-sheet-back: how the back of a sheet must lie */
};

/* COLOUR, SIDES and BACK as in struct raster_form; DPI both ways. */
void raster_form_set(struct raster_form *f, unsigned dpi, bool colour, const char *sides, const char *back);

#endif

/* One text while it is set: shared by what reads its words (typeset.c) and what sets a line (line.c). */
#ifndef TEMPLATE_SETTING_H
#define TEMPLATE_SETTING_H

#include <pindispatch/buffer.h>

#include <pango/pangocairo.h>
#include <stddef.h>

#include "typeset.h"

enum { LINE_MOST = 256 * 1024, RUNS_MOST = 256, SECRETS_MOST = 16 };

struct typesetter {
    PangoFontMap *fonts;
    PangoContext *context;
    PangoLayout *layout;
    PangoFont *font; /* any, and what it makes of blanks: typesetter_forget() */
    PangoGlyphString *glyphs;
    size_t longest; /* bytes of any line shaped since typesetter_forget() */
};

/* After a line: the layout has a copy of its words, and would keep it. One whose lines are KEPT is left to them. */
void typesetter_clear(struct typesetter *ts, const struct kept *kept);

/* Gives LAYOUT its words, which Pango will shape. */
void typesetter_shape(struct typesetter *ts, PangoLayout *layout, const char *bytes, size_t size);

/* Bytes of the line from START on are set in a style. */
struct run {
    size_t start, style;
};

/* Where a secret stands in a line. */
struct secret_range {
    size_t start, end;
    size_t seen;  /* bytes that were found drawn, each after the one before */
    bool is_form; /* with blanks between its signs, groups or words */
    bool turns;   /* in words that are written from right to left */
};

struct setting {
    struct typesetter *ts;
    struct sheet *sheet;
    struct text *t;
    struct kept *keep;     /* takes the lines as well, when they are to be kept */
    double scale;          /* points for a user unit, by which all lengths are set */
    cairo_matrix_t matrix; /* from scaled units to the page */
    struct buffer line;
    struct run runs[RUNS_MOST];
    size_t n_runs;
    size_t style;
    bool isolates; /* something here turns the direction: values are isolated */
    struct secret_range secrets[SECRETS_MOST];
    size_t n_secrets;
    struct secret_range *open; /* the one that is being read */
    bool blank;                /* a collapsed blank waits for what comes after it */
    double x, y;               /* where the next line begins, user units */
    double share;              /* of their size that letters are set in, to fit the box */
};

/* Sets what stands in S->line, at S->x, S->y or in the box, and moves S->x behind it. 0; 1 with the trouble. */
int setting_draw(struct setting *s);

/* Sets the trouble: CODE, and a sentence that begins with the fields. Return 1. */
int setting_fail(struct setting *s, const char *code, const char *fields, const char *words);
int setting_overflow(struct setting *s, const char *words);

#endif

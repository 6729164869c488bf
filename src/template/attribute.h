/* SVG's small languages: numbers, lengths, colours, transformations. All parse the same in every locale. */
#ifndef TEMPLATE_ATTRIBUTE_H
#define TEMPLATE_ATTRIBUTE_H

#include <cairo.h>
#include <stdbool.h>

struct colour {
    double red, green, blue; /* 0..1 */
};

/* The number at *AT, which is moved behind it. False when there is none, or it is out of all bounds. */
bool number_parse(const char **at, double *ret);
/* One length in user units ("12", "3.5mm", "12pt"); EM is the size that "em" and "%" refer to, 0: refused. */
bool length_parse(const char *text, double em, double *ret);
/* "#rgb", "#rrggbb", "rgb(…)", or a colour's name. */
bool colour_parse(const char *text, struct colour *ret);
/* A list of transformations, applied on top of M. False leaves M as it was. */
bool transform_parse(const char *text, cairo_matrix_t *m);
/* True when the text is WORD, apart from blanks and case. */
bool word_is(const char *text, const char *word);

#endif

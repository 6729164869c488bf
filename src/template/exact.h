/* A secret on paper, sign by sign: what is drawn, from left to right, must be its characters and nothing else. */
#ifndef TEMPLATE_EXACT_H
#define TEMPLATE_EXACT_H

#include "setting.h"

/* Adds what makes Pango set the secrets of a line as they are: no ligatures, no breaks. */
void exact_add_attributes(const struct setting *s, PangoAttrList *list);
/* Would one of the secrets go on in a line below where it may not? */
bool exact_is_broken(const struct setting *s, GSList *lines);
/* Where the ink of a line is on the page. */
struct box exact_ink(const struct setting *s, PangoLayoutLine *line, double x, double y);
/* Compares the signs on a line, and notes where they are, the line being drawn at X, Y. 0; 1 with the trouble. */
int exact_check_line(struct setting *s, PangoLayoutLine *line, double x, double y);
/* After all lines: were all of them there? 0; 1 with the trouble. */
int exact_finish(struct setting *s);
/* Leaves the secrets, or everything else, out of a line, as the sheet's ink wants it. */
void exact_hide(struct setting *s, PangoLayoutLine *line);

#endif

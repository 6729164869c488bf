/* Is the secret seen? What decides is the page as it is drawn: with the secret it must differ from the same page
 * without it, in the place of each of its signs, by enough to be read. */
#ifndef TEMPLATE_INK_H
#define TEMPLATE_INK_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

enum { SIGNS_MOST = 512, LINES_MOST = 512 };

/* What of a page is drawn. */
enum ink {
    INK_PROVED, /* all, and what is drawn is looked at */
    INK_ALL,
    INK_WITHOUT_SECRET,
    INK_SECRET_ONLY, /* in black */
};

/* One line of text, in points. */
struct ink_line {
    struct box box;
    const struct text *text;
    bool is_secret;
};

/* One sign of a secret, in points. */
struct ink_sign {
    struct box box;
    size_t line;
};

/* Where the lines of a page are, and the secret's signs among them. */
struct ink_map {
    struct ink_line lines[LINES_MOST];
    struct ink_sign signs[SIGNS_MOST];
    size_t n_lines, n_signs;
    bool full; /* there was more */
};

void ink_add_line(struct ink_map *map, const struct box *box, const struct text *text);
/* Of the line that was added last. */
void ink_add_sign(struct ink_map *map, const struct box *box);
/* Does a line touch the signs of another one? */
bool ink_overlaps(const struct ink_map *map);
/* Does a line of TEXT touch BOX? */
bool ink_touches(const struct ink_map *map, const struct text *text, const struct box *box);
/* Signs tell of their secret by their widths. */
void ink_wipe(struct ink_map *map);

/* What is drawn again: texts that touch the box. */
struct ink_region {
    const struct ink_map *map;
    const struct box *box;
};

struct page;
struct sheet;
struct typesetter;

/* Draws the surroundings of the signs with and without them. 0; 1 with the sheet's trouble, "secret-unreadable";
 * -ENOMEM. */
int ink_check(struct page *page, struct typesetter *ts, const struct sheet *sheet, const struct ink_map *map);

#endif

/* What a page is made of, and how it comes out of its file. */
#ifndef TEMPLATE_SPLIT_H
#define TEMPLATE_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "code.h"
#include "graphic.h"
#include "page.h"
#include "text.h"

enum { TEXTS_MOST = 256, CODES_MOST = 16, SEEN_MOST = 64 };

/* What of a page is drawn after what, as the template has it. */
struct part {
    enum { PART_LAYER, PART_CODE, PART_TEXT } kind;
    unsigned index; /* of the layer of drawings, the code or the text */
};

struct page {
    char *file;
    double width, height;
    struct graphic *graphic;
    struct code *codes[CODES_MOST];
    size_t n_codes;
    struct text *texts[TEXTS_MOST];
    size_t n;
    struct part parts[TEXTS_MOST + CODES_MOST + GRAPHIC_LAYERS];
    size_t n_parts;
    struct ink_map map;       /* of the letter that is drawn */
    uint64_t seen[SEEN_MOST]; /* structures in which the secret was seen on the page, the oldest replaced */
    size_t n_seen;
};

/* Reads a file into PAGE, whose file's name is set: what is found may leave it half made. 0; 1 with F; -ENOMEM. */
int page_split(struct page *page, const struct page_source *s, struct findings *f);

#endif

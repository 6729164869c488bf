/* A letter as it is kept, and what its forms (PDF, pictures) have in common. */
#ifndef TEMPLATE_LETTER_DRAW_H
#define TEMPLATE_LETTER_DRAW_H

#include <cairo.h>

#include <pindispatch/template.h>

#include "findings.h"
#include "language.h"
#include "letter.h"
#include "page.h"
#include "source.h"

enum {
    LETTER_PAGES = 8,
    /* Bytes of all pictures in a PDF. Its fonts have room beside them, and it fits a mail in base64. */
    PICTURES_MOST = 8 * 1024 * 1024,
};

struct version {
    char tag[LANGUAGE_TAG]; /* first: see language_best() */
    char hash[SOURCE_HASH];
    struct page *pages[LETTER_PAGES];
    unsigned n;
    bool good; /* nothing was found */
};

struct letter {
    char *dir, *name;
    struct typesetter *ts;
    struct version versions[LANGUAGES_MOST];
    size_t n;
};

/* The language for this holder. */
const struct version *letter_choose(const struct letter *l, const struct filling *f);
/* Every letter has room for what is the same in all: its pictures. WHERE: for the finding. 0; 1 with F; -ENOMEM. */
int letter_check_size(const struct version *v, const char *where, struct findings *f);
/* One page, and over it what says that it is a test. As letter_pdf(). */
int letter_draw_page(struct letter *l, const struct version *v, unsigned page, struct sheet *sheet);
/* What became of a surface, in this room's terms. As letter_pdf(). */
int letter_judge(cairo_status_t status, struct outcome *trouble);
/* Says what RET is; R is returned. What stands there after a failure is half a letter: it is wiped. */
int letter_conclude(int r, const struct version *v, const char *media_type, struct document *ret);
/* For cairo: appends to the struct buffer USERDATA. */
cairo_status_t letter_write_bytes(void *userdata, const unsigned char *bytes, unsigned size);

#endif

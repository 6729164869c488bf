/* The elements of a mail's HTML that are open at a place, and how text looks there. */
#ifndef TEMPLATE_HTML_PAGE_H
#define TEMPLATE_HTML_PAGE_H

#include "css.h"
#include "html.h"

enum { HTML_DEPTH = 128 };

/* What a mail cannot have. WORDS is NULL where nothing is wrong. */
struct html_fault {
    const char *code, *words;
};

struct html_page {
    struct {
        const struct html_element *is;
        struct css_look look;
    } open[HTML_DEPTH]; /* the first one is the page */
    unsigned depth;
    GPtrArray *rules; /* borrowed: of the style sheets, css_rule_free() */
    /* The tag that is read. */
    struct css_look look;
    char *classes, *id;
    GString *style;
};

void html_page_init(struct html_page *page, GPtrArray *rules);
void html_page_release(struct html_page *page);

/* A tag: it begins, has attributes, and opens or closes an element. Nothing up to the depth LEAST is closed. */
void html_page_begin(struct html_page *page);
struct html_fault html_page_attribute(struct html_page *page, const char *name, const char *value);
struct html_fault html_page_open(struct html_page *page, const struct html_element *e);
struct html_fault html_page_close(struct html_page *page, const struct html_element *e, unsigned least);
/* Closes what ends by itself. */
void html_page_end_loose(struct html_page *page, unsigned least);

/* The text of a <style>. */
struct html_fault html_page_sheet(struct html_page *page, const char *text);

/* True where a reader would not see text. */
bool html_page_is_unseen(const struct html_page *page);

#endif

/* What may stand in the HTML of a mail: its elements and attributes. */
#ifndef TEMPLATE_HTML_H
#define TEMPLATE_HTML_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

struct html_element {
    const char *name;
    bool is_void;     /* has no end */
    bool ends_itself; /* </p> and its like may be left out */
    bool is_raw;      /* its text is no text of the page */
};

enum html_use {
    HTML_VALUES,  /* words for people: a value of an event may stand in it */
    HTML_WORDS,   /* harmless; without values, but sections are possible */
    HTML_LOOK,    /* decides what is seen: no tags of a template */
    HTML_STYLE,   /* as LOOK, and is looked through */
    HTML_LINK,    /* an address that is opened by a click: no tags of a template */
    HTML_CONTENT, /* an address whose content is shown: within the mail, no tags of a template */
    HTML_EQUIV,   /* of <meta> */
};

/* In any case of letters. NULL, false: there is none in a mail. */
const struct html_element *html_element(const char *name, size_t size);
bool html_attribute(const char *name, size_t size, enum html_use *ret);

/* An attribute's value as a browser reads it: references resolved, in small letters, without control characters.
 * False when it holds a reference by a name that is not known here. The caller frees (g_free). */
bool html_value(const char *text, size_t size, char **ret);

/* A value, as html_value() gives it: a link that runs nothing; an image that is within the mail. */
bool html_is_link(const char *value);
bool html_is_content(const char *value);

#endif

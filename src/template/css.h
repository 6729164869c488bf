/* The styles of an HTML mail, as far as they matter here: what they would load, and what they hide. */
#ifndef TEMPLATE_CSS_H
#define TEMPLATE_CSS_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "attribute.h"

/* The text in small letters, with its escapes resolved; a comment becomes CSS_COMMENT. The caller frees (g_free). */
enum { CSS_COMMENT = '\1' };
char *css_plain(const char *text, size_t size);

bool css_is_blank(char c);
bool css_is_name(char c);
/* Without the blanks around it; within TEXT. */
char *css_trim(char *text);

/* Plain text that could load something: why it is refused, else NULL. */
const char *css_loads(const char *plain);

/* How an element looks: what it inherits, and what its own declarations change. */
struct css_look {
    bool hidden;
    bool has_ink, has_ground; /* the two colours are known */
    struct colour ink, ground;
};

/* Black on white. */
#define CSS_LOOK ((struct css_look){ .has_ink = true, .has_ground = true, .ink = { 0, 0, 0 }, .ground = { 1, 1, 1 } })

/* Applies plain declarations: "color:red;display:none". Nothing makes what is hidden visible again. */
void css_apply(struct css_look *look, const char *declarations);
/* True where a reader would not see text. */
bool css_is_unseen(const struct css_look *look);

struct css_element {
    const char *name, *classes, *id; /* in small letters; never NULL */
};

/* The rules of all style sheets of a mail. Created by g_ptr_array_new_with_free_func(css_rule_free). */
void css_rule_free(void *rule);
void css_add_rules(GPtrArray *rules, const char *plain);
/* Applies all rules whose last part of the selector may mean the element, wherever it stands. */
void css_apply_rules(struct css_look *look, const GPtrArray *rules, const struct css_element *e);

#endif

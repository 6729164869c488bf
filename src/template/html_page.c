#include "html_page.h"

#include <string.h>

static const struct html_fault no_fault = { NULL, NULL };

void html_page_init(struct html_page *page, GPtrArray *rules)
{
    *page = (struct html_page){ .rules = rules, .style = g_string_new("") };
    page->open[0].look = CSS_LOOK;
}

void html_page_release(struct html_page *page)
{
    g_string_free(page->style, TRUE);
    g_free(page->classes);
    g_free(page->id);
}

bool html_page_is_unseen(const struct html_page *page)
{
    return css_is_unseen(&page->open[page->depth].look);
}

/* --- elements --- */

void html_page_begin(struct html_page *page)
{
    page->look = page->open[page->depth].look;
    g_string_truncate(page->style, 0);
    g_clear_pointer(&page->classes, g_free);
    g_clear_pointer(&page->id, g_free);
}

struct html_fault html_page_open(struct html_page *page, const struct html_element *e)
{
    const struct css_element element = { .name = e->name,
                                         .classes = page->classes ? page->classes : "",
                                         .id = page->id ? page->id : "" };

    css_apply_rules(&page->look, page->rules, &element);
    css_apply(&page->look, page->style->str);
    if (e->is_void)
        return no_fault;
    if (page->depth + 1 == HTML_DEPTH)
        return (struct html_fault){ "html-element", "there are too many elements in one another" };
    page->depth++;
    page->open[page->depth].is = e;
    page->open[page->depth].look = page->look;
    return no_fault;
}

void html_page_end_loose(struct html_page *page, unsigned least)
{
    while (page->depth > least && page->open[page->depth].is->ends_itself)
        page->depth--;
}

struct html_fault html_page_close(struct html_page *page, const struct html_element *e, unsigned least)
{
    if (strcmp(e->name, "html") == 0 || strcmp(e->name, "body") == 0)
        return no_fault; /* what comes behind is taken into the body all the same */
    while (page->depth > least && page->open[page->depth].is != e && page->open[page->depth].is->ends_itself)
        page->depth--;
    if (page->depth <= least || page->open[page->depth].is != e)
        return (struct html_fault){ "html-element",
                                    "this closes an element that was not opened last, or outside of this section" };
    page->depth--;
    return no_fault;
}

/* --- attributes --- */

static struct html_fault judge_style(const char *plain)
{
    return (struct html_fault){ "html-reference", css_loads(plain) };
}

struct html_fault html_page_sheet(struct html_page *page, const char *text)
{
    g_autofree char *plain = css_plain(text, strlen(text));

    css_add_rules(page->rules, plain);
    return judge_style(plain);
}

static struct html_fault use_style(struct html_page *page, const char *value)
{
    g_autofree char *plain = css_plain(value, strlen(value));

    g_string_append_printf(page->style, ";%s", plain);
    return judge_style(plain);
}

/* hidden, class, id, bgcolor, <font color>, <body text> */
static void use_look(struct html_page *page, const char *name, const char *value)
{
    if (strcmp(name, "class") == 0 || strcmp(name, "id") == 0) {
        char **kept = name[0] == 'c' ? &page->classes : &page->id;

        g_free(*kept);
        *kept = g_strdup(value);
    } else if (strcmp(name, "hidden") == 0) {
        page->look.hidden = true;
    } else if (strcmp(name, "bgcolor") == 0) {
        page->look.has_ground = colour_parse(value, &page->look.ground);
    } else if (strcmp(name, "color") == 0 || strcmp(name, "text") == 0) {
        page->look.has_ink = colour_parse(value, &page->look.ink);
    }
}

static struct html_fault use_value(struct html_page *page, const char *name, enum html_use use, const char *value)
{
    if (use == HTML_STYLE)
        return use_style(page, value);
    if (use == HTML_LOOK)
        use_look(page, name, value);
    if (use == HTML_LINK && !html_is_link(value))
        return (struct html_fault){ "html-reference",
                                    "a link of a mail begins with https:, http:, mailto:, tel: or #" };
    if (use == HTML_CONTENT && !html_is_content(value))
        return (struct html_fault){
            "html-reference",
            "this would be loaded from elsewhere; a mail brings all that it shows (data:image/png;…)"
        };
    if (use == HTML_EQUIV && strcmp(value, "content-type") != 0 && strcmp(value, "x-ua-compatible") != 0)
        return (struct html_fault){ "html-element", "of http-equiv only content-type is possible in a mail" };
    return no_fault;
}

struct html_fault html_page_attribute(struct html_page *page, const char *name, const char *value)
{
    g_autofree char *small = g_ascii_strdown(name, -1), *plain = NULL;
    enum html_use use;

    if (strncmp(small, "on", 2) == 0)
        return (struct html_fault){ "html-element", "a mail runs no scripts" };
    if (!html_attribute(small, strlen(small), &use))
        return (struct html_fault){
            "html-reference", "a mail cannot have this attribute: it is not known, or it would load something"
        };
    if (!html_value(value, strlen(value), &plain) && (use == HTML_STYLE || use == HTML_CONTENT))
        return (struct html_fault){ "html-reference", "write the sign itself instead of its name (&…;) here" };
    return use_value(page, small, use, plain);
}

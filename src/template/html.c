/* The HTML part of a mail is looked through for what would load, run or send something, for values that could become
 * markup, and for a secret that its reader does not see. By ourselves, because libxml2's HTML parser mends what it
 * reads: where a tag of the template stood in the file could not be told any more. What this scanner does not know,
 * it refuses.
 *
 * It goes through the parts of the template as they will stand one behind the other. A section ends where it began:
 * so the page is the same to a browser with it and without it. */
#include "html.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "html_page.h"
#include "program.h"
#include "secrecy.h"

enum place {
    IN_TEXT,
    IN_OPENING, /* behind "<" */
    IN_NAME,    /* of an element */
    IN_TAG,     /* between attributes */
    IN_ATTRIBUTE,
    BEHIND_ATTRIBUTE, /* blanks before "=" */
    BEFORE_VALUE,
    IN_QUOTES,
    IN_BARE_VALUE,
    IN_RAW, /* the text of <title>, <style> */
    IN_DECLARATION,
    IN_COMMENT,
};

struct state {
    enum place place;
    unsigned depth;   /* of the page */
    size_t attribute; /* where the attribute began */
};

struct scan {
    const struct mustache_source *s;
    struct findings *f;
    struct state now;
    struct state sections[MUSTACHE_DEPTH]; /* as they began */
    unsigned n_sections;
    char quote;
    size_t tag; /* where the tag began */
    const struct html_element *element;
    bool closes;
    GString *name, *attribute, *value, *raw; /* what was read of them */
    struct html_page page;
    int bad;
};

static void refuse(struct scan *x, size_t at, const char *code, const char *words)
{
    if (x->bad == 0 || (x->f && x->f->each))
        x->bad = program_problem(x->s, at, x->f, code, "%s", words);
}

static bool is_space(char c)
{
    return isspace((unsigned char)c);
}

/* --- elements and attributes --- */

static void refuse_fault(struct scan *x, size_t at, struct html_fault fault)
{
    if (fault.words)
        refuse(x, at, fault.code, fault.words);
}

static void end_tag(struct scan *x)
{
    unsigned least = x->n_sections > 0 ? x->sections[x->n_sections - 1].depth : 0;

    x->now.place = IN_TEXT;
    if (!x->element)
        return;
    if (x->closes)
        refuse_fault(x, x->tag, html_page_close(&x->page, x->element, least));
    else
        refuse_fault(x, x->tag, html_page_open(&x->page, x->element));
    if (x->element->is_raw && !x->closes) {
        x->now.place = IN_RAW;
        g_string_truncate(x->raw, 0);
    }
}

static void end_name(struct scan *x)
{
    x->element = html_element(x->name->str, x->name->len);
    if (!x->element)
        refuse(x, x->tag + 1 + x->closes, "html-element",
               "a mail cannot have this element: it is not known, or it would load, run or send something");
    html_page_begin(&x->page);
}

static void end_attribute(struct scan *x)
{
    x->now.place = IN_TAG;
    refuse_fault(x, x->now.attribute, html_page_attribute(&x->page, x->attribute->str, x->value->str));
}

/* --- signs --- */

static void begin_attribute(struct scan *x, char c, size_t at)
{
    x->now.place = IN_ATTRIBUTE;
    x->now.attribute = at;
    g_string_truncate(x->value, 0);
    g_string_assign(x->attribute, (char[]){ c, '\0' });
}

static void take_opening(struct scan *x, char c)
{
    g_string_truncate(x->name, 0);
    if (c == '/' && !x->closes) {
        x->closes = true;
    } else if (isalpha((unsigned char)c)) {
        x->now.place = IN_NAME;
        g_string_append_c(x->name, c);
    } else if (c == '!' && !x->closes) {
        x->now.place = IN_DECLARATION;
    } else if (c == '?' || x->closes) {
        refuse(x, x->tag, "html-element", "this is neither text nor an element");
        x->now.place = IN_TEXT;
    } else if (c != '<') { /* "1 < 2" */
        x->now.place = IN_TEXT;
    } else {
        x->closes = false;
    }
}

/* Only a document's type and comments that nobody reads. Outlook reads those that begin with "[if". */
static void take_declaration(struct scan *x, char c)
{
    g_string_append_c(x->name, c);
    if (g_str_has_prefix(x->name->str, "--")) {
        x->now.place = IN_COMMENT;
        g_string_truncate(x->raw, 0);
    } else if (c == '>') {
        if (strncasecmp(x->name->str, "doctype html", 12) != 0)
            refuse(x, x->tag, "html-element", "this is neither text nor an element");
        x->now.place = IN_TEXT;
    }
}

static void take_comment(struct scan *x, char c)
{
    g_string_append_c(x->raw, c);
    if (strcmp(x->raw->str, "[") == 0)
        refuse(x, x->tag, "html-element", "some mail programs show what stands in a conditional comment");
    if (g_str_has_suffix(x->raw->str, "-->") || strcmp(x->raw->str, ">") == 0 || strcmp(x->raw->str, "->") == 0 ||
        g_str_has_suffix(x->raw->str, "--!>"))
        x->now.place = IN_TEXT;
}

static void take_in_tag(struct scan *x, char c, size_t at)
{
    if (c == '>')
        end_tag(x);
    else if (c != '/' && !is_space(c))
        begin_attribute(x, c, at);
}

static void take_name(struct scan *x, char c, size_t at)
{
    if (!is_space(c) && c != '/' && c != '>') {
        g_string_append_c(x->name, c);
        return;
    }
    end_name(x);
    x->now.place = IN_TAG;
    take_in_tag(x, c, at);
}

static void take_attribute(struct scan *x, char c, size_t at)
{
    if (c == '=') {
        x->now.place = BEFORE_VALUE;
    } else if (is_space(c)) {
        x->now.place = BEHIND_ATTRIBUTE;
    } else if (x->now.place == BEHIND_ATTRIBUTE || c == '/' || c == '>') {
        end_attribute(x);
        take_in_tag(x, c, at);
    } else {
        g_string_append_c(x->attribute, c);
    }
}

static void take_value(struct scan *x, char c, size_t at)
{
    if (x->now.place == BEFORE_VALUE && is_space(c))
        return;
    if (x->now.place == BEFORE_VALUE && (c == '"' || c == '\'')) {
        x->now.place = IN_QUOTES;
        x->quote = c;
    } else if (x->now.place == IN_QUOTES && c == x->quote) {
        end_attribute(x);
    } else if (x->now.place != IN_QUOTES && (is_space(c) || c == '>')) {
        end_attribute(x);
        take_in_tag(x, c, at);
    } else {
        if (x->now.place == BEFORE_VALUE)
            x->now.place = IN_BARE_VALUE;
        g_string_append_c(x->value, c);
    }
}

/* The end of a raw element's text is "</" and its name. */
static void take_raw(struct scan *x, char c, size_t at)
{
    const size_t size = strlen(x->element->name) + 3;
    const char *end;

    g_string_append_c(x->raw, c);
    end = x->raw->len >= size ? x->raw->str + x->raw->len - size : NULL;
    if (!end || strncmp(end, "</", 2) != 0 || strncasecmp(end + 2, x->element->name, size - 3) != 0 ||
        (!is_space(c) && c != '/' && c != '>'))
        return;
    g_string_truncate(x->raw, x->raw->len - size);
    if (strcmp(x->element->name, "style") == 0)
        refuse_fault(x, x->tag, html_page_sheet(&x->page, x->raw->str));
    x->closes = true;
    x->now.place = IN_TAG;
    take_in_tag(x, c, at);
}

static void take_sign(struct scan *x, char c, size_t at)
{
    switch (x->now.place) {
    case IN_TEXT:
        if (c == '<') {
            x->now.place = IN_OPENING;
            x->closes = false;
            x->tag = at;
        }
        break;
    case IN_OPENING:
        take_opening(x, c);
        break;
    case IN_NAME:
        take_name(x, c, at);
        break;
    case IN_TAG:
        take_in_tag(x, c, at);
        break;
    case IN_ATTRIBUTE:
    case BEHIND_ATTRIBUTE:
        take_attribute(x, c, at);
        break;
    case BEFORE_VALUE:
    case IN_QUOTES:
    case IN_BARE_VALUE:
        take_value(x, c, at);
        break;
    case IN_RAW:
        take_raw(x, c, at);
        break;
    case IN_DECLARATION:
        take_declaration(x, c);
        break;
    case IN_COMMENT:
        take_comment(x, c);
        break;
    }
}

/* --- the template's tags --- */

/* As long as nothing there could become the end of it. */
static bool is_in_title(const struct scan *x)
{
    return x->now.place == IN_RAW && strcmp(x->element->name, "title") == 0 && !strchr(x->raw->str, '<');
}

/* What may stand here is words for people. */
static bool takes_values(const struct scan *x)
{
    enum html_use use;

    return x->now.place == IN_TEXT || is_in_title(x) ||
           (x->now.place == IN_QUOTES && html_attribute(x->attribute->str, x->attribute->len, &use) &&
            use == HTML_VALUES);
}

static bool takes_sections(const struct scan *x)
{
    enum html_use use;

    return takes_values(x) || x->now.place == IN_TAG ||
           (x->now.place == IN_QUOTES && html_attribute(x->attribute->str, x->attribute->len, &use) &&
            use == HTML_WORDS);
}

static void take_value_tag(struct scan *x, const struct op *op)
{
    if (op->name && op->name->type == MUSTACHE_SECRET) {
        if (x->now.place != IN_TEXT)
            refuse(x, op->start, "secrecy", "a secret can stand only in the text that its reader sees");
        else if (html_page_is_unseen(&x->page))
            refuse(x, op->start, "secrecy", "its reader would not see the secret here: hidden, too small or faint");
    }
    if (!takes_values(x) && !(op->name && op->name->type == MUSTACHE_SECRET))
        refuse(x, op->start, "html-value",
               "a value could become markup here: it can stand in text, and in a title, alt or aria-label in quotes");
    if (op->kind == OP_VERBATIM)
        refuse(x, op->start, "html-value", "a value must not become markup: write it with two braces");
}

static void begin_section(struct scan *x, const struct op *op)
{
    if (!takes_sections(x))
        refuse(x, op->start, "html-value", "no tag of the template can stand here");
    x->now.depth = x->page.depth;
    x->sections[x->n_sections++] = x->now;
}

static void end_section(struct scan *x, const struct op *op)
{
    const struct state *began = &x->sections[x->n_sections - 1];

    html_page_end_loose(&x->page, began->depth);
    if (x->now.place != began->place || x->page.depth != began->depth ||
        (x->now.place == IN_QUOTES && x->now.attribute != began->attribute))
        refuse(x, op->start, "html-value", "what a section opens, a tag or an element, must end in it");
    x->n_sections--;
}

static void take_text(struct scan *x, const struct op *op)
{
    for (size_t i = 0; i < op->size; i++)
        take_sign(x, x->s->text[op->start + i], op->start + i);
}

static void scan_all(struct scan *x, const struct mustache *m)
{
    const struct op *sections[MUSTACHE_DEPTH];

    for (size_t i = 0; i <= m->n; i++) {
        const struct op *op = &m->ops[i];

        while (x->n_sections > 0 && sections[x->n_sections - 1]->next <= i)
            end_section(x, sections[x->n_sections - 1]);
        if (i == m->n)
            break;
        if (op->kind == OP_TEXT) {
            take_text(x, op);
        } else if (op->kind == OP_VALUE || op->kind == OP_VERBATIM) {
            take_value_tag(x, op);
        } else {
            sections[x->n_sections] = op;
            begin_section(x, op);
        }
    }
}

/* RULES: what was found in style sheets, wherever they stand; they are added to. */
static int scan(const struct mustache *m, const struct mustache_source *s, GPtrArray *rules, struct findings *f)
{
    struct scan x = { .s = s, .f = f };

    html_page_init(&x.page, rules);
    x.name = g_string_new("");
    x.attribute = g_string_new("");
    x.value = g_string_new("");
    x.raw = g_string_new("");
    scan_all(&x, m);
    if (x.now.place != IN_TEXT)
        refuse(&x, s->size, "html-element", "the file ends within a tag or a comment");
    g_string_free(x.name, TRUE);
    g_string_free(x.attribute, TRUE);
    g_string_free(x.value, TRUE);
    g_string_free(x.raw, TRUE);
    html_page_release(&x.page);
    return x.bad;
}

int secrecy_check_html(const struct mustache *m, const struct mustache_source *s, struct findings *f)
{
    g_autoptr(GPtrArray) rules = g_ptr_array_new_with_free_func(css_rule_free);

    scan(m, s, rules, NULL); /* finds the style sheets */
    return scan(m, s, rules, f);
}

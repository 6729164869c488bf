/* The HTML part of a mail is looked through for what would load, run or send something, and for a secret outside of
 * the text that its reader sees. By ourselves, because libxml2's HTML parser mends what it reads: where a tag of the
 * template stood in the file could not be told any more. What this scanner misreads, it refuses. */
#include "secrecy.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "program.h"

struct scan {
    const struct mustache *m;
    const struct mustache_source *s;
    struct findings *f;
    size_t at;
    size_t op;       /* the next op that may print a secret */
    const char *raw; /* within <title>, <style> …: its name */
    int bad;
};

static const char *const refused[] = { "script", "link",  "iframe", "frame", "object", "embed", "base",
                                       "form",   "input", "video",  "audio", "svg",    "math",  "portal" };
static const char *const loading[] = { "src", "srcset", "background", "poster", "data", "action", "formaction" };
static const char *const raw_elements[] = { "title", "style", "textarea", "xmp", "noscript" };

static bool name_is(const char *name, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(name, word, size) == 0;
}

static const char *find_word(const char *const *words, size_t n, const char *name, size_t size)
{
    for (size_t i = 0; i < n; i++)
        if (name_is(name, size, words[i]))
            return words[i];
    return NULL;
}

static bool starts(const char *at, size_t left, const char *word)
{
    return left >= strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

static const char *find_in(const char *at, size_t size, const char *word)
{
    for (; size >= strlen(word); at++, size--)
        if (starts(at, size, word))
            return at;
    return NULL;
}

static void find_wrong(struct scan *x, size_t at, const char *code, const char *words)
{
    if (x->bad == 0 || (x->f && x->f->each))
        x->bad = program_problem(x->s, at, x->f, code, "%s", words);
}

/* Everything up to END was no text that is seen. */
static void pass_unseen(struct scan *x, size_t end)
{
    for (; x->op < x->m->n && x->m->ops[x->op].start < end; x->op++) {
        const struct op *op = &x->m->ops[x->op];
        bool prints = (op->kind == OP_VALUE || op->kind == OP_VERBATIM) && op->name;

        if (prints && op->name->type == MUSTACHE_SECRET)
            find_wrong(x, op->start, "secrecy", "a secret can stand only in the text that its reader sees");
    }
    x->at = end;
}

static void pass_seen(struct scan *x, size_t end)
{
    while (x->op < x->m->n && x->m->ops[x->op].start < end)
        x->op++;
    x->at = end;
}

/* Style text: what it names by url() is loaded. */
static void check_style(struct scan *x, size_t at, size_t size)
{
    const char *text = x->s->text + at;

    if (find_in(text, size, "@import"))
        find_wrong(x, at, "html-reference", "@import would load something; a mail brings all that it shows");
    for (const char *u = text; (u = find_in(u, size - (size_t)(u - text), "url(")) != NULL; u += 4) {
        const char *v = u + 4;

        while (v < text + size && (isspace((unsigned char)*v) || *v == '"' || *v == '\''))
            v++;
        if (!starts(v, (size_t)(text + size - v), "data:"))
            find_wrong(x, (size_t)(u - x->s->text), "html-reference",
                       "url() would load something; a mail brings all that it shows (data:)");
    }
}

static void check_attribute(struct scan *x, size_t at, size_t size, size_t value, size_t value_size)
{
    const char *name = x->s->text + at, *v = x->s->text + value;

    if (size > 2 && strncasecmp(name, "on", 2) == 0)
        find_wrong(x, at, "html-element", "a mail runs no scripts");
    else if (find_word(loading, ARRAY_SIZE(loading), name, size) && !starts(v, value_size, "data:"))
        find_wrong(x, at, "html-reference",
                   "this would be loaded from elsewhere; a mail brings all that it shows (data:)");
    else if (name_is(name, size, "href") && find_in(v, value_size, "javascript:"))
        find_wrong(x, at, "html-element", "a mail runs no scripts");
    else if (name_is(name, size, "style"))
        check_style(x, value, value_size);
    else if (name_is(name, size, "http-equiv") && !starts(v, value_size, "content-type"))
        find_wrong(x, at, "html-element", "of http-equiv only content-type is possible in a mail");
}

static size_t skip_blanks(const struct scan *x, size_t at)
{
    while (at < x->s->size && (isspace((unsigned char)x->s->text[at]) || x->s->text[at] == '/'))
        at++;
    return at;
}

static size_t skip_word(const struct scan *x, size_t at)
{
    while (at < x->s->size && !isspace((unsigned char)x->s->text[at]) && !strchr("=>/\"'", x->s->text[at]))
        at++;
    return at;
}

/* One attribute at AT; returns the offset behind it. */
static size_t scan_attribute(struct scan *x, size_t at)
{
    size_t end = skip_word(x, at), value = skip_blanks(x, end), value_end;
    char quote;

    if (end == at)
        return at + 1;
    if (value >= x->s->size || x->s->text[value] != '=') {
        check_attribute(x, at, end - at, end, 0);
        return end;
    }
    for (value++; value < x->s->size && isspace((unsigned char)x->s->text[value]);)
        value++;
    quote = value < x->s->size ? x->s->text[value] : '\0';
    if (quote == '"' || quote == '\'') {
        const char *closing = memchr(x->s->text + value + 1, quote, x->s->size - value - 1);

        value++;
        value_end = closing ? (size_t)(closing - x->s->text) : x->s->size;
    } else {
        for (value_end = value; value_end < x->s->size && !isspace((unsigned char)x->s->text[value_end]) &&
                                x->s->text[value_end] != '>';)
            value_end++;
    }
    check_attribute(x, at, end - at, value, value_end - value);
    return value_end + (quote == '"' || quote == '\'');
}

/* A tag, from its "<". */
static void scan_tag(struct scan *x)
{
    const char *text = x->s->text;
    bool closes = x->at + 1 < x->s->size && text[x->at + 1] == '/';
    size_t name = x->at + 1 + closes, at = skip_word(x, name), size = at - name;
    const char *raw = find_word(raw_elements, ARRAY_SIZE(raw_elements), text + name, size);

    if (find_word(refused, ARRAY_SIZE(refused), text + name, size))
        find_wrong(x, name, "html-element", "this element would load, run or send something; a mail has none of it");
    for (at = skip_blanks(x, at); at < x->s->size && text[at] != '>'; at = skip_blanks(x, at))
        at = scan_attribute(x, at);
    pass_unseen(x, at < x->s->size ? at + 1 : x->s->size);
    if (raw)
        x->raw = closes ? NULL : raw;
}

static void scan_comment(struct scan *x)
{
    const char *end = memmem(x->s->text + x->at, x->s->size - x->at, "-->", 3);

    pass_unseen(x, end ? (size_t)(end - x->s->text) + 3 : x->s->size);
}

/* Up to the closing tag of what is no text for the reader. */
static void scan_raw(struct scan *x)
{
    size_t begin = x->at, at = begin;

    while (at < x->s->size && !(starts(x->s->text + at, x->s->size - at, "</") &&
                                starts(x->s->text + at + 2, x->s->size - at - 2, x->raw)))
        at++;
    if (name_is("style", 5, x->raw))
        check_style(x, begin, at - begin);
    pass_unseen(x, at);
    x->raw = NULL;
}

static bool is_tag_start(const struct scan *x)
{
    char next = x->at + 1 < x->s->size ? x->s->text[x->at + 1] : '\0';

    return x->s->text[x->at] == '<' && (isalpha((unsigned char)next) || next == '/' || next == '!' || next == '?');
}

int secrecy_check_html(const struct mustache *m, const struct mustache_source *s, struct findings *f)
{
    struct scan x = { .m = m, .s = s, .f = f };

    while (x.at < s->size && (x.bad == 0 || f->each)) {
        if (x.raw)
            scan_raw(&x);
        else if (starts(s->text + x.at, s->size - x.at, "<!--"))
            scan_comment(&x);
        else if (is_tag_start(&x))
            scan_tag(&x);
        else
            pass_seen(&x, x.at + 1);
    }
    return x.bad;
}

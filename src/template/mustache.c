#include "mustache.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bidi.h"
#include "program.h"

enum { OPS_MOST = 64 * 1024, FIRST_OPS = 16 };

struct delimiter {
    char text[MUSTACHE_DELIMITER];
    size_t size;
};

struct parser {
    const struct mustache_source *s;
    struct mustache *m;
    struct findings *f;
    struct delimiter open, close;
    uint32_t sections[MUSTACHE_DEPTH]; /* the ops that wait for their end */
    unsigned depth;
};

/* One tag of the source: [start, end) with its delimiters. */
struct tag {
    size_t start, end;
    char sigil;             /* '\0' for a plain variable */
    size_t name, name_size; /* trimmed; of '=' and '!': the content */
};

int program_problem(const struct mustache_source *s, size_t offset, struct findings *f, const char *code,
                    const char *format, ...)
{
    char where[FINDING_WHERE], message[FINDING_MESSAGE];
    unsigned line = s->line;
    size_t column = 1;
    va_list args;

    for (size_t i = 0; i < offset && i < s->size; i++) {
        line += s->text[i] == '\n';
        column = s->text[i] == '\n' ? 1 : column + 1;
    }
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    snprintf(where, sizeof(where), "%s:%u:%zu", s->file, line, column);
    return findings_add(f, code, where, "%s", message);
}

static int add_op(struct mustache *m, const struct op *op)
{
    if (m->n == OPS_MOST)
        return -ENOBUFS;
    if (m->n == m->room) {
        size_t room = m->room ? 2 * m->room : FIRST_OPS;
        struct op *ops = reallocarray(m->ops, room, sizeof(*ops));

        if (!ops)
            return -ENOMEM;
        m->ops = ops;
        m->room = room;
    }
    m->ops[m->n++] = *op;
    return 0;
}

static int add_text(struct parser *x, size_t start, size_t end)
{
    struct op op = { .kind = OP_TEXT, .start = (uint32_t)start, .size = (uint32_t)(end - start) };

    return end > start ? add_op(x->m, &op) : 0;
}

/* The offset of NEEDLE at or after FROM; the source's size when there is none. */
static size_t find(const struct mustache_source *s, size_t from, const char *needle, size_t size)
{
    const char *hit = from < s->size ? memmem(s->text + from, s->size - from, needle, size) : NULL;

    return hit ? (size_t)(hit - s->text) : s->size;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(const char *text, size_t *start, size_t *size)
{
    while (*size > 0 && is_space(text[*start])) {
        ++*start;
        --*size;
    }
    while (*size > 0 && is_space(text[*start + *size - 1]))
        --*size;
}

/* Reads the tag that begins at START. */
static int read_tag(struct parser *x, size_t start, struct tag *ret)
{
    const struct mustache_source *s = x->s;
    struct tag t = { .start = start, .name = start + x->open.size };
    char closing[MUSTACHE_DELIMITER + 1];
    size_t n = 0, end;

    if (t.name < s->size && strchr("#^/!&{=>", s->text[t.name]) && s->text[t.name] != '\0')
        t.sigil = s->text[t.name++];
    if (t.sigil == '{' || t.sigil == '=')
        closing[n++] = t.sigil == '{' ? '}' : '=';
    memcpy(closing + n, x->close.text, x->close.size);
    n += x->close.size;
    end = find(s, t.name, closing, n);
    if (end == s->size)
        return program_problem(s, start, x->f, "template", "this tag is never closed");
    t.name_size = end - t.name;
    t.end = end + n;
    trim(s->text, &t.name, &t.name_size);
    *ret = t;
    return 0;
}

/* A tag that prints nothing and stands alone on its line takes the whole line away: moves *TEXT_END back to the
 * start of the line and *AT behind its end. */
static void swallow_line(const struct mustache_source *s, const struct tag *t, size_t *text_end, size_t *at)
{
    size_t begin = t->start, end = t->end;

    while (begin > 0 && (s->text[begin - 1] == ' ' || s->text[begin - 1] == '\t'))
        begin--;
    while (end < s->size && (s->text[end] == ' ' || s->text[end] == '\t'))
        end++;
    if (begin > 0 && s->text[begin - 1] != '\n')
        return;
    if (end + 1 < s->size && s->text[end] == '\r' && s->text[end + 1] == '\n')
        end++;
    if (end < s->size && s->text[end] != '\n')
        return;
    *text_end = begin;
    *at = end < s->size ? end + 1 : end;
}

static bool is_name(const char *name, size_t size)
{
    if (size == 0)
        return false;
    if (size == 1 && name[0] == '.')
        return true;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];
        bool dot_is_out_of_place = c == '.' && (i == 0 || i == size - 1 || name[i - 1] == '.');

        if (c <= ' ' || c == 0x7f || c == '{' || c == '}' || dot_is_out_of_place)
            return false;
    }
    return true;
}

static int open_section(struct parser *x, const struct tag *t, struct op *op)
{
    if (x->depth == MUSTACHE_DEPTH)
        return program_problem(x->s, t->start, x->f, "template", "sections are nested more than %d deep",
                               MUSTACHE_DEPTH);
    op->kind = t->sigil == '#' ? OP_SECTION : OP_INVERTED;
    x->sections[x->depth++] = (uint32_t)x->m->n;
    return add_op(x->m, op);
}

static int close_section(struct parser *x, const struct tag *t)
{
    struct op *op;

    if (x->depth == 0)
        return program_problem(x->s, t->start, x->f, "template", "this closes a section that is not open");
    op = &x->m->ops[x->sections[x->depth - 1]];
    op->next = (uint32_t)x->m->n;
    x->depth--;
    if (op->size == t->name_size && memcmp(x->s->text + op->start, x->s->text + t->name, op->size) == 0)
        return 0;
    return program_problem(x->s, t->start, x->f, "template", "the section to close here is \"%.*s\"", (int)op->size,
                           x->s->text + op->start);
}

static bool take_delimiter(const char *text, size_t size, struct delimiter *ret)
{
    if (size == 0 || size >= sizeof(ret->text) || memchr(text, '=', size))
        return false;
    memcpy(ret->text, text, size);
    ret->size = size;
    return true;
}

static int change_delimiters(struct parser *x, const struct tag *t)
{
    const char *text = x->s->text + t->name;
    size_t first = 0, last = t->name_size;

    if (x->s->fixed_delimiters)
        return program_problem(x->s, t->start, x->f, "template", "delimiters cannot be changed in this file");
    while (first < t->name_size && !is_space(text[first]))
        first++;
    while (last > first && !is_space(text[last - 1]))
        last--;
    if (last > first) {
        size_t gap = first, blanks = last - first;

        trim(text, &gap, &blanks);
        if (blanks == 0 && take_delimiter(text, first, &x->open) &&
            take_delimiter(text + last, t->name_size - last, &x->close))
            return 0;
    }
    return program_problem(x->s, t->start, x->f, "template", "two delimiters belong here, as in {{=<%% %%>=}}");
}

static int add_named(struct parser *x, const struct tag *t)
{
    struct op op = { .kind = t->sigil == '\0' ? OP_VALUE : OP_VERBATIM,
                     .start = (uint32_t)t->name,
                     .size = (uint32_t)t->name_size };

    if (!is_name(x->s->text + t->name, t->name_size))
        return program_problem(x->s, t->start, x->f, "template", "this tag names no variable");
    if (t->sigil == '#' || t->sigil == '^')
        return open_section(x, t, &op);
    if (t->sigil == '/')
        return close_section(x, t);
    return add_op(x->m, &op);
}

static int add_tag(struct parser *x, const struct tag *t)
{
    switch (t->sigil) {
    case '!':
        return 0;
    case '=':
        return change_delimiters(x, t);
    case '>':
        return program_problem(x->s, t->start, x->f, "template", "partials are not part of this subset");
    default:
        return add_named(x, t);
    }
}

static int parse(struct parser *x)
{
    size_t at = 0;
    int bad = 0;

    while (at < x->s->size) {
        size_t start = find(x->s, at, x->open.text, x->open.size), text_end = start, after;
        struct tag t = { .name = 0 };
        int r;

        if (start == x->s->size) {
            r = add_text(x, at, start);
            return r < 0 ? r : bad;
        }
        r = read_tag(x, start, &t);
        if (r != 0)
            return r;
        after = t.end;
        if (t.sigil != '\0' && t.sigil != '&' && t.sigil != '{')
            swallow_line(x->s, &t, &text_end, &after);
        r = add_text(x, at, text_end);
        if (r == 0)
            r = add_tag(x, &t);
        if (!findings_go_on(x->f, r))
            return r;
        bad |= r;
        at = after;
    }
    return bad;
}

/* Names are looked at even where sections are wrong: these then reach to the end. */
static int close_all(struct parser *x)
{
    int bad = 0;

    while (x->depth > 0) {
        struct op *op = &x->m->ops[x->sections[--x->depth]];

        op->next = (uint32_t)x->m->n;
        bad = program_problem(x->s, op->start, x->f, "template", "this section is never closed");
        if (!findings_go_on(x->f, bad))
            return bad;
    }
    return bad;
}

static int parse_all(struct parser *x)
{
    int r = parse(x), bad;

    if (r == -ENOBUFS)
        return findings_add(x->f, "template", x->s->file, "the template has too many parts");
    if (!findings_go_on(x->f, r))
        return r;
    bad = r;
    r = close_all(x);
    if (!findings_go_on(x->f, r))
        return r;
    bad |= r;
    r = x->s->names ? program_resolve(x->m, x->s, x->f) : 0;
    return r < 0 ? r : r | bad;
}

int mustache_parse(const struct mustache_source *s, struct mustache **ret, struct findings *f)
{
    CLEANUP(mustache_cleanup) struct mustache *m = calloc(1, sizeof(*m));
    struct parser x = { .s = s, .m = m, .f = f, .open = { "{{", 2 }, .close = { "}}", 2 } };
    int r;

    if (s->size > MUSTACHE_SOURCE)
        return findings_add(f, "template", s->file, "the template is larger than %d bytes", MUSTACHE_SOURCE);
    if (!m || !(m->source = malloc(s->size + 1)))
        return -ENOMEM;
    memcpy(m->source, s->text, s->size);
    m->source[s->size] = '\0';
    m->turns = bidi_turns(m->source, s->size);
    r = parse_all(&x);
    if (findings_go_on(f, r))
        *ret = TAKE(m);
    return r;
}

struct mustache *mustache_free(struct mustache *m)
{
    if (!m)
        return NULL;
    free(m->source);
    free(m->ops);
    free(m);
    return NULL;
}

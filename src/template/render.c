#include "mustache.h"

#include <errno.h>
#include <string.h>

#include "bidi.h"
#include "program.h"

/* A list in a list in a list multiplies: no honest template comes near. */
enum { STEPS_MOST = 200 * 1000, SCALAR = 64 };

struct walk {
    const struct mustache *m;
    const struct mustache_data *d;
    enum mustache_escape escape;
    struct buffer *out;
    struct mustache_result *result;
    const json_t *stack[MUSTACHE_DEPTH + 1];
    unsigned depth;
    unsigned steps;
};

static int walk(struct walk *w, size_t begin, size_t end);

static const char *reference(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* One byte as ESCAPE wants it. */
static int add_escaped(struct buffer *b, char c, enum mustache_escape escape)
{
    const char *text = escape == MUSTACHE_HTML ? reference(c) : NULL;

    if (text)
        return buffer_add_text(b, text);
    if (is_control(c))
        c = ' ';
    if (c == ' ' && escape == MUSTACHE_SET)
        c = MUSTACHE_HARD_SPACE;
    return buffer_add(b, &c, 1);
}

static int add_bytes(struct walk *w, const struct op *op, const char *bytes, size_t size)
{
    enum mustache_escape escape = w->escape;

    if (escape == MUSTACHE_HTML && op->kind == OP_VERBATIM)
        escape = MUSTACHE_RAW;
    if (escape == MUSTACHE_RAW)
        return buffer_add(w->out, bytes, size);
    for (size_t i = 0; i < size; i++) {
        int r = add_escaped(w->out, bytes[i], escape);

        if (r < 0)
            return r;
    }
    return 0;
}

/* What marks a value for the typesetter. */
static const char *opening_mark(const struct walk *w, const struct op *op, bool is_secret)
{
    static const char value[] = { MUSTACHE_OPEN, '\0' };
    static const char secret[] = { MUSTACHE_OPEN_SECRET, '\0' };
    static const char form[] = { MUSTACHE_OPEN_FORM, '\0' };

    if (!is_secret)
        return value;
    return memchr(w->m->source + op->start, '.', op->size) ? form : secret;
}

/* What isolates a value, so that its order depends on nothing around it; NULL: nothing. Invisible signs go along when
 * a secret is copied: one that nothing can move has none. */
static const char *opening_isolate(const struct walk *w, const char *bytes, size_t size, bool is_secret)
{
    if (is_secret)
        return bidi_is_steady(bytes, size, w->m->turns) ? NULL : bidi_opening(bytes, size);
    return w->m->turns || bidi_turns(bytes, size) ? BIDI_FIRST_STRONG : NULL;
}

static int add_value(struct walk *w, const struct op *op, const char *bytes, size_t size, bool is_secret)
{
    static const char closing_mark[] = { MUSTACHE_CLOSE, '\0' };
    const char *open = NULL;
    int r;

    if (w->escape == MUSTACHE_SET)
        open = opening_mark(w, op, is_secret);
    else if (w->escape == MUSTACHE_BODY || w->escape == MUSTACHE_HTML)
        open = opening_isolate(w, bytes, size, is_secret);
    r = open ? buffer_add_text(w->out, open) : 0;
    if (r == 0)
        r = add_bytes(w, op, bytes, size);
    if (r == 0 && open)
        r = buffer_add_text(w->out, w->escape == MUSTACHE_SET ? closing_mark : BIDI_END);
    return r;
}

static size_t first_part(const char *name, size_t size)
{
    const char *dot = memchr(name, '.', size);

    return dot ? (size_t)(dot - name) : size;
}

/* The rest of a dotted name is looked for in what its first part was, and nowhere else. */
static const json_t *descend(const json_t *j, const char *name, size_t size)
{
    while (j && size > 0) {
        size_t part = first_part(name, size);

        j = json_object_getn(j, name, part);
        name += part + (part < size);
        size -= part + (part < size);
    }
    return j;
}

static const json_t *look_up(const struct walk *w, const char *name, size_t size)
{
    size_t part = first_part(name, size);

    if (size == 1 && name[0] == '.')
        return w->stack[w->depth - 1];
    for (unsigned i = w->depth; i-- > 0;)
        if (json_object_getn(w->stack[i], name, part))
            return descend(w->stack[i], name, size);
    return NULL;
}

static bool overlay(const struct walk *w, const struct op *op, const char **ret_bytes, size_t *ret_size)
{
    return w->d->overlay && w->d->overlay(w->d->userdata, w->m->source + op->start, op->size, ret_bytes, ret_size);
}

static int print_empty(struct walk *w, const struct op *op)
{
    if (!op->name || !op->name->required)
        return 0;
    w->result->empty = op->name->name;
    return MUSTACHE_EMPTY;
}

static int print_json(struct walk *w, const struct op *op, const json_t *j)
{
    char scalar[SCALAR];
    size_t size;

    if (json_string_length(j) > 0)
        return add_value(w, op, json_string_value(j), json_string_length(j), false);
    if (!json_is_number(j) && !json_is_boolean(j))
        return print_empty(w, op);
    size = json_dumpb(j, scalar, sizeof(scalar), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return add_value(w, op, scalar, size < sizeof(scalar) ? size : 0, false);
}

static int print(struct walk *w, const struct op *op)
{
    const char *bytes;
    size_t size;

    if (!overlay(w, op, &bytes, &size))
        return print_json(w, op, look_up(w, w->m->source + op->start, op->size));
    if (size == 0)
        return print_empty(w, op);
    w->result->overlay_uses++;
    return add_value(w, op, bytes, size, true);
}

static bool is_true(const json_t *j)
{
    if (!j || json_is_null(j) || json_is_false(j))
        return false;
    if (json_is_array(j))
        return json_array_size(j) > 0;
    return !json_is_string(j) || json_string_length(j) > 0;
}

static int walk_in(struct walk *w, size_t begin, size_t end, const json_t *context)
{
    int r;

    w->stack[w->depth++] = context;
    r = walk(w, begin, end);
    w->depth--;
    return r;
}

static int walk_section(struct walk *w, size_t at)
{
    const struct op *op = &w->m->ops[at];
    const char *bytes;
    size_t size;
    const json_t *j;
    int r = 0;

    if (overlay(w, op, &bytes, &size))
        return (size > 0) == (op->kind == OP_SECTION) ? walk(w, at + 1, op->next) : 0;
    j = look_up(w, w->m->source + op->start, op->size);
    if (op->kind == OP_INVERTED)
        return is_true(j) ? 0 : walk(w, at + 1, op->next);
    if (!is_true(j))
        return 0;
    if (!json_is_array(j))
        return walk_in(w, at + 1, op->next, j);
    for (size_t i = 0; r == 0 && i < json_array_size(j); i++)
        r = walk_in(w, at + 1, op->next, json_array_get(j, i));
    return r;
}

static int walk_op(struct walk *w, size_t at)
{
    const struct op *op = &w->m->ops[at];

    switch (op->kind) {
    case OP_TEXT:
        return buffer_add(w->out, w->m->source + op->start, op->size);
    case OP_VALUE:
    case OP_VERBATIM:
        return print(w, op);
    default:
        return walk_section(w, at);
    }
}

static int walk(struct walk *w, size_t begin, size_t end)
{
    size_t at = begin;

    while (at < end) {
        const struct op *op = &w->m->ops[at];
        int r = ++w->steps > STEPS_MOST ? -ENOBUFS : walk_op(w, at);

        if (r != 0)
            return r;
        at = op->kind == OP_SECTION || op->kind == OP_INVERTED ? op->next : at + 1;
    }
    return 0;
}

int mustache_render(const struct mustache *m, const struct mustache_data *d, enum mustache_escape escape,
                    struct buffer *b, struct mustache_result *result)
{
    struct walk w = { .m = m, .d = d, .escape = escape, .out = b, .result = result };

    w.stack[w.depth++] = d->root;
    return walk(&w, 0, m->n);
}

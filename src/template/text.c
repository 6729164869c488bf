#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include <pindispatch/buffer.h>

#include "fields.h"
#include "svg.h"

enum { WORDS_MOST = 256 * 1024 };

struct builder {
    struct text *t;
    struct buffer words;
    const char *file;
    bool told;
    bool shifts; /* a line goes on with dx or dy */
    struct findings *f;
};

static int add_mark(struct builder *b, char mark, size_t index)
{
    const char bytes[2] = { mark, (char)(TEXT_FIRST + index) };

    return buffer_add(&b->words, bytes, sizeof(bytes));
}

static int too_many(struct builder *b, const xmlNode *node)
{
    return svg_problem(b->file, node, b->f, "svg-text", "a text element can have at most %d styles and lines",
                       TEXT_PARTS);
}

/* One number is a place; a list of them would set each letter, which shaping forbids. */
static int read_coordinate(struct builder *b, const xmlNode *node, const char *name, bool *has, double *ret)
{
    CLEANUP(xml_text_cleanup) xmlChar *text = svg_attribute(node, name);

    *has = text != NULL;
    *ret = 0;
    if (!text || length_parse((const char *)text, 0, ret))
        return 0;
    return svg_problem(b->file, node, b->f, "svg-text", "%s must be one length", name);
}

static int read_place(struct builder *b, const xmlNode *node, struct place *ret, bool *ret_any)
{
    struct place at = { .has_x = false };
    bool has_dx, has_dy;
    int r = read_coordinate(b, node, "x", &at.has_x, &at.x);

    if (r == 0)
        r = read_coordinate(b, node, "y", &at.has_y, &at.y);
    if (r == 0)
        r = read_coordinate(b, node, "dx", &has_dx, &at.dx);
    if (r == 0)
        r = read_coordinate(b, node, "dy", &has_dy, &at.dy);
    if (r != 0)
        return r;
    *ret = at;
    *ret_any = at.has_x || at.has_y || has_dx || has_dy;
    return 0;
}

static int add_place(struct builder *b, const xmlNode *node)
{
    struct place at;
    bool any;
    int r;

    /* In a box the lines are broken anew: the places that Inkscape saves for others are of its own breaking, and
     * where a text leaves its box there, of every letter. */
    if (b->t->boxed)
        return 0;
    r = read_place(b, node, &at, &any);
    if (r != 0 || !any)
        return r;
    if (b->t->n_places == TEXT_PARTS)
        return too_many(b, node);
    b->shifts |= !at.has_x && !at.has_y;
    b->t->places[b->t->n_places] = at;
    return add_mark(b, TEXT_PLACE, b->t->n_places++);
}

/* Of its own. */
static bool has_words(const xmlNode *node)
{
    for (const xmlNode *child = node->children; child; child = child->next)
        if ((child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) && !xmlIsBlankNode(child))
            return true;
    return false;
}

static int check_style(struct builder *b, const xmlNode *node, const struct style *s)
{
    const char *refusal = style_refusal(s);

    if (!refusal && has_words(node) && (!s->family[0] || s->size <= 0))
        return svg_problem(b->file, node, b->f, "svg-style",
                           "text needs a %s: programs differ in what they begin with",
                           s->family[0] ? "font-size" : "font-family");
    if (!refusal)
        return 0;
    return svg_problem(b->file, node, b->f, "svg-style", "not supported here, text in a letter cannot have %s",
                       refusal);
}

static int add_children(struct builder *b, const xmlNode *node, size_t style);

/* In a box such a tspan means nothing; as a style of its own it would only use up room for real ones. */
static bool is_place_only(const xmlNode *node)
{
    static const char *const names[] = { "x", "y", "dx", "dy", "id" };

    for (const xmlAttr *a = node->properties; a; a = a->next) {
        bool known = a->ns != NULL && strcmp((const char *)a->name, "space") != 0;

        for (size_t i = 0; i < ARRAY_SIZE(names) && !a->ns; i++)
            known |= strcmp((const char *)a->name, names[i]) == 0;
        if (!known)
            return false;
    }
    return true;
}

static int add_span(struct builder *b, const xmlNode *node, size_t parent)
{
    struct text *t = b->t;
    size_t own = t->n_styles;
    int r;

    if (!svg_is(node, "tspan"))
        return svg_problem(b->file, node, b->f, "svg-text", "<%s> cannot stand in a text", node->name);
    if (t->boxed && is_place_only(node))
        return add_children(b, node, parent);
    if (own == TEXT_PARTS)
        return too_many(b, node);
    t->styles[own] = t->styles[parent];
    style_enter(&t->styles[own], node);
    if (!t->styles[own].displayed)
        return 0;
    t->n_styles++;
    r = check_style(b, node, &t->styles[own]);
    if (r == 0)
        r = add_place(b, node);
    if (r == 0)
        r = add_mark(b, TEXT_STYLE, own);
    if (r == 0)
        r = add_children(b, node, own);
    return r == 0 ? add_mark(b, TEXT_STYLE, parent) : r;
}

static int add_children(struct builder *b, const xmlNode *node, size_t style)
{
    int r = 0;

    for (const xmlNode *child = node->children; child && r == 0; child = child->next) {
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
            r = buffer_add_text(&b->words, (const char *)child->content);
        else if (child->type == XML_ELEMENT_NODE && !svg_is(child, "title") && !svg_is(child, "desc"))
            r = add_span(b, child, style);
    }
    return r;
}

static bool is_within(const xmlNode *node, const xmlNode *ancestor)
{
    while (node && node != ancestor)
        node = node->parent;
    return node != NULL;
}

/* What moves the rectangle and not the text: of that each program thinks otherwise. */
static const xmlNode *find_moved(const xmlNode *rect, const xmlNode *text)
{
    for (const xmlNode *node = rect; node && node->type == XML_ELEMENT_NODE; node = node->parent) {
        CLEANUP(xml_text_cleanup) xmlChar *transform = svg_attribute(node, "transform");
        CLEANUP(xml_text_cleanup) xmlChar *style = svg_attribute(node, "style");

        if (!is_within(text, node) && (transform || (style && strcasestr((const char *)style, "transform"))))
            return node;
    }
    return NULL;
}

/* The rectangle counts in the text's own units, wherever it stands (CSS Shapes in SVG 2). */
static int read_box(struct builder *b, const xmlNode *node)
{
    struct text *t = b->t;
    const char *id = t->styles[0].box;
    const xmlNode *rect = svg_find(node->doc, id);
    struct box *box = &t->box;
    const xmlNode *moved;

    t->boxed = id[0] != '\0';
    if (!t->boxed)
        return 0;
    if (!rect || !svg_is(rect, "rect"))
        return svg_problem(b->file, node, b->f, "svg-box", "shape-inside must name a <rect>; \"%s\" is none", id);
    if (!svg_length(rect, "x", 0, &box->x) || !svg_length(rect, "y", 0, &box->y) ||
        !svg_length(rect, "width", 0, &box->width) || !svg_length(rect, "height", 0, &box->height) ||
        box->width <= 0 || box->height <= 0)
        return svg_problem(b->file, rect, b->f, "svg-box", "the box needs x, y, width and height");
    moved = find_moved(rect, node);
    if (moved)
        return svg_problem(b->file, moved, b->f, "svg-box",
                           "a box cannot have a transform that its text has not: move the rectangle itself");
    return 0;
}

/* data-min-font-size: a name that is longer than most is set smaller, down to this. */
static int read_least(struct builder *b, const xmlNode *node)
{
    struct text *t = b->t;
    double size = t->styles[0].size;
    CLEANUP(xml_text_cleanup) xmlChar *text = svg_attribute(node, "data-min-font-size");

    t->least = 1;
    if (!text)
        return 0;
    if (!t->boxed)
        return svg_problem(b->file, node, b->f, "svg-box", "data-min-font-size counts in a box only (shape-inside)");
    if (!length_parse((const char *)text, size, &t->least) || t->least <= 0 || t->least > size)
        return svg_problem(b->file, node, b->f, "svg-box",
                           "data-min-font-size must be a size that is not above "
                           "font-size");
    t->least /= size;
    return 0;
}

static int read_matrix(struct builder *b, const xmlNode *node, const cairo_matrix_t *around)
{
    CLEANUP(xml_text_cleanup) xmlChar *transform = svg_attribute(node, "transform");
    cairo_matrix_t *m = &b->t->matrix;

    *m = *around;
    if (transform && !transform_parse((const char *)transform, m))
        return svg_problem(b->file, node, b->f, "svg-transform", "the transform cannot be read");
    if (fabs(m->xx * m->yy - m->xy * m->yx) < 1e-9)
        return svg_problem(b->file, node, b->f, "svg-transform", "the transform leaves nothing of the text");
    return 0;
}

static int read_words(struct builder *b, const xmlNode *node, const struct surroundings *around)
{
    int r = buffer_add_text(&b->words, around->opening);

    if (r == 0)
        r = add_children(b, node, 0);
    if (r == 0)
        r = buffer_add_text(&b->words, around->closing);
    if (r == -ENOBUFS)
        return svg_problem(b->file, node, b->f, "svg-text", "the text is too long");
    return r;
}

static int parse_words(struct builder *b, const xmlNode *node)
{
    const struct mustache_source s = {
        .text = buffer_size(&b->words) ? buffer_bytes(&b->words) : "",
        .size = buffer_size(&b->words),
        .file = b->file,
        .line = (unsigned)xmlGetLineNo(node),
        .names = fields_all,
        .fixed_delimiters = true,
    };

    return mustache_parse(&s, &b->t->program, b->told ? NULL : b->f);
}

static int is_any(void *userdata, const struct mustache_name *name)
{
    (void)userdata;
    (void)name;
    return 1;
}

/* Beyond these nothing could be read, and Pango and FreeType count in small integers. */
static const double size_least = 1, size_most = 1000, room_most = 20000; /* points */

static int check_measures(struct builder *b, const xmlNode *node)
{
    const struct text *t = b->t;
    double scale = text_scale(t);

    for (size_t i = 0; i < t->n_styles; i++) {
        const struct style *s = &t->styles[i];
        double size = s->size * scale * t->least;

        if (!(size >= size_least && size <= size_most && fabs(s->letter_spacing * scale) <= size_most &&
              s->line_height <= size_most))
            return svg_problem(b->file, node, b->f, "svg-style",
                               "the text is %s to be printed: its size comes to %g points",
                               size < size_least ? "too small" : "too large", size);
    }
    if (t->boxed && !(t->box.width * scale <= room_most && t->box.height * scale <= room_most))
        return svg_problem(b->file, node, b->f, "svg-box", "the box is larger than any page");
    return 0;
}

/* An element that leaves the font to its tspans, and has no words itself, is measured as they are. */
static void borrow_font(struct text *t)
{
    size_t i = t->n_styles;

    while (i-- > 0)
        if (t->styles[i].size <= 0 || !t->styles[i].family[0]) {
            const struct style *other = &t->styles[i + 1 < t->n_styles ? i + 1 : i];

            t->styles[i].size = other->size > 0 ? other->size : 1;
            g_strlcpy(t->styles[i].family, other->family[0] ? other->family : "sans-serif", STYLE_FAMILY);
        }
}

/* A line that is centred or ends at its place is one piece here: nothing in it can be moved by itself. */
static int check_lines(struct builder *b, const xmlNode *node)
{
    const struct text *t = b->t;

    for (size_t i = 0; i < t->n_styles && !t->boxed; i++) {
        if (b->shifts && t->styles[i].anchor != ANCHOR_START)
            return svg_problem(b->file, node, b->f, "svg-text",
                               "not supported here: dx or dy alone on a tspan where text-anchor is not start");
        if (t->styles[i].direction != t->styles[0].direction)
            return svg_problem(b->file, node, b->f, "svg-text", "not supported here: a tspan with another direction");
    }
    return 0;
}

static int build(struct builder *b, const xmlNode *node, const struct surroundings *around)
{
    struct text *t = b->t;
    const char *slash = strrchr(b->file, '/');
    bool any;
    int r;

    snprintf(t->where, sizeof(t->where), "%.40s:%ld", slash ? slash + 1 : b->file, xmlGetLineNo(node));
    svg_place(b->file, node, t->place);
    t->n_styles = t->n_places = 1;
    t->styles[0] = around->style;
    style_enter(&t->styles[0], node);
    r = check_style(b, node, &t->styles[0]);
    if (r == 0)
        r = read_matrix(b, node, &around->matrix);
    if (r == 0)
        r = read_box(b, node);
    if (r == 0)
        r = read_least(b, node);
    if (r == 0 && !t->boxed)
        r = read_place(b, node, &t->places[0], &any);
    if (r == 0)
        r = read_words(b, node, around);
    borrow_font(t);
    if (r == 0)
        r = check_measures(b, node);
    if (r == 0)
        r = check_lines(b, node);
    if (r == 0)
        r = parse_words(b, node);
    if (r == 0)
        t->general = mustache_each_printed(t->program, is_any, NULL) == 0;
    return r;
}

int text_new(const xmlNode *node, const struct surroundings *around, const char *file, bool told, struct text **ret,
             struct findings *f)
{
    CLEANUP(text_cleanup) struct text *t = calloc(1, sizeof(*t));
    struct builder b = { .t = t, .words = BUFFER(WORDS_MOST), .file = file, .told = told, .f = f };
    int r = t ? build(&b, node, around) : -ENOMEM;

    buffer_release(&b.words);
    if (r == 0)
        *ret = TAKE(t);
    return r;
}

double text_scale(const struct text *t)
{
    const cairo_matrix_t *m = &t->matrix;

    return sqrt(fabs(m->xx * m->yy - m->xy * m->yx));
}

/* The smaller singular value: a product of both is the area, and the sum of their squares that of all parts. */
double text_least_scale(const struct text *t)
{
    const cairo_matrix_t *m = &t->matrix;
    double squares = m->xx * m->xx + m->xy * m->xy + m->yx * m->yx + m->yy * m->yy;
    double area = m->xx * m->yy - m->xy * m->yx;

    return sqrt(fmax(0, (squares - sqrt(fmax(0, squares * squares - 4 * area * area))) / 2));
}

struct text *text_free(struct text *t)
{
    if (!t)
        return NULL;
    mustache_free(t->program);
    kept_free(t->kept);
    free(t);
    return NULL;
}

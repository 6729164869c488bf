#include "code.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <zint.h>

#include <pindispatch/cleanup.h>

#include "fields.h"
#include "svg.h"

enum { VALUE_MOST = 4096 };

/* What readers need around the code, and the finest bar that they and a common printer can do. */
static const struct kind {
    const char *class;
    int symbology, mode, level;
    int quiet_x, quiet_y;
    double module_least; /* millimetres */
} kinds[] = {
    { "qr", BARCODE_QRCODE, UNICODE_MODE, 2, 4, 4, 0.25 },
    { "code128", BARCODE_CODE128, UNICODE_MODE, -1, 10, 0, 0.19 },
};

struct code {
    const struct kind *kind;
    const struct mustache_name *value;
    struct mustache *test;
    cairo_matrix_t matrix; /* user units → points on the page */
    struct box box;
    char where[64];
    char place[FINDING_WHERE];
};

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    while (*words) {
        size_t size;

        words += strspn(words, " \t\r\n");
        size = strcspn(words, " \t\r\n");
        if (size == n && memcmp(words, word, n) == 0)
            return true;
        words += size;
    }
    return false;
}

static const struct kind *kind_of(const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *class = svg_is(node, "rect") ? svg_attribute(node, "class") : NULL;

    for (size_t i = 0; class && i < ARRAY_SIZE(kinds); i++)
        if (has_word((const char *)class, kinds[i].class))
            return &kinds[i];
    return NULL;
}

bool code_is(const xmlNode *node)
{
    return kind_of(node) != NULL;
}

static int read_value(struct code *c, const xmlNode *node, const char *file, struct findings *f)
{
    CLEANUP(xml_text_cleanup) xmlChar *name = svg_attribute(node, "data-value");

    c->value = fields_find(name ? (const char *)name : "delivery.reference");
    if (!c->value)
        return svg_problem(file, node, f, "unknown-variable", "data-value: there is no variable \"%.60s\"", name);
    if (c->value->type == MUSTACHE_SECRET)
        return svg_problem(file, node, f, "secrecy", "a secret never stands in a bar code");
    if (c->value->type != MUSTACHE_TEXT)
        return svg_problem(file, node, f, "svg-code", "data-value: \"%s\" is not one text", c->value->name);
    return 0;
}

static int read_place(struct code *c, const xmlNode *node, const struct surroundings *around, const char *file,
                      struct findings *f)
{
    CLEANUP(xml_text_cleanup) xmlChar *transform = svg_attribute(node, "transform");
    struct box *box = &c->box;

    c->matrix = around->matrix;
    if (transform && !transform_parse((const char *)transform, &c->matrix))
        return svg_problem(file, node, f, "svg-transform", "the transform cannot be read");
    if (!svg_length(node, "x", 0, &box->x) || !svg_length(node, "y", 0, &box->y) ||
        !svg_length(node, "width", 0, &box->width) || !svg_length(node, "height", 0, &box->height) ||
        box->width <= 0 || box->height <= 0)
        return svg_problem(file, node, f, "svg-code", "a bar code needs x, y, width and height");
    return 0;
}

int code_new(const xmlNode *node, const struct surroundings *around, const char *file, struct mustache **test,
             struct code **ret, struct findings *f)
{
    CLEANUP(code_cleanup) struct code *c = calloc(1, sizeof(*c));
    const char *slash = strrchr(file, '/');
    int r;

    if (!c)
        return -ENOMEM;
    c->kind = kind_of(node);
    snprintf(c->where, sizeof(c->where), "%.40s:%ld", slash ? slash + 1 : file, xmlGetLineNo(node));
    svg_place(file, node, c->place);
    r = read_value(c, node, file, f);
    if (r == 0)
        r = read_place(c, node, around, file, f);
    if (r != 0)
        return r;
    c->test = TAKE(*test);
    *ret = TAKE(c);
    return 0;
}

struct code *code_free(struct code *c)
{
    if (!c)
        return NULL;
    mustache_free(c->test);
    free(c);
    return NULL;
}

const char *code_place(const struct code *c)
{
    return c->place;
}

const struct mustache_name *code_value(const struct code *c)
{
    return c->value;
}

static int fail(const struct code *c, struct sheet *sheet, const char *code, const char *words)
{
    outcome_set(sheet->trouble, OUTCOME_FAILED, code, "%s %s (%s)", c->value->name, words, c->where);
    return 1;
}

/* 1: it is shown. */
static int is_shown(const struct code *c, const struct sheet *sheet)
{
    struct buffer b = BUFFER(256);
    struct mustache_result ignored = { .empty = NULL };
    int r = mustache_render(c->test, &sheet->fields->data, MUSTACHE_LINE, &b, &ignored);
    bool shown = buffer_size(&b) > 0;

    buffer_release(&b);
    return r < 0 ? r : shown;
}

static void symbol_cleanup(struct zint_symbol **s)
{
    if (*s)
        ZBarcode_Delete(*s);
}

static bool is_dark(const struct zint_symbol *s, int x, int y)
{
    return s->encoded_data[y][x / 8] >> (x % 8) & 1;
}

DEFINE_CLEANUP(cairo_surface_t, surface, cairo_surface_destroy)
DEFINE_CLEANUP(cairo_pattern_t, pattern, cairo_pattern_destroy)

static bool is_little_endian(void)
{
    static const uint16_t one = 1;

    return *(const unsigned char *)&one == 1;
}

/* In an A1 image a pixel is a bit, in words of the machine's byte order (cairo_format_t). */
static void set_pixel(unsigned char *row, int x)
{
    uint32_t word;

    row += x / 32 * (int)sizeof(word);
    memcpy(&word, row, sizeof(word));
    word |= is_little_endian() ? 1U << (x % 32) : 1U << (31 - x % 32);
    memcpy(row, &word, sizeof(word));
}

/* A module is a pixel, and the image a stencil: a PDF has a few bytes of it, and no seams where a renderer smooths
 * the edges of what touches. An error stays in the surface, and then in CR. */
static cairo_surface_t *make_stencil(const struct zint_symbol *s)
{
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_A1, s->width, s->rows);
    unsigned char *bytes = cairo_image_surface_get_data(image);
    int stride = cairo_image_surface_get_stride(image);

    for (int y = 0; bytes && y < s->rows; y++)
        for (int x = 0; x < s->width; x++)
            if (is_dark(s, x, y))
                set_pixel(bytes + y * stride, x);
    cairo_surface_mark_dirty(image);
    return image;
}

static void draw_symbol(const struct code *c, cairo_t *cr, const struct zint_symbol *s, double module)
{
    CLEANUP(surface_cleanup) cairo_surface_t *stencil = make_stencil(s);
    CLEANUP(pattern_cleanup) cairo_pattern_t *pattern = cairo_pattern_create_for_surface(stencil);
    bool is_square = s->rows > 1;
    double width = s->width * module, height = is_square ? s->rows * module : c->box.height;

    cairo_save(cr);
    cairo_transform(cr, &c->matrix);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_rectangle(cr, c->box.x, c->box.y, c->box.width, c->box.height);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_translate(cr, c->box.x + (c->box.width - width) / 2, c->box.y + (c->box.height - height) / 2);
    cairo_scale(cr, module, is_square ? module : height);
    cairo_pattern_set_filter(pattern, CAIRO_FILTER_NEAREST);
    cairo_mask(cr, pattern);
    cairo_restore(cr);
}

/* User units for one module of the code, with the quiet zone within the box. */
static double module_size(const struct code *c, const struct zint_symbol *s)
{
    double across = c->box.width / (s->width + 2 * c->kind->quiet_x);
    double down = s->rows > 1 ? c->box.height / (s->rows + 2 * c->kind->quiet_y) : across;

    return fmin(across, down);
}

static int draw_value(const struct code *c, struct sheet *sheet, const struct buffer *value)
{
    CLEANUP(symbol_cleanup) struct zint_symbol *s = ZBarcode_Create();
    const cairo_matrix_t *m = &c->matrix;
    double points = sqrt(fabs(m->xx * m->yy - m->xy * m->yx)), module;

    if (!s)
        return -ENOMEM;
    s->symbology = c->kind->symbology;
    s->input_mode = c->kind->mode;
    s->option_1 = c->kind->level;
    s->show_hrt = 0;
    if (ZBarcode_Encode(s, (const unsigned char *)buffer_bytes(value), (int)buffer_size(value)) >= ZINT_ERROR)
        return fail(c, sheet, "code-unprintable", "holds what such a bar code cannot");
    module = module_size(c, s);
    if (module * points * 25.4 / 72 < c->kind->module_least)
        return fail(c, sheet, "overflow", "is too long for its bar code to be read");
    draw_symbol(c, sheet->cr, s, module);
    return 0;
}

int code_draw(const struct code *c, struct sheet *sheet)
{
    struct buffer value = BUFFER(VALUE_MOST);
    int r = is_shown(c, sheet);

    sheet_note(sheet, &r, sizeof(r));
    if (sheet->ink == INK_SECRET_ONLY)
        return 0;
    if (r == 1) {
        r = fields_text(sheet->fields, c->value, &value);
        if (r == 0 && buffer_size(&value) > 0)
            r = draw_value(c, sheet, &value);
        else if (r == 0 && c->value->required)
            r = fail(c, sheet, "field-missing", "is missing");
    }
    buffer_release(&value);
    return r == -ENOBUFS ? fail(c, sheet, "overflow", "is too long for its bar code to be read") : r;
}

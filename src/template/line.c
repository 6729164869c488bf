#include "setting.h"

#include <math.h>

#include "bidi.h"
#include "exact.h"

enum { FIELD_NAMES = 160 };

/* Half a hundredth of a millimetre: what rounding does, and no eye sees. */
static const double tolerance = 0.015;

int setting_fail(struct setting *s, const char *code, const char *fields, const char *words)
{
    outcome_set(s->sheet->trouble, OUTCOME_FAILED, code, "%s %s (%s)", fields, words, s->t->where);
    return 1;
}

static const char *own_words(const char *fields)
{
    return fields[0] ? fields : "the template's own words";
}

/* --- what is wrong with a text, and with which field --- */

static PangoFontDescription *describe(const struct setting *s, const struct style *style)
{
    PangoFontDescription *d = pango_font_description_new();

    pango_font_description_set_family(d, style->family);
    pango_font_description_set_weight(d, (PangoWeight)style->weight);
    pango_font_description_set_style(d, style->italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
    pango_font_description_set_absolute_size(d, style->size * s->scale * s->share * PANGO_SCALE);
    return d;
}

struct search {
    struct setting *s;
    const char *found;
};

static int lacks_glyphs(void *userdata, const struct mustache_name *name)
{
    struct search *search = userdata;
    struct setting *s = search->s;
    PangoLayout *layout = pango_layout_new(s->ts->context);
    PangoFontDescription *d = describe(s, &s->t->styles[0]);
    struct buffer b = BUFFER(LINE_MOST);
    int r = fields_text(s->sheet->fields, name, &b);

    if (r == 0 && buffer_size(&b) > 0) {
        pango_layout_set_font_description(layout, d);
        typesetter_shape(s->ts, layout, buffer_bytes(&b), buffer_size(&b));
        r = pango_layout_get_unknown_glyphs_count(layout) > 0;
    }
    if (r == 1)
        search->found = name->name;
    buffer_release(&b);
    pango_font_description_free(d);
    g_object_unref(layout);
    return r;
}

static int fail_glyphs(struct setting *s)
{
    struct search search = { .s = s };
    int r = mustache_each_printed(s->t->program, lacks_glyphs, &search);

    if (r < 0)
        return r;
    return setting_fail(s, "glyph-missing", own_words(search.found ? search.found : ""),
                        "holds a character that no installed font has");
}

int setting_overflow(struct setting *s, const char *words)
{
    char fields[FIELD_NAMES];

    return setting_fail(s, "overflow", own_words(mustache_prints(s->t->program, fields, sizeof(fields))), words);
}

/* --- from bytes to a layout --- */

static void insert(PangoAttrList *list, PangoAttribute *a, size_t start, size_t end)
{
    a->start_index = (guint)start;
    a->end_index = (guint)end;
    pango_attr_list_insert(list, a);
}

static void insert_font(const struct setting *s, PangoAttrList *list, const struct style *style, size_t start,
                        size_t end)
{
    PangoFontDescription *d = describe(s, style);

    insert(list, pango_attr_font_desc_new(d), start, end);
    pango_font_description_free(d);
}

static guint16 share16(double share)
{
    return (guint16)lround(share * 65535);
}

static void add_attributes(const struct setting *s, PangoAttrList *list, const struct style *style, size_t start,
                           size_t end)
{
    bool is_black = s->sheet->ink == INK_SECRET_ONLY;
    const struct colour *fill = &style->fill;
    guint16 alpha = is_black ? 65535 : share16(style->opacity * style->fill_opacity);
    int spacing = (int)lround(style->letter_spacing * s->scale * s->share * PANGO_SCALE);

    if (style != &s->t->styles[0])
        insert_font(s, list, style, start, end);
    if (!is_black)
        insert(list, pango_attr_foreground_new(share16(fill->red), share16(fill->green), share16(fill->blue)), start,
               end);
    if (alpha < 65535)
        insert(list, pango_attr_foreground_alpha_new(alpha > 0 ? alpha : 1), start, end);
    if (spacing != 0)
        insert(list, pango_attr_letter_spacing_new(spacing), start, end);
}

/* Signs of direction take no room, and have runs of their own, so that they can be left out. */
static void add_controls(const struct setting *s, PangoAttrList *list)
{
    const char *bytes = buffer_bytes(&s->line);
    size_t size = buffer_size(&s->line);

    for (size_t i = 0, n; s->isolates && i<size; i += n> 0 ? n : 1) {
        n = bidi_control(bytes + i, size - i);
        if (n > 0)
            insert(list, pango_attr_letter_spacing_new(0), i, i + n);
    }
}

static void set_direction(struct setting *s)
{
    enum direction direction = s->t->styles[0].direction;

    pango_layout_set_auto_dir(s->ts->layout, direction == DIRECTION_AUTO);
    pango_context_set_base_dir(s->ts->context,
                               direction == DIRECTION_RTL ? PANGO_DIRECTION_RTL : PANGO_DIRECTION_LTR);
}

static void lay_out(struct setting *s)
{
    PangoLayout *layout = s->ts->layout;
    PangoAttrList *list = pango_attr_list_new();
    PangoFontDescription *d = describe(s, &s->t->styles[0]);
    size_t size = buffer_size(&s->line);

    for (size_t i = 0; i < s->n_runs; i++) {
        size_t end = i + 1 < s->n_runs ? s->runs[i + 1].start : size;

        if (end > s->runs[i].start)
            add_attributes(s, list, &s->t->styles[s->runs[i].style], s->runs[i].start, end);
    }
    if (s->t->boxed)
        insert(list, pango_attr_insert_hyphens_new(FALSE), 0, size);
    if (s->t->styles[0].language[0])
        insert(list, pango_attr_language_new(pango_language_from_string(s->t->styles[0].language)), 0, size);
    exact_add_attributes(s, list);
    add_controls(s, list);
    set_direction(s);
    pango_layout_set_width(layout, s->t->boxed ? (int)lround(s->t->box.width * s->scale * PANGO_SCALE) : -1);
    pango_layout_set_wrap(layout, s->t->styles[0].breaks ? PANGO_WRAP_WORD_CHAR : PANGO_WRAP_WORD);
    pango_layout_set_font_description(layout, d);
    typesetter_shape(s->ts, layout, buffer_bytes(&s->line), size);
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
    pango_font_description_free(d);
}

/* --- from a layout to paper --- */

/* One line's measures in scaled units; y counts from the baseline. */
struct extents {
    double width, ascent, height;
    double ink_x, ink_y, ink_width, ink_height;
};

static struct extents measure(PangoLayoutLine *line)
{
    PangoRectangle ink, logical;

    pango_layout_line_get_extents(line, &ink, &logical);
    return (struct extents){ .width = (double)logical.width / PANGO_SCALE,
                             .ascent = (double)-logical.y / PANGO_SCALE,
                             .height = (double)logical.height / PANGO_SCALE,
                             .ink_x = (double)ink.x / PANGO_SCALE,
                             .ink_y = (double)ink.y / PANGO_SCALE,
                             .ink_width = (double)ink.width / PANGO_SCALE,
                             .ink_height = (double)ink.height / PANGO_SCALE };
}

static bool is_on_page(const struct setting *s, const struct extents *e, double x, double y)
{
    for (int corner = 0; corner < 4; corner++) {
        double px = x + e->ink_x + (corner & 1 ? e->ink_width : 0);
        double py = y + e->ink_y + (corner & 2 ? e->ink_height : 0);

        cairo_matrix_transform_point(&s->matrix, &px, &py);
        if (!(px >= -tolerance && py >= -tolerance && px <= s->sheet->width + tolerance &&
              py <= s->sheet->height + tolerance))
            return false;
    }
    return true;
}

static double align(double start, double room, double width, enum anchor anchor)
{
    switch (anchor) {
    case ANCHOR_MIDDLE:
        return start + (room - width) / 2;
    case ANCHOR_END:
    case ANCHOR_RIGHT:
        return start + room - width;
    default:
        return start;
    }
}

/* "start" is where reading starts: of a box, where its line does; of a point, where the template says. */
static enum anchor anchor_of(const struct setting *s, PangoLayoutLine *line)
{
    const struct style *style = &s->t->styles[0];
    enum anchor anchor = s->t->boxed && style->aligned ? style->align : s->t->styles[s->runs[0].style].anchor;
    bool turns = s->t->boxed ? pango_layout_line_get_resolved_direction(line) == PANGO_DIRECTION_RTL
                             : style->direction == DIRECTION_RTL;

    if (turns && anchor == ANCHOR_START)
        return ANCHOR_END;
    return turns && anchor == ANCHOR_END ? ANCHOR_START : anchor;
}

static int draw_line(struct setting *s, PangoLayoutLine *line, const struct extents *e, double x, double y)
{
    struct box ink;
    int r;

    if (!is_on_page(s, e, x, y))
        return setting_overflow(s, "does not fit on the page");
    ink = exact_ink(s, line, x, y);
    if (s->sheet->map)
        ink_add_line(s->sheet->map, &ink, s->t);
    r = exact_check_line(s, line, x, y);
    if (r != 0)
        return r;
    exact_hide(s, line);
    cairo_move_to(s->sheet->cr, x, y);
    pango_cairo_show_layout_line(s->sheet->cr, line);
    if (s->keep)
        kept_add(s->keep, line, x, y, &ink);
    return 0;
}

static double line_height(const struct setting *s, const struct extents *e)
{
    const struct style *style = &s->t->styles[0];

    return style->line_height > 0 ? style->line_height * style->size * s->scale * s->share : e->height;
}

/* Do they fit the box? *RET_HEIGHT is what they take of it. */
static bool lines_fit(const struct setting *s, GSList *lines, double *ret_height)
{
    double width = s->t->box.width * s->scale, room = s->t->box.height * s->scale;

    *ret_height = 0;
    for (; lines; lines = lines->next) {
        struct extents e = measure(lines->data);

        *ret_height += line_height(s, &e);
        if (e.width > width + tolerance)
            return false;
    }
    return *ret_height <= room + tolerance;
}

static bool fits(const struct setting *s, double *ret_height)
{
    GSList *lines = pango_layout_get_lines_readonly(s->ts->layout);

    return lines_fit(s, lines, ret_height) && !exact_is_broken(s, lines);
}

static bool fits_at(struct setting *s, double share, double *ret_height)
{
    s->share = share;
    lay_out(s);
    return fits(s, ret_height);
}

/* Laid out as it is, or with the largest letters with which it fits, to a hundredth of their size. False: not even
 * with the least. */
static bool fit(struct setting *s, double *ret_height)
{
    double large = 1, small = s->t->least;

    if (fits(s, ret_height))
        return true;
    if (small >= 1 || !fits_at(s, small, ret_height))
        return false;
    while (large - small > 0.01) {
        double middle = (large + small) / 2;

        if (fits_at(s, middle, ret_height))
            small = middle;
        else
            large = middle;
    }
    return fits_at(s, small, ret_height);
}

/* Lines fill the box from its top, or as display-align says, each in the middle of its height. */
static int draw_box(struct setting *s)
{
    double left = s->t->box.x * s->scale, y = s->t->box.y * s->scale, taken;
    double width = s->t->box.width * s->scale;
    bool fits = fit(s, &taken);
    int r = 0;

    if (!fits)
        return setting_overflow(s, "does not fit its box");
    y = align(y, s->t->box.height * s->scale, taken, s->t->styles[0].upright);
    for (GSList *lines = pango_layout_get_lines_readonly(s->ts->layout); lines && r == 0; lines = lines->next) {
        PangoLayoutLine *line = lines->data;
        struct extents e = measure(line);
        double height = line_height(s, &e);

        r = draw_line(s, line, &e, align(left, width, e.width, anchor_of(s, line)),
                      y + (height - e.height) / 2 + e.ascent);
        y += height;
    }
    return r;
}

/* From where a line is placed to where the next one goes on. */
static double advance(const struct setting *s, double width)
{
    double share = 1;

    if (s->t->styles[s->runs[0].style].anchor == ANCHOR_MIDDLE)
        share = 0.5;
    else if (s->t->styles[s->runs[0].style].anchor == ANCHOR_END)
        share = 0;
    return (s->t->styles[0].direction == DIRECTION_RTL ? -width : width) * share / s->scale;
}

static int draw_point(struct setting *s, GSList *lines)
{
    double y = s->y * s->scale, width = 0;
    int r = 0;

    for (; lines && r == 0; lines = lines->next) {
        PangoLayoutLine *line = lines->data;
        struct extents e = measure(line);

        width = e.width;
        r = draw_line(s, line, &e, align(s->x * s->scale, 0, width, anchor_of(s, line)), y);
        y += line_height(s, &e);
    }
    s->x += advance(s, width);
    return r;
}

int setting_draw(struct setting *s)
{
    PangoLayout *layout = s->ts->layout;
    int r;

    s->share = 1;
    cairo_save(s->sheet->cr);
    cairo_transform(s->sheet->cr, &s->matrix);
    pango_cairo_update_context(s->sheet->cr, s->ts->context);
    lay_out(s);
    if (pango_layout_get_unknown_glyphs_count(layout) > 0)
        r = fail_glyphs(s);
    else
        r = s->t->boxed ? draw_box(s) : draw_point(s, pango_layout_get_lines_readonly(layout));
    if (r == 0)
        r = exact_finish(s);
    cairo_restore(s->sheet->cr);
    typesetter_clear(s->ts, s->keep);
    return r;
}

#include "exact.h"

#include <math.h>
#include <string.h>

#include <hb.h>

#include "bidi.h"

/* Smaller signs are mistaken for one another. */
static const double size_least = 4; /* points */

static struct secret_range *range_at(struct setting *s, size_t index)
{
    for (size_t i = 0; i < s->n_secrets; i++)
        if (index >= s->secrets[i].start && index < s->secrets[i].end)
            return &s->secrets[i];
    return NULL;
}

static void insert(PangoAttrList *list, PangoAttribute *a, const struct secret_range *range)
{
    a->start_index = (guint)range->start;
    a->end_index = (guint)range->end;
    pango_attr_list_insert(list, a);
}

void exact_add_attributes(const struct setting *s, PangoAttrList *list)
{
    for (size_t i = 0; i < s->n_secrets; i++) {
        const struct secret_range *range = &s->secrets[i];

        if (range->turns)
            continue; /* words in letters that have to be joined */
        insert(list, pango_attr_font_features_new("liga=0, clig=0, calt=0, rlig=0, dlig=0, hlig=0, locl=0, kern=0"),
               range);
        if (!range->is_form && s->t->boxed && !s->t->styles[0].breaks)
            insert(list, pango_attr_allow_breaks_new(FALSE), range);
    }
}

/* The blanks of its forms are no signs of a secret. */
static bool may_break(const struct setting *s, const struct secret_range *range, size_t index)
{
    return s->t->styles[0].breaks || (range->is_form && buffer_bytes(&s->line)[index - 1] == ' ');
}

bool exact_is_broken(const struct setting *s, GSList *lines)
{
    for (; lines; lines = lines->next) {
        size_t index = (size_t)((const PangoLayoutLine *)lines->data)->start_index;

        for (size_t i = 0; i < s->n_secrets; i++)
            if (index > s->secrets[i].start && index < s->secrets[i].end && !may_break(s, &s->secrets[i], index))
                return true;
    }
    return false;
}

static int fail_altered(struct setting *s)
{
    return setting_fail(s, "secret-altered", fields_kind(s->sheet->fields->about),
                        "would not be printed sign by sign as it is");
}

static const struct style *style_at(const struct setting *s, size_t index)
{
    size_t i = s->n_runs - 1;

    while (i > 0 && s->runs[i].start > index)
        i--;
    return &s->t->styles[s->runs[i].style];
}

static bool is_large_enough(const struct setting *s, size_t index)
{
    return style_at(s, index)->size * s->share * text_least_scale(s->t) >= size_least;
}

/* The glyph that the font has for the character, which nothing has put another one in place of. */
static bool is_its_own(const PangoGlyphItem *run, const PangoGlyphItemIter *at)
{
    const char *text = at->text + at->start_index;
    const PangoGlyphInfo *glyph = &run->glyphs->glyphs[at->start_glyph];
    hb_codepoint_t nominal = 0;

    if (at->end_char - at->start_char != 1 || at->end_glyph - at->start_glyph != 1)
        return false;
    if (*text == ' ')
        return true;
    return hb_font_get_nominal_glyph(pango_font_get_hb_font(run->item->analysis.font), g_utf8_get_char(text),
                                     &nominal) &&
           nominal == glyph->glyph;
}

/* In points, of what has its upper left corner at X, Y in scaled units. */
static struct box on_page(const struct setting *s, double x, double y, double width, double height)
{
    struct box all = { .x = INFINITY, .y = INFINITY };
    double right = -INFINITY, bottom = -INFINITY;

    for (int corner = 0; corner < 4; corner++) {
        double px = x + (corner & 1 ? width : 0), py = y + (corner & 2 ? height : 0);

        cairo_matrix_transform_point(&s->matrix, &px, &py);
        all.x = fmin(all.x, px);
        all.y = fmin(all.y, py);
        right = fmax(right, px);
        bottom = fmax(bottom, py);
    }
    all.width = right - all.x;
    all.height = bottom - all.y;
    return all;
}

static void note_sign(const struct setting *s, PangoFont *font, const PangoGlyphInfo *glyph, double x, double y)
{
    PangoRectangle ink;
    struct box box;

    pango_font_get_glyph_extents(font, glyph->glyph, &ink, NULL);
    if (ink.width <= 0 || ink.height <= 0)
        return;
    box = on_page(s, x + (double)(glyph->geometry.x_offset + ink.x) / PANGO_SCALE,
                  y + (double)(glyph->geometry.y_offset + ink.y) / PANGO_SCALE, (double)ink.width / PANGO_SCALE,
                  (double)ink.height / PANGO_SCALE);
    ink_add_sign(s->sheet->map, &box);
}

static int check_sign(struct setting *s, const PangoGlyphItem *run, const PangoGlyphItemIter *at, double x, double y)
{
    struct secret_range *range = range_at(s, (size_t)at->start_index);
    bool runs_left = run->item->analysis.level & 1;

    if (!range)
        return 0;
    if (!range->turns && (runs_left || !is_its_own(run, at) || range->start + range->seen != (size_t)at->start_index))
        return fail_altered(s);
    range->seen += (size_t)(at->end_index - at->start_index);
    if (!is_large_enough(s, (size_t)at->start_index))
        return setting_fail(s, "secret-unreadable", fields_kind(s->sheet->fields->about),
                            "would be printed too small to be read");
    for (int i = at->start_glyph; s->sheet->map && !runs_left && i < at->end_glyph; i++) {
        note_sign(s, run->item->analysis.font, &run->glyphs->glyphs[i], x, y);
        x += (double)run->glyphs->glyphs[i].geometry.width / PANGO_SCALE;
    }
    return 0;
}

static double width_of(const PangoGlyphItem *run, const PangoGlyphItemIter *at)
{
    int from = at->start_glyph, to = at->end_glyph, width = 0;

    for (int i = from; i < to; i++)
        width += run->glyphs->glyphs[i].geometry.width;
    return (double)width / PANGO_SCALE;
}

/* Joined letters are one sign: all that is in the run. */
static void note_run(const struct setting *s, PangoGlyphItem *run, double x, double y)
{
    PangoRectangle ink;
    struct box box;

    pango_glyph_string_extents(run->glyphs, run->item->analysis.font, &ink, NULL);
    box = on_page(s, x + (double)ink.x / PANGO_SCALE, y + (double)ink.y / PANGO_SCALE,
                  (double)ink.width / PANGO_SCALE, (double)ink.height / PANGO_SCALE);
    if (ink.width > 0 && ink.height > 0)
        ink_add_sign(s->sheet->map, &box);
}

static int check_run(struct setting *s, PangoGlyphItem *run, const char *text, double x, double y)
{
    PangoGlyphItemIter at;
    int r = 0;

    if (s->sheet->map && run->item->analysis.level & 1 && range_at(s, (size_t)run->item->offset))
        note_run(s, run, x, y);
    for (gboolean more = pango_glyph_item_iter_init_start(&at, run, text); more && r == 0;
         more = pango_glyph_item_iter_next_cluster(&at)) {
        r = check_sign(s, run, &at, x, y);
        x += width_of(run, &at);
    }
    return r;
}

struct box exact_ink(const struct setting *s, PangoLayoutLine *line, double x, double y)
{
    PangoRectangle ink;

    pango_layout_line_get_extents(line, &ink, NULL);
    return on_page(s, x + (double)ink.x / PANGO_SCALE, y + (double)ink.y / PANGO_SCALE,
                   (double)ink.width / PANGO_SCALE, (double)ink.height / PANGO_SCALE);
}

int exact_check_line(struct setting *s, PangoLayoutLine *line, double x, double y)
{
    const char *text = pango_layout_get_text(line->layout);
    int r = 0;

    for (GSList *runs = line->runs; s->n_secrets > 0 && runs && r == 0; runs = runs->next) {
        PangoGlyphItem *run = runs->data;

        r = check_run(s, run, text, x, y);
        x += (double)pango_glyph_string_get_width(run->glyphs) / PANGO_SCALE;
    }
    return r;
}

int exact_finish(struct setting *s)
{
    for (size_t i = 0; i < s->n_secrets; i++)
        if (s->secrets[i].seen != s->secrets[i].end - s->secrets[i].start)
            return fail_altered(s);
    s->sheet->secrets += (unsigned)s->n_secrets;
    return 0;
}

/* Signs of direction draw nothing, and would only get into what is copied from a PDF. */
static bool is_control(const PangoGlyphItem *run, const char *text)
{
    size_t start = (size_t)run->item->offset, size = (size_t)run->item->length, at = 0, n;

    while (at < size && (n = bidi_control(text + start + at, size - at)) > 0)
        at += n;
    return at == size;
}

static void drop_controls(PangoLayoutLine *line, const char *text)
{
    GSList *next;

    for (GSList *runs = line->runs; runs; runs = next) {
        next = runs->next;
        if (!is_control(runs->data, text))
            continue;
        pango_glyph_item_free(runs->data);
        line->runs = g_slist_delete_link(line->runs, runs);
    }
}

static void blank_run(struct setting *s, PangoGlyphItem *run, const char *text, bool secrets)
{
    PangoGlyphItemIter at;

    for (gboolean more = pango_glyph_item_iter_init_start(&at, run, text); more;
         more = pango_glyph_item_iter_next_cluster(&at)) {
        int low = MIN(at.start_glyph, at.end_glyph + 1), high = MAX(at.end_glyph, at.start_glyph + 1);

        if ((range_at(s, (size_t)at.start_index) != NULL) != secrets)
            continue;
        for (int i = low; i < high; i++)
            run->glyphs->glyphs[i].glyph = PANGO_GLYPH_EMPTY;
    }
}

void exact_hide(struct setting *s, PangoLayoutLine *line)
{
    const char *text = pango_layout_get_text(line->layout);

    if (s->isolates)
        drop_controls(line, text);
    if (s->sheet->ink != INK_WITHOUT_SECRET && s->sheet->ink != INK_SECRET_ONLY)
        return;
    for (GSList *runs = line->runs; runs; runs = runs->next)
        blank_run(s, runs->data, text, s->sheet->ink == INK_WITHOUT_SECRET);
}

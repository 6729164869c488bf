/* What is set outside of a template's texts: the mark of a test; and which fonts there are for them. */
#include "typeset.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include <pindispatch/cleanup.h>

#include "setting.h"

static bool is_general(const char *name)
{
    static const char *const names[] = { "sans-serif", "serif", "monospace", "cursive", "fantasy", "system-ui" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_installed(PangoFontMap *fonts, const char *name)
{
    PangoFontFamily **families;
    int n;
    bool found = false;

    pango_font_map_list_families(fonts, &families, &n);
    for (int i = 0; i < n && !found; i++)
        found = strcasecmp(pango_font_family_get_name(families[i]), name) == 0;
    g_free(families);
    return found;
}

bool typesetter_has_family(struct typesetter *ts, const char *families)
{
    g_auto(GStrv) names = g_strsplit(families, ",", -1);

    for (char **name = names; *name; name++) {
        g_strstrip(*name);
        if (is_general(*name) || is_installed(ts->fonts, *name))
            return true;
    }
    return false;
}

/* The word in letters of a hundred points. */
static PangoLayout *lay_out_mark(struct typesetter *ts, const char *word)
{
    PangoLayout *layout = pango_layout_new(ts->context);
    PangoFontDescription *d = pango_font_description_new();

    pango_font_description_set_family(d, "DejaVu Sans, sans-serif");
    pango_font_description_set_weight(d, PANGO_WEIGHT_BOLD);
    pango_font_description_set_absolute_size(d, 100.0 * PANGO_SCALE);
    pango_layout_set_font_description(layout, d);
    pango_layout_set_text(layout, word, -1);
    pango_font_description_free(d);
    return layout;
}

void typeset_mark(struct typesetter *ts, struct sheet *sheet, const char *word)
{
    PangoLayout *layout = lay_out_mark(ts, word);
    double diagonal = hypot(sheet->width, sheet->height), scale;
    int width, height;

    /* A word that no font can show would mark nothing. */
    if (pango_layout_get_unknown_glyphs_count(layout) > 0)
        pango_layout_set_text(layout, "TEST", -1);
    pango_layout_get_size(layout, &width, &height);
    scale = fmin(0.6 * diagonal * PANGO_SCALE / width, 0.4 * diagonal * PANGO_SCALE / height);
    cairo_save(sheet->cr);
    cairo_translate(sheet->cr, sheet->width / 2, sheet->height / 2);
    cairo_rotate(sheet->cr, -atan2(sheet->height, sheet->width));
    cairo_scale(sheet->cr, scale, scale);
    cairo_move_to(sheet->cr, -width / 2.0 / PANGO_SCALE, -height / 2.0 / PANGO_SCALE);
    cairo_set_source_rgba(sheet->cr, 0.7, 0, 0.1, 0.18);
    pango_cairo_show_layout(sheet->cr, layout);
    cairo_restore(sheet->cr);
    g_object_unref(layout);
}

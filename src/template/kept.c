#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "ink.h"

struct kept_line {
    PangoLayout *layout; /* a line does not own its words */
    PangoLayoutLine *line;
    double x, y;
    struct box ink; /* on the page */
};

struct kept {
    struct buffer words;
    cairo_matrix_t matrix;
    cairo_surface_type_t surface; /* each kind has font options of its own */
    GArray *lines;
};

static void drop_line(gpointer pointer)
{
    struct kept_line *l = pointer;

    pango_layout_line_unref(l->line);
    g_object_unref(l->layout);
}

static cairo_surface_type_t surface_of(cairo_t *cr)
{
    return cairo_surface_get_type(cairo_get_target(cr));
}

struct kept *kept_new(cairo_t *cr, const struct buffer *words)
{
    CLEANUP(kept_cleanup) struct kept *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->words = BUFFER(buffer_size(words));
    k->surface = surface_of(cr);
    cairo_get_matrix(cr, &k->matrix);
    k->lines = g_array_new(FALSE, FALSE, sizeof(struct kept_line));
    g_array_set_clear_func(k->lines, drop_line);
    if (buffer_add(&k->words, buffer_bytes(words), buffer_size(words)) < 0)
        return NULL;
    return TAKE(k);
}

struct kept *kept_free(struct kept *k)
{
    if (!k)
        return NULL;
    g_array_unref(k->lines);
    buffer_release(&k->words);
    free(k);
    return NULL;
}

static bool is_same(const cairo_matrix_t *a, const cairo_matrix_t *b)
{
    return a->xx == b->xx && a->yx == b->yx && a->xy == b->xy && a->yy == b->yy && a->x0 == b->x0 && a->y0 == b->y0;
}

bool kept_is(const struct kept *k, cairo_t *cr, const struct buffer *words)
{
    cairo_matrix_t matrix;

    if (!k || buffer_size(&k->words) != buffer_size(words) || k->surface != surface_of(cr))
        return false;
    cairo_get_matrix(cr, &matrix);
    return is_same(&k->matrix, &matrix) &&
           memcmp(buffer_bytes(&k->words), buffer_bytes(words), buffer_size(words)) == 0;
}

void kept_add(struct kept *k, PangoLayoutLine *line, double x, double y, const struct box *ink)
{
    struct kept_line l = {
        .layout = g_object_ref(line->layout), .line = pango_layout_line_ref(line), .x = x, .y = y, .ink = *ink
    };

    g_array_append_val(k->lines, l);
}

void kept_note(const struct kept *k, struct ink_map *map, const struct text *text)
{
    for (guint i = 0; i < k->lines->len; i++)
        ink_add_line(map, &g_array_index(k->lines, struct kept_line, i).ink, text);
}

void kept_draw(const struct kept *k, cairo_t *cr)
{
    for (guint i = 0; i < k->lines->len; i++) {
        const struct kept_line *l = &g_array_index(k->lines, struct kept_line, i);

        cairo_move_to(cr, l->x, l->y);
        pango_cairo_show_layout_line(cr, l->line);
    }
}

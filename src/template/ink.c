#include "ink.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <pindispatch/secret.h>

#include "page.h"

enum { WITH, WITHOUT, ONLY, PICTURES };

static const double dots_per_point = 3, margin = 1, pixels_most = 4e6;
/* Of black on white: paler, or more of it covered, cannot be read with certainty. */
static const double contrast_least = 0.3;

void ink_add_line(struct ink_map *map, const struct box *box, const struct text *text)
{
    if (map->n_lines == LINES_MOST) {
        map->full = true;
        return;
    }
    map->lines[map->n_lines++] = (struct ink_line){ .box = *box, .text = text };
}

void ink_add_sign(struct ink_map *map, const struct box *box)
{
    if (map->full || map->n_signs == SIGNS_MOST) {
        map->full = true;
        return;
    }
    map->lines[map->n_lines - 1].is_secret = true;
    map->signs[map->n_signs++] = (struct ink_sign){ .box = *box, .line = map->n_lines - 1 };
}

static bool touches(const struct box *a, const struct box *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height && b->y < a->y + a->height;
}

bool ink_overlaps(const struct ink_map *map)
{
    if (map->full)
        return true;
    for (size_t i = 0; i < map->n_signs; i++)
        for (size_t k = 0; k < map->n_lines; k++)
            if (k != map->signs[i].line && touches(&map->signs[i].box, &map->lines[k].box))
                return true;
    return false;
}

bool ink_touches(const struct ink_map *map, const struct text *text, const struct box *box)
{
    for (size_t i = 0; i < map->n_lines; i++)
        if (map->lines[i].text == text && touches(&map->lines[i].box, box))
            return true;
    return false;
}

void ink_wipe(struct ink_map *map)
{
    secret_wipe(map->signs, map->n_signs * sizeof(map->signs[0]));
    map->n_signs = map->n_lines = 0;
    map->full = false;
}

/* --- pictures of one line --- */

struct view {
    struct box box; /* points */
    double scale;
    cairo_surface_t *pictures[PICTURES];
};

static void include(struct box *all, const struct box *more)
{
    double right = fmax(all->x + all->width, more->x + more->width);
    double bottom = fmax(all->y + all->height, more->y + more->height);

    all->x = fmin(all->x, more->x);
    all->y = fmin(all->y, more->y);
    all->width = right - all->x;
    all->height = bottom - all->y;
}

static void frame(struct view *v, const struct ink_map *map, size_t line)
{
    bool any = false;

    for (size_t i = 0; i < map->n_signs; i++) {
        if (map->signs[i].line != line)
            continue;
        if (!any)
            v->box = map->signs[i].box;
        any = true;
        include(&v->box, &map->signs[i].box);
    }
    v->box.x -= margin;
    v->box.y -= margin;
    v->box.width += 2 * margin;
    v->box.height += 2 * margin;
    v->scale = fmin(dots_per_point, sqrt(pixels_most / (v->box.width * v->box.height)));
}

static int take_picture(struct view *v, struct page *page, struct typesetter *ts, const struct sheet *sheet,
                        const struct ink_map *map, int i)
{
    const struct ink_region region = { .map = map, .box = &v->box };
    int width = (int)ceil(v->box.width * v->scale), height = (int)ceil(v->box.height * v->scale), r;
    static const enum ink inks[PICTURES] = { INK_ALL, INK_WITHOUT_SECRET, INK_SECRET_ONLY };
    struct outcome ignored = { .code = "" };
    struct sheet copy = { .fields = sheet->fields, .ink = inks[i], .region = &region, .trouble = &ignored };

    v->pictures[i] = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    copy.cr = cairo_create(v->pictures[i]);
    cairo_set_source_rgb(copy.cr, 1, 1, 1);
    cairo_paint(copy.cr);
    cairo_set_source_rgb(copy.cr, 0, 0, 0);
    cairo_scale(copy.cr, v->scale, v->scale);
    cairo_translate(copy.cr, -v->box.x, -v->box.y);
    r = page_draw(page, ts, &copy);
    if (r == 0 && cairo_status(copy.cr) != CAIRO_STATUS_SUCCESS)
        r = -ENOMEM;
    cairo_destroy(copy.cr);
    cairo_surface_flush(v->pictures[i]);
    outcome_release(&ignored);
    return r;
}

static void release(struct view *v)
{
    for (int i = 0; i < PICTURES; i++) {
        cairo_surface_t *s = v->pictures[i];

        if (!s)
            continue;
        if (cairo_image_surface_get_data(s))
            secret_wipe(cairo_image_surface_get_data(s),
                        (size_t)cairo_image_surface_get_stride(s) * (size_t)cairo_image_surface_get_height(s));
        cairo_surface_destroy(s);
    }
}

/* --- what is seen --- */

static int brightness(cairo_surface_t *s, int x, int y)
{
    const unsigned char *row = cairo_image_surface_get_data(s) + (ptrdiff_t)y * cairo_image_surface_get_stride(s);
    const uint32_t pixel = ((const uint32_t *)(const void *)row)[x];

    return (int)((77 * (pixel >> 16 & 0xff) + 151 * (pixel >> 8 & 0xff) + 28 * (pixel & 0xff)) >> 8);
}

/* The share of the sign's ink that shows. */
static double visible_share(const struct view *v, const struct box *sign)
{
    int right = cairo_image_surface_get_width(v->pictures[ONLY]) - 1;
    int bottom = cairo_image_surface_get_height(v->pictures[ONLY]) - 1;
    double expected = 0, seen = 0;

    for (int y = (int)((sign->y - v->box.y) * v->scale); y <= (sign->y + sign->height - v->box.y) * v->scale; y++)
        for (int x = (int)((sign->x - v->box.x) * v->scale); x <= (sign->x + sign->width - v->box.x) * v->scale;
             x++) {
            int ink, change;

            if (x < 0 || y < 0 || x > right || y > bottom)
                continue;
            ink = 255 - brightness(v->pictures[ONLY], x, y);
            change = abs(brightness(v->pictures[WITH], x, y) - brightness(v->pictures[WITHOUT], x, y));
            expected += ink;
            seen += change < ink ? change : ink;
        }
    return expected > 0 ? seen / expected : 0;
}

static int judge(const struct view *v, const struct ink_map *map, size_t line, const struct sheet *sheet)
{
    for (size_t i = 0; i < map->n_signs; i++) {
        if (map->signs[i].line != line || visible_share(v, &map->signs[i].box) >= contrast_least)
            continue;
        outcome_set(sheet->trouble, OUTCOME_FAILED, "secret-unreadable",
                    "the %s would not be seen on the page, or not well enough to be read (%s)",
                    fields_kind(sheet->fields->about), map->lines[line].text->where);
        return 1;
    }
    return 0;
}

static int check_line(struct page *page, struct typesetter *ts, const struct sheet *sheet, const struct ink_map *map,
                      size_t line)
{
    struct view v = { .scale = 1 };
    int r = 0;

    frame(&v, map, line);
    for (int i = 0; i < PICTURES && r == 0; i++)
        r = take_picture(&v, page, ts, sheet, map, i);
    if (r == 0)
        r = judge(&v, map, line, sheet);
    else if (r > 0)
        outcome_set(sheet->trouble, OUTCOME_FAILED, "template", "the page cannot be drawn twice");
    release(&v);
    return r;
}

/* Two secrets over one another show where both are left out. */
static bool secrets_overlap(const struct ink_map *map)
{
    for (size_t i = 0; i < map->n_signs; i++)
        for (size_t k = 0; k < i; k++)
            if (map->signs[i].line != map->signs[k].line && touches(&map->signs[i].box, &map->signs[k].box))
                return true;
    return false;
}

int ink_check(struct page *page, struct typesetter *ts, const struct sheet *sheet, const struct ink_map *map)
{
    int r = 0;

    if (map->full || secrets_overlap(map)) {
        outcome_set(sheet->trouble, OUTCOME_FAILED, "secret-unreadable", "the %s is printed too often or over itself",
                    fields_kind(sheet->fields->about));
        return 1;
    }
    for (size_t i = 0; i < map->n_lines && r == 0; i++)
        if (map->lines[i].is_secret)
            r = check_line(page, ts, sheet, map, i);
    return r;
}

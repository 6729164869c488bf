#include "letter_draw.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <pindispatch/secret.h>

enum { DPI_LEAST = 10, DPI_MOST = 1200, PIXELS_MOST = 64 * 1024 * 1024 };

/* What is done with a page's picture. As letter_pdf(). */
typedef int take_picture(void *userdata, cairo_surface_t *image, unsigned page, struct outcome *trouble);

struct drawing {
    struct letter *l;
    const struct version *v;
    unsigned dpi;
    take_picture *take;
    void *userdata;
    struct sheet sheet;
};

static void wipe_image(cairo_surface_t *image)
{
    unsigned char *pixels = cairo_image_surface_get_data(image);

    if (pixels)
        secret_wipe(pixels,
                    (size_t)cairo_image_surface_get_stride(image) * (size_t)cairo_image_surface_get_height(image));
}

static int draw_image(struct drawing *d, unsigned page, cairo_surface_t *image, double scale)
{
    int r;

    d->sheet.cr = cairo_create(image);
    cairo_set_source_rgb(d->sheet.cr, 1, 1, 1);
    cairo_paint(d->sheet.cr);
    cairo_scale(d->sheet.cr, scale, scale);
    r = letter_draw_page(d->l, d->v, page, &d->sheet);
    if (r == 0)
        r = letter_judge(cairo_status(d->sheet.cr), d->sheet.trouble);
    cairo_destroy(d->sheet.cr);
    return r;
}

static int take_page(struct drawing *d, unsigned number)
{
    const struct page *page = d->v->pages[number];
    double scale = d->dpi / 72.0, width = ceil(page_width(page) * scale), height = ceil(page_height(page) * scale);
    cairo_surface_t *image;
    int r;

    if (width * height > PIXELS_MOST) {
        outcome_set(d->sheet.trouble, OUTCOME_FAILED, "preview", "an image of that resolution is too large");
        return 1;
    }
    image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    r = draw_image(d, number, image, scale);
    if (r == 0)
        r = d->take(d->userdata, image, number, d->sheet.trouble);
    wipe_image(image);
    cairo_surface_destroy(image);
    return r;
}

/* The pages FIRST to LAST of the letter, of which the holder's fields are filled in once. */
static int take_pages(struct drawing *d, const struct filling *f, unsigned first, unsigned last)
{
    struct fields fields;
    int r = fields_fill(&fields, f, d->v->tag, d->sheet.trouble);

    d->sheet.fields = &fields;
    for (unsigned i = first; r == 0 && i <= last; i++)
        r = take_page(d, i);
    if (r == 0 && first == 0 && last + 1 == d->v->n)
        r = letter_check_secret(d->l, &d->sheet);
    typesetter_forget(d->l->ts);
    fields_release(&fields);
    d->sheet.fields = NULL;
    return r;
}

static int write_png(void *userdata, cairo_surface_t *image, unsigned page, struct outcome *trouble)
{
    struct document *d = userdata;

    (void)page;
    return letter_judge(cairo_surface_write_to_png_stream(image, letter_write_bytes, &d->bytes), trouble);
}

int letter_png(struct letter *l, const struct filling *f, unsigned page, unsigned dpi, struct document *ret,
               struct outcome *trouble)
{
    const struct version *v = letter_choose(l, f);
    struct drawing d = { .l = l, .v = v, .dpi = dpi, .take = write_png, .userdata = ret, .sheet.trouble = trouble };

    if (page >= v->n || dpi < DPI_LEAST || dpi > DPI_MOST) {
        outcome_set(trouble, OUTCOME_FAILED, "preview", "the letter has %u page(s), and %d to %d dpi are possible",
                    v->n, DPI_LEAST, DPI_MOST);
        return 1;
    }
    return letter_conclude(take_pages(&d, f, page, page), v, "image/png", ret);
}

struct encoding {
    const struct version *v;
    const struct document_form *form;
    struct document *document;
};

static int encode(void *userdata, cairo_surface_t *image, unsigned page, struct outcome *trouble)
{
    struct encoding *e = userdata;
    const struct picture p = { .pixels = cairo_image_surface_get_data(image),
                               .width = (unsigned)cairo_image_surface_get_width(image),
                               .height = (unsigned)cairo_image_surface_get_height(image),
                               .stride = (size_t)cairo_image_surface_get_stride(image),
                               .points_wide = page_width(e->v->pages[page]),
                               .points_high = page_height(e->v->pages[page]),
                               .number = page,
                               .pages = e->v->n };
    int r = e->form->encode(e->form, &p, &e->document->bytes);

    if (r != -ENOBUFS)
        return r;
    outcome_set(trouble, OUTCOME_FAILED, "letter-too-large", "the letter is too large as %s at %u dpi",
                e->form->media_type, e->form->dpi);
    return 1;
}

int letter_pictures(struct letter *l, const struct filling *f, const struct document_form *form, struct document *ret,
                    struct outcome *trouble)
{
    const struct version *v = letter_choose(l, f);
    struct encoding e = { .v = v, .form = form, .document = ret };
    struct drawing d = { .l = l, .v = v, .dpi = form->dpi, .take = encode, .userdata = &e, .sheet.trouble = trouble };

    return letter_conclude(take_pages(&d, f, 0, v->n - 1), v, form->media_type, ret);
}

#include "print_raster.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cups/cups.h>
#include <cups/raster.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/secret.h>

/* Where libcups writes to: each page is a stream of its own to it, which begins with the file's word "RaS2". That
 * must stand once, before the first page. */
struct sink {
    struct buffer *b;
    size_t skip;
    int error;
};

static ssize_t write_some(void *userdata, unsigned char *bytes, size_t size)
{
    struct sink *s = userdata;
    size_t skipped = s->skip < size ? s->skip : size;
    s->skip -= skipped;
    s->error = buffer_add(s->b, bytes + skipped, size - skipped);
    return s->error ? -1 : (ssize_t)size;
}

/* Hundredths of a millimetre, as libcups counts paper. */
static int paper_of(double points)
{
    return (int)(points * 2540 / 72 + 0.5);
}

static bool make_header(const struct raster_form *f, const struct picture *p, cups_page_header2_t *ret)
{
    pwg_media_t *media = pwgMediaForSize(paper_of(p->points_wide), paper_of(p->points_high));
    bool back = p->number % 2 && strncmp(f->sides, "two-sided", 9) == 0;
    if (!media || !cupsRasterInitPWGHeader(ret, media, f->colour ? "srgb_8" : "sgray_8", (int)f->form.dpi,
                                           (int)f->form.dpi, f->sides, back && f->back[0] ? f->back : NULL))
        return false;
    ret->cupsInteger[CUPS_RASTER_PWG_TotalPageCount] = p->pages;
    return true;
}

static uint32_t pixel_at(const struct picture *p, unsigned x, unsigned y)
{
    uint32_t pixel = 0xffffff;
    if (x < p->width && y < p->height)
        memcpy(&pixel, p->pixels + y * p->stride + (size_t)4 * x, sizeof(pixel));
    return pixel;
}

/* Luma of ITU-R BT.601, of values that are gamma-coded on both sides. */
static unsigned char grey_of(uint32_t pixel)
{
    unsigned r = pixel >> 16 & 255, g = pixel >> 8 & 255, b = pixel & 255;
    return (unsigned char)((r * 299 + g * 587 + b * 114 + 500) / 1000);
}

static void make_row(const cups_page_header2_t *h, const struct picture *p, unsigned y, unsigned char *row)
{
    bool mirrored = h->cupsInteger[CUPS_RASTER_PWG_CrossFeedTransform] == UINT32_MAX;
    for (unsigned x = 0; x < h->cupsWidth; x++) {
        uint32_t pixel = pixel_at(p, mirrored ? h->cupsWidth - 1 - x : x, y);
        if (h->cupsNumColors == 1) {
            row[x] = grey_of(pixel);
            continue;
        }
        row[(size_t)3 * x] = (unsigned char)(pixel >> 16);
        row[(size_t)3 * x + 1] = (unsigned char)(pixel >> 8);
        row[(size_t)3 * x + 2] = (unsigned char)pixel;
    }
}

static bool write_page(cups_raster_t *raster, cups_page_header2_t *h, const struct picture *p, unsigned char *row)
{
    bool upside_down = h->cupsInteger[CUPS_RASTER_PWG_FeedTransform] == UINT32_MAX;
    bool good = cupsRasterWriteHeader2(raster, h);
    for (unsigned y = 0; good && y < h->cupsHeight; y++) {
        make_row(h, p, upside_down ? h->cupsHeight - 1 - y : y, row);
        good = cupsRasterWritePixels(raster, row, h->cupsBytesPerLine) == h->cupsBytesPerLine;
    }
    return good;
}

static int encode(const struct document_form *form, const struct picture *p, struct buffer *b)
{
    const struct raster_form *f = (const struct raster_form *)form;
    struct sink sink = { .b = b, .skip = p->number ? 4 : 0 };
    cups_page_header2_t header;
    if (!make_header(f, p, &header))
        return -ENOMEM;
    CLEANUP(free_cleanup) unsigned char *row = malloc(header.cupsBytesPerLine);
    cups_raster_t *raster = row ? cupsRasterOpenIO(write_some, &sink, CUPS_RASTER_WRITE_PWG) : NULL;
    if (!raster)
        return -ENOMEM;
    bool good = write_page(raster, &header, p, row);
    cupsRasterClose(raster);
    secret_wipe(row, header.cupsBytesPerLine);
    return sink.error ? sink.error : good ? 0 : -ENOMEM;
}

void raster_form_set(struct raster_form *f, unsigned dpi, bool colour, const char *sides, const char *back)
{
    *f = (struct raster_form){ .form = { .media_type = "image/pwg-raster", .dpi = dpi, .encode = encode },
                               .colour = colour };
    snprintf(f->sides, sizeof(f->sides), "%s", sides);
    snprintf(f->back, sizeof(f->back), "%s", back);
}

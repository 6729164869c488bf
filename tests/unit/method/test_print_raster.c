/* PWG Raster as libcups reads it again. */
#include "print_raster.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cups/cups.h>
#include <cups/raster.h>

enum { DPI = 72, WIDTH = 596, HEIGHT = 842 }; /* A4 */

static ssize_t read_some(void *userdata, unsigned char *bytes, size_t size)
{
    struct buffer *b = userdata;
    size_t n = size < buffer_size(b) ? size : buffer_size(b);
    memcpy(bytes, buffer_bytes(b), n);
    b->begin += n;
    return (ssize_t)n;
}

/* White, with a red spot one pixel wide near the left upper corner. */
static struct picture page(uint32_t *pixels, unsigned number, unsigned pages)
{
    memset(pixels, 0xff, (size_t)WIDTH * HEIGHT * 4);
    pixels[3 * WIDTH + 5] = 0xffff0000;
    return (struct picture){ .pixels = (unsigned char *)pixels,
                             .width = WIDTH,
                             .height = HEIGHT,
                             .stride = (size_t)4 * WIDTH,
                             .points_wide = 595.28,
                             .points_high = 841.89,
                             .number = number,
                             .pages = pages };
}

/* Where the spot of the page just opened is. */
static void find_spot(cups_raster_t *raster, const cups_page_header2_t *h, unsigned *x, unsigned *y,
                      unsigned char *value)
{
    unsigned char *row = malloc(h->cupsBytesPerLine);
    unsigned spots = 0;
    for (unsigned at = 0; at < h->cupsHeight; at++) {
        assert_int_equal(cupsRasterReadPixels(raster, row, h->cupsBytesPerLine), h->cupsBytesPerLine);
        for (unsigned k = 0; k < h->cupsWidth; k++)
            if (row[k * h->cupsNumColors + h->cupsNumColors - 1] != 255) {
                *x = k;
                *y = at;
                memcpy(value, row + (size_t)k * h->cupsNumColors, h->cupsNumColors);
                spots++;
            }
    }
    free(row);
    assert_int_equal(spots, 1);
}

static void make(struct buffer *b, struct raster_form *f, unsigned pages)
{
    uint32_t *pixels = malloc((size_t)WIDTH * HEIGHT * 4);
    for (unsigned i = 0; i < pages; i++) {
        struct picture p = page(pixels, i, pages);
        assert_int_equal(f->form.encode(&f->form, &p, b), 0);
    }
    free(pixels);
}

static void test_grey_and_colour(void **state)
{
    static const unsigned char red[3] = { 255, 0, 0 };
    (void)state;
    for (unsigned colour = 0; colour < 2; colour++) {
        struct buffer b = BUFFER(DOCUMENT_MOST);
        struct raster_form f;
        cups_page_header2_t h;
        unsigned x = 0, y = 0;
        unsigned char value[3];
        raster_form_set(&f, DPI, colour, "one-sided", "normal");
        make(&b, &f, 2);
        struct buffer all = b;
        cups_raster_t *raster = cupsRasterOpenIO(read_some, &b, CUPS_RASTER_READ);
        for (unsigned i = 0; i < 2; i++) {
            assert_true(cupsRasterReadHeader2(raster, &h));
            assert_string_equal(h.MediaClass, "PwgRaster");
            assert_string_equal(h.cupsPageSizeName, "iso_a4_210x297mm");
            assert_int_equal(h.cupsWidth, 595);
            assert_int_equal(h.cupsHeight, 841);
            assert_int_equal(h.cupsNumColors, colour ? 3 : 1);
            assert_int_equal(h.cupsInteger[CUPS_RASTER_PWG_TotalPageCount], 2);
            find_spot(raster, &h, &x, &y, value);
            assert_true(x == 5 && y == 3);
            if (colour)
                assert_memory_equal(value, red, 3);
            else
                assert_int_equal(value[0], 76);
        }
        assert_false(cupsRasterReadHeader2(raster, &h)); /* nothing behind the last page */
        cupsRasterClose(raster);
        buffer_release(&all);
    }
}

static void assert_back(const char *sides, const char *back, unsigned want_x, unsigned want_y)
{
    struct buffer b = BUFFER(DOCUMENT_MOST);
    struct raster_form f;
    cups_page_header2_t h;
    unsigned x = 0, y = 0;
    unsigned char value[3];
    raster_form_set(&f, DPI, false, sides, back);
    make(&b, &f, 2);
    struct buffer all = b;
    cups_raster_t *raster = cupsRasterOpenIO(read_some, &b, CUPS_RASTER_READ);
    assert_true(cupsRasterReadHeader2(raster, &h));
    find_spot(raster, &h, &x, &y, value);
    assert_true(x == 5 && y == 3); /* a front is never turned */
    assert_true(cupsRasterReadHeader2(raster, &h));
    find_spot(raster, &h, &x, &y, value);
    assert_int_equal(x, want_x);
    assert_int_equal(y, want_y);
    cupsRasterClose(raster);
    buffer_release(&all);
}

/* PWG 5102.4 section 4.3.2: how the back of a sheet must lie in the data. */
static void test_backs(void **state)
{
    enum { RIGHT = 595 - 1 - 5, LOW = 841 - 1 - 3 };
    (void)state;
    assert_back("one-sided", "rotated", 5, 3);
    assert_back("two-sided-long-edge", "normal", 5, 3);
    assert_back("two-sided-long-edge", "rotated", RIGHT, LOW);
    assert_back("two-sided-short-edge", "rotated", 5, 3);
    assert_back("two-sided-long-edge", "flipped", 5, LOW);
    assert_back("two-sided-short-edge", "flipped", RIGHT, 3);
    assert_back("two-sided-long-edge", "manual-tumble", 5, 3);
    assert_back("two-sided-short-edge", "manual-tumble", RIGHT, LOW);
}

static void test_too_large(void **state)
{
    struct buffer b = BUFFER(2000);
    struct raster_form f;
    uint32_t *pixels = malloc((size_t)WIDTH * HEIGHT * 4);
    struct picture p = page(pixels, 0, 1);
    (void)state;
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) /* nothing that could be packed */
        pixels[i] = (uint32_t)(i * 2654435761U);
    raster_form_set(&f, DPI, true, "one-sided", "normal");
    assert_int_equal(f.form.encode(&f.form, &p, &b), -ENOBUFS);
    buffer_release(&b);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grey_and_colour),
        cmocka_unit_test(test_backs),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

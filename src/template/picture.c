#include "picture.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cairo.h>
#include <jpeglib.h>

enum { SCANS_MOST = 100 }; /* of a progressive JPEG; a photograph has about ten */

static const char damaged[] = "is damaged or not complete";
static const char too_large[] = "has more pixels than a page needs at 600 dpi";

const char *picture_type(const void *bytes, size_t size)
{
    if (size > 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return "image/png";
    if (size > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    return NULL;
}

static bool take_pixels(size_t *pixels, uint64_t width, uint64_t height)
{
    if (width * height > *pixels)
        return false;
    *pixels -= (size_t)(width * height);
    return true;
}

/* --- PNG --- */

struct png {
    const unsigned char *at;
    size_t left;
};

static cairo_status_t read_png(void *userdata, unsigned char *to, unsigned size)
{
    struct png *png = userdata;

    if (size > png->left)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(to, png->at, size);
    png->at += size;
    png->left -= size;
    return CAIRO_STATUS_SUCCESS;
}

static uint64_t read_number(const unsigned char *at)
{
    return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
}

static const char *check_png(const unsigned char *bytes, size_t size, size_t *pixels)
{
    struct png png = { .at = bytes, .left = size };
    cairo_surface_t *surface;
    bool good;

    /* The first chunk is the head: length, "IHDR", width, height. */
    if (size < 33 || memcmp(bytes + 12, "IHDR", 4) != 0)
        return damaged;
    if (!take_pixels(pixels, read_number(bytes + 16), read_number(bytes + 20)))
        return too_large;
    surface = cairo_image_surface_create_from_png_stream(read_png, &png);
    good = cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(surface);
    return good ? NULL : damaged;
}

/* --- JPEG --- */

struct jpeg {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf end; /* the library knows no other way out of an error */
};

static void leave(j_common_ptr d)
{
    struct jpeg *j = d->client_data;

    longjmp(j->end, 1);
}

/* Its warnings are data that is missing or wrong: it goes on with grey. */
static void take_message(j_common_ptr d, int level)
{
    if (level < 0)
        leave(d);
}

static void bound_scans(j_common_ptr d)
{
    struct jpeg *j = d->client_data;

    if (j->d.input_scan_number > SCANS_MOST)
        leave(d);
}

static void decode(struct jpeg *j)
{
    unsigned char *row;

    j->d.scale_num = 1; /* all of it is read; less is computed */
    j->d.scale_denom = 8;
    jpeg_start_decompress(&j->d);
    row = (*j->d.mem->alloc_sarray)((j_common_ptr)&j->d, JPOOL_IMAGE,
                                    j->d.output_width * (JDIMENSION)j->d.output_components, 1)[0];
    while (j->d.output_scanline < j->d.output_height)
        jpeg_read_scanlines(&j->d, &row, 1);
    jpeg_finish_decompress(&j->d);
}

static const char *check_jpeg(const unsigned char *bytes, size_t size, size_t *pixels)
{
    struct jpeg j = { .progress.progress_monitor = bound_scans };
    const char *volatile why = damaged;

    j.d.err = jpeg_std_error(&j.errors);
    j.d.client_data = &j;
    j.errors.error_exit = leave;
    j.errors.emit_message = take_message;
    if (setjmp(j.end) == 0) {
        jpeg_create_decompress(&j.d);
        j.d.progress = &j.progress;
        jpeg_mem_src(&j.d, bytes, size);
        jpeg_read_header(&j.d, TRUE);
        if (take_pixels(pixels, j.d.image_width, j.d.image_height)) {
            decode(&j);
            why = NULL;
        } else {
            why = too_large;
        }
    }
    jpeg_destroy_decompress(&j.d);
    return why;
}

const char *picture_check(const void *bytes, size_t size, size_t *pixels)
{
    const char *type = picture_type(bytes, size);

    if (!type)
        return "is neither PNG nor JPEG";
    return type[6] == 'p' ? check_png(bytes, size, pixels) : check_jpeg(bytes, size, pixels);
}

/* Boxes: letters that shrink to fit, down to a floor; where lines stand in their box; what is told of bad ones. */
#include "sample.h"

#include <cairo.h>
#include <stdlib.h>

#define HEAD                                                                                                         \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100mm\" height=\"60mm\" viewBox=\"0 0 100 60\" "              \
    "font-family=\"DejaVu Sans\" font-size=\"4\">\n"                                                                 \
    "<defs><rect id=\"b\" x=\"10\" y=\"10\" width=\"40\" height=\"20\"/></defs>\n"
#define BOX(attributes, style, words)                                                                                \
    HEAD "<text " attributes " style=\"shape-inside:url(#b);" style "\">" words "</text>\n"                          \
         "<text x=\"60\" y=\"59\" font-size=\"2\">{{secret}}</text></svg>\n"

enum { DPI = 254, UNIT = 10 }; /* so that a unit is ten pixels */

struct ink {
    int left, top, right, bottom; /* of what is dark within the box's half of the page */
};

struct image {
    const unsigned char *bytes;
    size_t size;
};

static cairo_status_t take_bytes(void *userdata, unsigned char *bytes, unsigned size)
{
    struct image *i = userdata;

    if (size > i->size)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(bytes, i->bytes, size);
    i->bytes += size;
    i->size -= size;
    return CAIRO_STATUS_SUCCESS;
}

static struct ink find_ink(const struct document *d)
{
    struct image image = { (const unsigned char *)buffer_bytes(&d->bytes), buffer_size(&d->bytes) };
    cairo_surface_t *s = cairo_image_surface_create_from_png_stream(take_bytes, &image);
    struct ink ink = { .left = 1000, .top = 1000 };

    assert_int_equal(cairo_surface_status(s), CAIRO_STATUS_SUCCESS);
    for (int y = 0; y < cairo_image_surface_get_height(s); y++)
        for (int x = 0; x < 55 * UNIT; x++) {
            const unsigned char *pixel =
                cairo_image_surface_get_data(s) + y * cairo_image_surface_get_stride(s) + (ptrdiff_t)4 * x;

            if (pixel[1] >= 128)
                continue;
            ink.left = x < ink.left ? x : ink.left;
            ink.right = x > ink.right ? x : ink.right;
            ink.top = y < ink.top ? y : ink.top;
            ink.bottom = y > ink.bottom ? y : ink.bottom;
        }
    cairo_surface_destroy(s);
    return ink;
}

/* 0 with the ink; 1 with CODE. */
static int draw(const char *svg, const char *name, struct ink *ret, char code[32])
{
    struct folder f;
    struct sample s;
    struct letter *l = NULL;
    struct problem p = { .message = "" };
    int r;

    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    if (letter_load(f.path, "letter.svg", NULL, &l, &p) != 0) {
        folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
        snprintf(code, 32, "%s", p.code);
        return 1;
    }
    sample_init(&s, name, NULL, SECRET_PIN, "1234");
    r = letter_png(l, &s.filling, 0, DPI, &s.document, &s.trouble);
    if (r == 0)
        *ret = find_ink(&s.document);
    snprintf(code, 32, "%s", s.trouble.code);
    sample_release(&s);
    letter_free(l);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
    return r;
}

#define LONG "Maximiliane Wilhelmina von Schwarzenberg zu Waldburg und Hohenlohe aus Langenburg am See und Feld"

static void test_shrinking(void **state)
{
    struct ink ink, full;
    char code[32];

    (void)state;
    assert_int_equal(draw(BOX("", "", "{{holder.name}}"), LONG, &ink, code), 1);
    assert_string_equal(code, "overflow");
    assert_int_equal(draw(BOX("data-min-font-size=\"3.9\"", "", "{{holder.name}}"), LONG, &ink, code), 1);
    assert_string_equal(code, "overflow");
    assert_int_equal(draw(BOX("data-min-font-size=\"1\"", "", "{{holder.name}}"), LONG, &ink, code), 0);
    assert_in_range(ink.left, 10 * UNIT - 2, 12 * UNIT);
    assert_in_range(ink.right, 30 * UNIT, 50 * UNIT + 1);
    assert_in_range(ink.bottom, 24 * UNIT, 30 * UNIT + 1); /* as large as it can be */
    /* What fits is left as it is. */
    assert_int_equal(draw(BOX("", "", "{{holder.name}}"), "Åsa", &full, code), 0);
    assert_int_equal(draw(BOX("data-min-font-size=\"1\"", "", "{{holder.name}}"), "Åsa", &ink, code), 0);
    assert_memory_equal(&ink, &full, sizeof(ink));
}

static void test_places_in_a_box(void **state)
{
    struct ink top, middle, bottom, left, right;
    char code[32];

    (void)state;
    assert_int_equal(draw(BOX("", "", "{{holder.name}}"), "Åsa", &top, code), 0);
    assert_int_equal(draw(BOX("", "display-align:center", "{{holder.name}}"), "Åsa", &middle, code), 0);
    assert_int_equal(draw(BOX("", "display-align:after", "{{holder.name}}"), "Åsa", &bottom, code), 0);
    assert_in_range(top.top, 10 * UNIT, 12 * UNIT);
    assert_in_range(bottom.bottom, 28 * UNIT, 30 * UNIT);
    assert_in_range(2 * middle.top, top.top + bottom.top - 3, top.top + bottom.top + 3);
    /* "end" and "start" follow the direction, "left" and "right" do not. */
    assert_int_equal(draw(BOX("", "direction:rtl", "{{holder.name}}"), "Åsa", &right, code), 0);
    assert_in_range(right.right, 49 * UNIT, 50 * UNIT);
    assert_int_equal(draw(BOX("", "direction:rtl;text-align:end", "{{holder.name}}"), "Åsa", &left, code), 0);
    assert_int_equal(left.left, top.left);
    assert_int_equal(draw(BOX("", "direction:rtl;text-align:left", "{{holder.name}}"), "Åsa", &left, code), 0);
    assert_int_equal(left.left, top.left);
    assert_int_equal(draw(BOX("", "text-align:right", "{{holder.name}}"), "Åsa", &left, code), 0);
    assert_int_equal(left.right, right.right);
}

static void test_bad_boxes(void **state)
{
    struct ink ink;
    char code[32];

    (void)state;
    assert_int_equal(draw(BOX("data-min-font-size=\"5\"", "", "x"), "Åsa", &ink, code), 1);
    assert_string_equal(code, "svg-box");
    assert_int_equal(draw(BOX("data-min-font-size=\"0\"", "", "x"), "Åsa", &ink, code), 1);
    assert_string_equal(code, "svg-box");
    assert_int_equal(
        draw(HEAD "<text x=\"1\" y=\"9\" data-min-font-size=\"2\">{{secret}}</text></svg>", "Å", &ink, code), 1);
    assert_string_equal(code, "svg-box");
    /* A floor below what can be read. */
    assert_int_equal(draw(BOX("data-min-font-size=\"0.1\"", "", "x"), "Åsa", &ink, code), 1);
    assert_string_equal(code, "svg-style");
    assert_int_equal(draw(BOX("", "direction:up", "x"), "Åsa", &ink, code), 1);
    assert_string_equal(code, "svg-style");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shrinking),
        cmocka_unit_test(test_places_in_a_box),
        cmocka_unit_test(test_bad_boxes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

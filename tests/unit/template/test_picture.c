/* Pictures of a letter: whole ones are taken, damaged, cut and huge ones are refused by name, before they are decoded
 * where that would cost; and drawings that multiply by their references. */
#include "sample.h"

#include <stdlib.h>

#include <cairo.h>
#include <glib.h>
#include <jpeglib.h>
#include <zlib.h>

#include <pindispatch/buffer.h>

static cairo_status_t add_bytes(void *userdata, const unsigned char *bytes, unsigned size)
{
    return buffer_add(userdata, bytes, size) == 0 ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/* A picture that nothing compresses. */
static cairo_surface_t *noise(int side)
{
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, side, side);
    unsigned char *pixels = cairo_image_surface_get_data(s);
    uint32_t state = 1;

    for (int i = 0; i < cairo_image_surface_get_stride(s) * side; i++) {
        state = state * 1664525U + 1013904223U;
        pixels[i] = (unsigned char)(state >> 24);
    }
    cairo_surface_mark_dirty(s);
    return s;
}

static void make_png(struct buffer *b, int side)
{
    cairo_surface_t *s = noise(side);

    assert_int_equal(cairo_surface_write_to_png_stream(s, add_bytes, b), CAIRO_STATUS_SUCCESS);
    cairo_surface_destroy(s);
}

static void make_jpeg(struct buffer *b, unsigned side)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL, *row = calloc(side, 3);
    unsigned long size = 0;
    uint32_t state = 1;

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    c.image_width = c.image_height = side;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 25, TRUE);
    jpeg_start_compress(&c, TRUE);
    for (unsigned y = 0; y < side; y++) {
        for (unsigned x = 0; x < 3 * side; x++)
            row[x] = (unsigned char)((state = state * 1664525U + 1013904223U) >> 24);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    assert_int_equal(buffer_add(b, bytes, size), 0);
    free(bytes);
    free(row);
}

/* The head of a picture of any size, and nothing else. */
static void make_huge_png(struct buffer *b, uint32_t side)
{
    unsigned char head[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    uint32_t crc;

    for (int i = 0; i < 4; i++)
        head[16 + i] = head[20 + i] = (unsigned char)(side >> (24 - 8 * i));
    head[24] = 1;
    crc = (uint32_t)crc32(0, head + 12, 17);
    for (int i = 0; i < 4; i++)
        head[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    assert_int_equal(buffer_add(b, head, sizeof(head)), 0);
}

static struct problem found;

/* Loads a letter with this text in its drawing. The code of what is wrong, "" for nothing. */
static const char *letter_with(const char *drawing)
{
    CLEANUP(letter_cleanup) struct letter *l = NULL;
    g_autofree char *svg =
        g_strdup_printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" "
                        "viewBox=\"0 0 210 297\" font-family=\"DejaVu Sans\" font-size=\"8\">%s"
                        "<text x=\"20\" y=\"280\">{{secret}}</text></svg>",
                        drawing);
    struct folder f;
    int r;

    found = (struct problem){ .code = "" };
    folder_init(&f);
    folder_write(&f, "letter.svg", svg);
    r = letter_load(f.path, "letter.svg", NULL, &l, &found);
    assert_int_equal(r, found.code[0] ? 1 : 0);
    folder_remove(&f, (const char *const[]){ "letter.svg", NULL });
    return found.code;
}

static const char *embedded(const char *type, const void *bytes, size_t size, const char *element)
{
    g_autofree char *base64 = g_base64_encode(bytes, size);
    g_autofree char *drawing =
        g_strdup_printf("<%s width=\"100\" height=\"100\" href=\"data:%s;base64,%s\"/>", element, type, base64);

    return letter_with(drawing);
}

static const char *beside(const void *bytes, size_t size)
{
    CLEANUP(letter_cleanup) struct letter *l = NULL;
    struct folder f;
    char *path;

    found = (struct problem){ .code = "" };
    folder_init(&f);
    folder_write(&f, "letter.svg",
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" font-size=\"8\" "
                 "font-family=\"DejaVu Sans\"><image width=\"9\" height=\"9\" href=\"a.png\"/>"
                 "<text x=\"20\" y=\"280\">{{secret}}</text></svg>");
    path = path_join(f.path, "a.png");
    assert_int_equal(file_replace(path, bytes, size, 0600), 0);
    free(path);
    letter_load(f.path, "letter.svg", NULL, &l, &found);
    folder_remove(&f, (const char *const[]){ "letter.svg", "a.png", NULL });
    return found.code;
}

static void test_whole_ones(void **state)
{
    CLEANUP(buffer_release) struct buffer png = BUFFER(1 << 20), jpeg = BUFFER(1 << 20);

    (void)state;
    make_png(&png, 40);
    make_jpeg(&jpeg, 200);
    assert_string_equal(embedded("image/png", buffer_bytes(&png), buffer_size(&png), "image"), "");
    assert_string_equal(embedded("image/jpeg", buffer_bytes(&jpeg), buffer_size(&jpeg), "image"), "");
    assert_string_equal(embedded("image/png", buffer_bytes(&jpeg), buffer_size(&jpeg), "image"), "svg-image");
    assert_string_equal(embedded("image/jpeg", buffer_bytes(&png), buffer_size(&png), "image"), "svg-image");
    assert_string_equal(beside(buffer_bytes(&png), buffer_size(&png)), "");
    assert_string_equal(beside(buffer_bytes(&jpeg), buffer_size(&jpeg)), "");
}

static void refuse_damages(const char *type, struct buffer *b)
{
    const size_t cuts[] = { 4, 12, 30, buffer_size(b) / 2, buffer_size(b) * 9 / 10, buffer_size(b) - 2 };
    char *bytes = buffer_bytes(b);

    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
        assert_string_equal(embedded(type, bytes, cuts[i], "image"), "svg-image");
        assert_string_equal(beside(bytes, cuts[i]), "svg-image");
    }
    /* Amid the data: a marker that is out of place, a sum that is wrong. */
    memset(bytes + buffer_size(b) / 2, 0xff, 2);
    bytes[buffer_size(b) / 2 + 1] = 0x7e;
    assert_string_equal(embedded(type, bytes, buffer_size(b), "image"), "svg-image");
}

static void test_damaged_ones(void **state)
{
    CLEANUP(buffer_release) struct buffer png = BUFFER(1 << 20), jpeg = BUFFER(1 << 20);

    (void)state;
    make_png(&png, 40);
    make_jpeg(&jpeg, 200);
    refuse_damages("image/png", &png);
    refuse_damages("image/jpeg", &jpeg);
    assert_string_equal(embedded("image/png", "\x89PNG\r\n\x1a\nxxxx", 12, "image"), "svg-image");
    assert_string_equal(embedded("image/jpeg", "\xff\xd8\xff\xe0junk", 8, "image"), "svg-image");
    assert_string_equal(embedded("image/png", "AAAAAA", 6, "image"), "svg-image");
    assert_string_equal(letter_with("<image width='9' height='9' href='data:image/png;base64,'/>"), "svg-image");
    assert_string_equal(letter_with("<image width='9' height='9' href='data:image/png;base64,%41%41'/>"),
                        "svg-image");
    assert_string_equal(letter_with("<image width='9' height='9' href='data:image/png;utf8,x'/>"), "svg-image");
    assert_string_equal(embedded("image/png", "AAAAAA", 6, "feImage"), "svg-image");
}

static void test_huge_ones(void **state)
{
    static const uint32_t sides[] = { 7000, 10000, 30000, 65535, 0x7fffffff };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        CLEANUP(buffer_release) struct buffer b = BUFFER(1 << 20);

        make_huge_png(&b, sides[i]);
        assert_string_equal(embedded("image/png", buffer_bytes(&b), buffer_size(&b), "image"), "svg-image");
        assert_non_null(strstr(found.message, "more pixels"));
    }
}

/* Noise of 2,400 by 2,400 pixels is 17 MB in each letter. */
static void test_a_letter_has_room_for_its_pictures(void **state)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(16 << 20);
    CLEANUP(buffer_release) struct buffer jpeg = BUFFER(8 << 20);

    (void)state;
    make_jpeg(&jpeg, 2400);
    assert_string_equal(beside(buffer_bytes(&jpeg), buffer_size(&jpeg)), "letter-too-large");
    make_png(&b, 600);
    assert_string_equal(beside(buffer_bytes(&b), buffer_size(&b)), "");
}

static void add_level(GString *s, int level)
{
    g_string_append_printf(s, "<g id=\"g%d\">", level);
    for (int i = 0; i < 10; i++)
        g_string_append_printf(s, "<use href=\"#g%d\"/>", level - 1);
    g_string_append(s, "</g>");
}

static void test_drawings_that_multiply(void **state)
{
    g_autoptr(GString) s = g_string_new("<defs><rect id=\"g0\" width=\"1\" height=\"1\"/>");

    (void)state;
    add_level(s, 1);
    add_level(s, 2);
    {
        g_autofree char *good = g_strconcat(s->str, "</defs><use href=\"#g2\"/>", NULL);

        assert_string_equal(letter_with(good), "");
    }
    for (int level = 3; level < 9; level++)
        add_level(s, level);
    g_string_append(s, "</defs><use href=\"#g8\"/>");
    assert_string_equal(letter_with(s->str), "svg-reference");
    assert_string_equal(letter_with("<g id='a'><use href='#a'/></g>"), "svg-reference");
    assert_string_equal(letter_with("<defs><pattern id='p' width='1' height='1'><rect width='1' height='1' "
                                    "style='fill:url( &quot;#p&quot; )'/></pattern></defs>"),
                        "svg-reference");
}

/* Letters decide for cairo alone how streams are compressed. */
static void test_others_compress_as_they_ask(void **state)
{
    CLEANUP(letter_cleanup) struct letter *l = NULL;
    static unsigned char zeros[100000], out[200000];
    z_stream z = { .next_in = zeros, .avail_in = sizeof(zeros), .next_out = out, .avail_out = sizeof(out) };
    struct problem p = { .code = "" };
    struct sample s;

    (void)state;
    assert_int_equal(letter_load(TEMPLATES, "letter.svg", NULL, &l, &p), 0);
    sample_init(&s, "Asa", "en", SECRET_PIN, "482913");
    assert_int_equal(letter_pdf(l, &s.filling, &s.document, &s.trouble), 0);
    sample_release(&s);
    assert_int_equal(deflateInit(&z, Z_BEST_COMPRESSION), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_true(z.total_out < sizeof(zeros) / 100);
    deflateEnd(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_ones),
        cmocka_unit_test(test_damaged_ones),
        cmocka_unit_test(test_huge_ones),
        cmocka_unit_test(test_a_letter_has_room_for_its_pictures),
        cmocka_unit_test(test_drawings_that_multiply),
        cmocka_unit_test(test_others_compress_as_they_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

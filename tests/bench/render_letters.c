/* How fast letters are made in one process:
 *
 *   bench_render_letters NUMBER pindispatch TEMPLATES LETTER   from the template, which is read once
 *   bench_render_letters NUMBER librsvg SVG                    librsvg draws the whole letter; the values are in it
 *   bench_render_letters NUMBER pango                          the same words by the drawing library, no template
 *
 * Prints the seconds for NUMBER letters; the first one, which finds the fonts, is not counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo-pdf.h>
#include <librsvg/rsvg.h>
#include <pango/pangocairo.h>

#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/file.h>
#include <pindispatch/json.h>
#include <pindispatch/template.h>

enum { A4_WIDTH = 595, A4_HEIGHT = 842, SVG_MOST = 1 << 20 };
/* The words of the letter that is shipped, as they stand on its lines. */
static const struct {
    const char *font, *words;
    double x, y;
} lines[] = {
    { "DejaVu Sans Bold 17px", "Card administration", 71, 60 },
    { "DejaVu Sans 6.5px", "Confidential – to be opened by the addressee only", 71, 130 },
    { "DejaVu Sans 9.9px", "Åsa Öberg", 71, 150 },
    { "DejaVu Sans 9.9px", "Storgatan 1", 71, 162 },
    { "DejaVu Sans 9.9px", "111 22 Stockholm", 71, 174 },
    { "DejaVu Sans 9.9px", "Sweden", 71, 186 },
    { "DejaVu Sans 7px", "Date", 354, 140 },
    { "DejaVu Sans 7px", "Reference", 354, 170 },
    { "DejaVu Sans 7px", "Card", 354, 200 },
    { "DejaVu Sans 9.9px", "22 November 2026", 354, 148 },
    { "DejaVu Sans Mono 9.9px", "c3d2a4b5e6f7", 354, 178 },
    { "DejaVu Sans 9.9px", "C-000123", 354, 208 },
    { "DejaVu Sans Bold 16px", "The PIN for your card", 71, 305 },
    { "DejaVu Sans 9.9px", "Dear Åsa Öberg,", 71, 325 },
    { "DejaVu Sans 9.9px", "A card has been issued to you: C-000123 (employee). Below is its PIN, the personal", 71,
      353 },
    { "DejaVu Sans 9.9px", "code that you enter whenever you use the card.", 71, 367 },
    { "DejaVu Sans Bold 9px", "PIN", 82, 440 },
    { "DejaVu Sans Mono Bold 28px", "482913", 240, 455 },
    { "DejaVu Sans Bold 12px", "What to do now", 71, 534 },
    { "DejaVu Sans 9.9px", "Learn the PIN by heart and destroy this letter.", 91, 564 },
    { "DejaVu Sans 9.9px", "Never write the PIN on the card, and never keep the two together.", 91, 595 },
    { "DejaVu Sans 9.9px", "Never tell the PIN to anyone. Nobody will ever ask you for it, not even us.", 91, 626 },
    { "DejaVu Sans 9.9px", "Was the envelope opened, is the frame damaged, or does the card refuse the PIN?", 91,
      657 },
    { "DejaVu Sans 9.9px", "Tell us at once and give the reference above.", 91, 671 },
    { "DejaVu Sans 6.5px", "Letters and digits are set so that 0 and O, 1, l and I differ: a zero has a mark in it.",
      71, 785 },
};

static cairo_status_t count_bytes(void *userdata, const unsigned char *bytes, unsigned size)
{
    (void)bytes;
    *(size_t *)userdata += size;
    return CAIRO_STATUS_SUCCESS;
}

static void draw_line(cairo_t *cr, PangoLayout *layout, size_t i)
{
    PangoFontDescription *d = pango_font_description_from_string(lines[i].font);

    pango_layout_set_font_description(layout, d);
    pango_layout_set_text(layout, lines[i].words, -1);
    cairo_move_to(cr, lines[i].x, lines[i].y);
    pango_cairo_show_layout(cr, layout);
    pango_font_description_free(d);
}

/* A page of a PDF that goes nowhere, drawn by DRAW. */
static int draw_page(int (*draw)(cairo_t *cr, void *userdata), void *userdata)
{
    size_t bytes = 0;
    cairo_surface_t *pdf = cairo_pdf_surface_create_for_stream(count_bytes, &bytes, A4_WIDTH, A4_HEIGHT);
    cairo_t *cr = cairo_create(pdf);
    int r = draw(cr, userdata);

    cairo_destroy(cr);
    cairo_surface_destroy(pdf);
    return r == 0 && bytes == 0 ? -EIO : r;
}

static int draw_words(cairo_t *cr, void *userdata)
{
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        draw_line(cr, userdata, i);
    cairo_rectangle(cr, 71, 428, 468, 79);
    cairo_stroke(cr);
    return 0;
}

static int make_words(void *userdata)
{
    return draw_page(draw_words, userdata);
}

static int draw_svg(cairo_t *cr, void *userdata)
{
    const struct buffer *text = userdata;
    const RsvgRectangle page = { .width = A4_WIDTH, .height = A4_HEIGHT };
    RsvgHandle *svg = rsvg_handle_new_from_data((const guint8 *)buffer_bytes(text), buffer_size(text), NULL);
    gboolean good = svg && rsvg_handle_render_document(svg, cr, &page, NULL);

    g_clear_object(&svg);
    return good ? 0 : -EIO;
}

/* Read anew each time: in each letter other values would stand. */
static int make_svg(void *userdata)
{
    return draw_page(draw_svg, userdata);
}

struct job {
    struct letter *letter;
    struct filling filling;
};

static int make_letter(void *userdata)
{
    struct job *job = userdata;
    CLEANUP(document_release) struct document d = DOCUMENT;
    CLEANUP(outcome_release) struct outcome trouble = { .code = "" };
    int r = letter_pdf(job->letter, &job->filling, &d, &trouble);

    if (r > 0)
        fprintf(stderr, "%s: %s\n", trouble.code, trouble.reason);
    return r;
}

static int measure(unsigned number, int (*work)(void *userdata), void *userdata)
{
    int r = work(userdata);
    int64_t start = clock_monotonic();

    for (unsigned i = 0; r == 0 && i < number; i++)
        r = work(userdata);
    if (r == 0)
        printf("%.6f\n", (double)(clock_monotonic() - start) / (double)MICROSECONDS_PER_SECOND);
    return r;
}

static int measure_letters(unsigned number, const char *dir, const char *name)
{
    CLEANUP(letter_cleanup) struct letter *letter = NULL;
    CLEANUP(json_cleanup) json_t *event = NULL;
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    const char *torture;
    struct problem p;
    struct job job;

    if (letter_load(dir, name, NULL, &letter, &p) != 0) {
        fprintf(stderr, "%s: %s\n", p.where, p.message);
        return 1;
    }
    if (template_torture(0, "", &torture, &event) != 0 || secret_new("482913", 6, &secret) != 0)
        return 1;
    job = (struct job){ .letter = letter,
                        .filling = { .event = event,
                                     .kind = SECRET_PIN,
                                     .secret = secret,
                                     .delivery_id = "019ab0c2-7d2e-7001-9c3a-c3d2a4b5e6f7",
                                     .created = clock_now(&clock_real) } };
    return measure(number, make_letter, &job);
}

static int measure_svg(unsigned number, const char *path)
{
    struct buffer text = BUFFER(SVG_MOST);
    int r = file_read(path, &text);

    if (r == 0)
        r = measure(number, make_svg, &text);
    buffer_release(&text);
    return r;
}

static int measure_words(unsigned number)
{
    PangoFontMap *fonts = pango_cairo_font_map_new();
    PangoContext *context = pango_font_map_create_context(fonts);
    PangoLayout *layout = pango_layout_new(context);
    int r = measure(number, make_words, layout);

    g_object_unref(layout);
    g_object_unref(context);
    g_object_unref(fonts);
    return r;
}

int main(int argc, char **argv)
{
    unsigned number = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;

    if (number > 0 && argc == 5 && strcmp(argv[2], "pindispatch") == 0)
        return measure_letters(number, argv[3], argv[4]) == 0 ? 0 : 1;
    if (number > 0 && argc == 4 && strcmp(argv[2], "librsvg") == 0)
        return measure_svg(number, argv[3]) == 0 ? 0 : 1;
    if (number > 0 && argc == 3 && strcmp(argv[2], "pango") == 0)
        return measure_words(number) == 0 ? 0 : 1;
    fputs("usage: bench_render_letters NUMBER pindispatch TEMPLATES LETTER | librsvg SVG | pango\n", stderr);
    return 2;
}

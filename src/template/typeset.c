#include "typeset.h"

#include <errno.h>
#include <string.h>

#include "bidi.h"
#include "setting.h"

int typesetter_new(struct typesetter **ret)
{
    CLEANUP(typesetter_cleanup) struct typesetter *ts = calloc(1, sizeof(*ts));
    cairo_font_options_t *options = cairo_font_options_create();

    if (!ts) {
        cairo_font_options_destroy(options);
        return -ENOMEM;
    }
    /* Whole-pixel positions and metrics would show in print as uneven gaps between letters. */
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    ts->fonts = pango_cairo_font_map_new();
    ts->context = pango_font_map_create_context(ts->fonts);
    pango_cairo_context_set_font_options(ts->context, options);
    pango_cairo_context_set_resolution(ts->context, 72);
    pango_context_set_round_glyph_positions(ts->context, FALSE);
    ts->layout = pango_layout_new(ts->context);
    ts->font = pango_context_load_font(ts->context, pango_context_get_font_description(ts->context));
    ts->glyphs = pango_glyph_string_new();
    cairo_font_options_destroy(options);
    *ret = TAKE(ts);
    return 0;
}

struct typesetter *typesetter_free(struct typesetter *ts)
{
    if (!ts)
        return NULL;
    if (ts->glyphs)
        pango_glyph_string_free(ts->glyphs);
    g_clear_object(&ts->font);
    g_clear_object(&ts->layout);
    g_clear_object(&ts->context);
    g_clear_object(&ts->fonts);
    free(ts);
    return NULL;
}

void typesetter_shape(struct typesetter *ts, PangoLayout *layout, const char *bytes, size_t size)
{
    if (size > ts->longest)
        ts->longest = size;
    pango_layout_set_text(layout, bytes, (int)size);
}

void typesetter_clear(struct typesetter *ts, const struct kept *kept)
{
    if (kept) {
        g_object_unref(ts->layout);
        ts->layout = pango_layout_new(ts->context);
        return;
    }
    pango_layout_set_attributes(ts->layout, NULL);
    pango_layout_set_text(ts->layout, "", 0);
}

/* Pango shapes all texts in one buffer that it never frees (shape.c, cached_buffer): what a long one left is
 * overwritten only by one that is as long. */
void typesetter_forget(struct typesetter *ts)
{
    PangoAnalysis analysis = { .font = ts->font, .language = pango_language_get_default() };
    char *blank;

    if (ts->longest == 0)
        return;
    blank = g_strnfill(ts->longest, ' ');
    pango_shape(blank, (int)ts->longest, &analysis, ts->glyphs);
    g_free(blank);
    ts->longest = 0;
}

static void drop_final_newlines(struct setting *s)
{
    while (buffer_size(&s->line) > 0 && buffer_bytes(&s->line)[buffer_size(&s->line) - 1] == '\n')
        s->line.end--;
}

static int flush(struct setting *s)
{
    int r;

    drop_final_newlines(s);
    r = buffer_size(&s->line) > 0 ? setting_draw(s) : 0;
    buffer_clear(&s->line);
    s->blank = false;
    s->n_runs = 1;
    s->runs[0] = (struct run){ .start = 0, .style = s->style };
    s->n_secrets = 0;
    return r;
}

static int change_style(struct setting *s, size_t style)
{
    struct run *last = &s->runs[s->n_runs - 1];

    s->style = style;
    if (last->start == buffer_size(&s->line)) {
        last->style = style;
        return 0;
    }
    if (s->n_runs == RUNS_MOST)
        return setting_overflow(s, "changes its style too often");
    s->runs[s->n_runs++] = (struct run){ .start = buffer_size(&s->line), .style = style };
    return 0;
}

static int add_byte(struct setting *s, char c)
{
    const struct style *style = &s->t->styles[s->style];

    if (!style->visible || !style->painted)
        return 0;
    return buffer_add(&s->line, &c, 1);
}

/* A blank before a value, or before what is moved, is outside of it. */
static int settle_blank(struct setting *s)
{
    int r = s->blank ? add_byte(s, ' ') : 0;

    s->blank = false;
    return r;
}

static int change_place(struct setting *s, const struct place *at)
{
    int r = buffer_size(&s->line) > 0 ? settle_blank(s) : 0;

    if (r == 0)
        r = flush(s);
    if (at->has_x)
        s->x = at->x;
    if (at->has_y)
        s->y = at->y;
    s->x += at->dx;
    s->y += at->dy;
    return r;
}

static bool at_line_start(const struct setting *s)
{
    size_t size = buffer_size(&s->line);

    return size == 0 || buffer_bytes(&s->line)[size - 1] == '\n';
}

static int add_newline(struct setting *s, enum blanks blanks)
{
    s->blank = false;
    /* An element's first newline only ends its tag's line. */
    if (blanks == BLANKS_LINES && buffer_size(&s->line) == 0)
        return 0;
    return add_byte(s, '\n');
}

static int add_blank(struct setting *s, char c)
{
    enum blanks blanks = s->t->styles[s->style].blanks;

    if (c == '\r')
        return 0;
    if (c == '\n' && (blanks == BLANKS_LINES || blanks == BLANKS_KEEP))
        return add_newline(s, blanks);
    if (blanks == BLANKS_KEEP || blanks == BLANKS_SPACES)
        return add_byte(s, ' ');
    s->blank = !at_line_start(s);
    return 0;
}

static int add_letter(struct setting *s, char c)
{
    int r = s->blank ? add_byte(s, ' ') : 0;

    s->blank = false;
    return r < 0 ? r : add_byte(s, c == MUSTACHE_HARD_SPACE ? ' ' : c);
}

static int add_control(struct setting *s, const char *control)
{
    int r = s->isolates ? add_letter(s, control[0]) : 0;

    for (size_t i = 1; s->isolates && control[i] && r == 0; i++)
        r = add_byte(s, control[i]);
    return r;
}

static int open_secret(struct setting *s, const char *bytes, size_t size, bool is_form)
{
    const char *end = memchr(bytes, MUSTACHE_CLOSE, size);
    size_t length = end ? (size_t)(end - bytes) : size;
    int r = settle_blank(s);

    if (r == 0)
        r = add_control(s, bidi_opening(bytes, length));
    /* FriBidi takes digits after the isolate for numbers among letters that run from right to left. */
    if (r == 0 && !bidi_turns(bytes, length))
        r = add_control(s, BIDI_LEFT_MARK);
    if (r != 0)
        return r;
    if (s->n_secrets == SECRETS_MOST)
        return setting_overflow(s, "is printed too often in one line");
    s->open = &s->secrets[s->n_secrets];
    *s->open = (struct secret_range){ .start = buffer_size(&s->line),
                                      .is_form = is_form,
                                      .turns = bidi_turns(bytes, length) };
    return 0;
}

static int close_value(struct setting *s)
{
    struct secret_range *secret = TAKE(s->open);

    if (secret) {
        secret->end = buffer_size(&s->line);
        s->n_secrets += secret->end > secret->start;
    }
    return add_control(s, BIDI_END);
}

/* A byte that the renderer has put in; of those in the template's own words that set_bytes() does not know. */
static int set_mark(struct setting *s, const char *bytes, size_t size)
{
    int r;

    switch (bytes[0]) {
    case MUSTACHE_OPEN:
        r = settle_blank(s);
        return r == 0 ? add_control(s, BIDI_FIRST_STRONG) : r;
    case MUSTACHE_OPEN_SECRET:
    case MUSTACHE_OPEN_FORM:
        return open_secret(s, bytes + 1, size - 1, bytes[0] == MUSTACHE_OPEN_FORM);
    default:
        return close_value(s);
    }
}

static bool is_mark(char c)
{
    return c == MUSTACHE_OPEN || c == MUSTACHE_OPEN_SECRET || c == MUSTACHE_OPEN_FORM || c == MUSTACHE_CLOSE;
}

static int set_bytes(struct setting *s, const char *bytes, size_t size)
{
    int r = 0;

    for (size_t i = 0; i < size && r == 0; i++) {
        char c = bytes[i];

        if (c == TEXT_STYLE)
            r = change_style(s, (size_t)(bytes[++i] - TEXT_FIRST));
        else if (c == TEXT_PLACE)
            r = change_place(s, &s->t->places[bytes[++i] - TEXT_FIRST]);
        else if (is_mark(c))
            r = set_mark(s, bytes + i, size - i);
        else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            r = add_blank(s, c);
        else
            r = add_letter(s, c);
    }
    return r == 0 ? flush(s) : r;
}

void sheet_note(struct sheet *sheet, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        sheet->structure = (sheet->structure ^ at[i]) * UINT64_C(0x100000001b3);
}

/* The words without the values that stand in them. */
static void note_structure(const struct setting *s, const char *bytes, size_t size)
{
    const char *end = bytes + size;

    while (bytes < end) {
        const char *open = bytes;

        while (open < end && (!is_mark(*open) || *open == MUSTACHE_CLOSE))
            open++;
        sheet_note(s->sheet, bytes, (size_t)(open - bytes));
        bytes = open < end ? memchr(open, MUSTACHE_CLOSE, (size_t)(end - open)) : end;
        bytes = bytes ? bytes : end;
        sheet_note(s->sheet, open, open < end);
        bytes += bytes < end;
    }
}

static void draw_kept(const struct setting *s)
{
    cairo_save(s->sheet->cr);
    cairo_transform(s->sheet->cr, &s->matrix);
    kept_draw(s->t->kept, s->sheet->cr);
    cairo_restore(s->sheet->cr);
    if (s->sheet->map)
        kept_note(s->t->kept, s->sheet->map, s->t);
}

/* What no event has a part in is kept, with the marks that chose its words; nothing else may outlive its letter. */
static int set_general(struct setting *s, const struct buffer *words)
{
    int r;

    if (s->sheet->ink == INK_SECRET_ONLY)
        return 0;
    if (kept_is(s->t->kept, s->sheet->cr, words)) {
        draw_kept(s);
        return 0;
    }
    s->t->kept = kept_free(s->t->kept);
    s->keep = kept_new(s->sheet->cr, words);
    r = s->keep ? set_bytes(s, buffer_bytes(words), buffer_size(words)) : -ENOMEM;
    if (r == 0)
        s->t->kept = TAKE(s->keep);
    kept_free(s->keep);
    return r;
}

static int set_rendered(struct setting *s, const struct buffer *words)
{
    const char *bytes = buffer_bytes(words);
    size_t size = buffer_size(words);

    s->isolates = s->t->styles[0].direction == DIRECTION_RTL || bidi_turns(bytes, size);
    note_structure(s, bytes, size);
    return s->t->general ? set_general(s, words) : set_bytes(s, bytes, size);
}

static int set_words(struct setting *s)
{
    struct buffer words = BUFFER(LINE_MOST);
    int r = mustache_render(s->t->program, &s->sheet->fields->data, MUSTACHE_SET, &words, &s->sheet->result);

    if (r == 0 && buffer_size(&words) > 0)
        r = set_rendered(s, &words);
    else if (r == MUSTACHE_EMPTY)
        r = setting_fail(s, "field-missing", s->sheet->result.empty, "is missing");
    buffer_release(&words);
    return r == -ENOBUFS ? setting_overflow(s, "is far too long") : r;
}

int typeset(struct typesetter *ts, struct sheet *sheet, struct text *t)
{
    struct setting s = { .ts = ts, .sheet = sheet, .t = t, .line = BUFFER(LINE_MOST), .n_runs = 1, .share = 1 };
    int r;

    if (!t->styles[0].displayed || (sheet->region && !ink_touches(sheet->region->map, t, sheet->region->box)))
        return 0;
    s.scale = text_scale(t);
    s.matrix = t->matrix;
    cairo_matrix_scale(&s.matrix, 1 / s.scale, 1 / s.scale);
    s.x = t->places[0].x + t->places[0].dx;
    s.y = t->places[0].y + t->places[0].dy;
    r = set_words(&s);
    buffer_release(&s.line);
    return r;
}

#include "letter_draw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cairo-pdf.h>
#include <zlib.h>

#include <pindispatch/clock.h>

enum {
    /* With these, zlib only frames what it is given: little memory for each of a letter's dozen streams. */
    STORED_WINDOW = 9,
    STORED_MEMORY = 1,
    /* zlib's own. */
    WINDOW_BITS = 15,
    MEMORY_LEVEL = 8,
};

/* How a letter that is being written is compressed; cairo has no setting for it. */
static _Thread_local enum { AS_ASKED, NOT_AT_ALL, FAST } effort;

/* Instead of zlib's own, which cairo calls for each stream of a PDF and with which programs leave the effort to the
 * library. To compress a letter's words takes as long as to draw them, and what comes of it, 20 KB less, is read
 * once, by a spooler on this machine. Pictures are worth it: a letterhead at 300 dpi has 26 MB. Outside of a letter
 * everybody gets what he asks for. */
int deflateInit_(z_streamp stream, int level, const char *version, int size)
{
    if (effort == NOT_AT_ALL)
        return deflateInit2_(stream, Z_NO_COMPRESSION, Z_DEFLATED, STORED_WINDOW, STORED_MEMORY, Z_DEFAULT_STRATEGY,
                             version, size);
    return deflateInit2_(stream, effort == FAST ? Z_BEST_SPEED : level, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY, version, size);
}

const struct version *letter_choose(const struct letter *l, const struct filling *f)
{
    return &l->versions[language_best(l->versions, sizeof(l->versions[0]), l->n, fields_locale(f))];
}

cairo_status_t letter_write_bytes(void *userdata, const unsigned char *bytes, unsigned size)
{
    return buffer_add(userdata, bytes, size) < 0 ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

int letter_judge(cairo_status_t status, struct outcome *trouble)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return 0;
    if (status == CAIRO_STATUS_NO_MEMORY)
        return -ENOMEM;
    outcome_set(trouble, OUTCOME_FAILED, "template", "the letter cannot be written: %s",
                cairo_status_to_string(status));
    return 1;
}

int letter_check_secret(const struct letter *l, const struct sheet *sheet)
{
    if (sheet->secrets > 0)
        return 0;
    if (sheet->result.overlay_uses > 0)
        outcome_set(sheet->trouble, OUTCOME_FAILED, "secret-unreadable",
                    "the template %s has the %s only where nothing is drawn", l->name,
                    fields_kind(sheet->fields->about));
    else
        outcome_set(sheet->trouble, OUTCOME_FAILED, "field-missing", "the template %s does not print the %s", l->name,
                    fields_kind(sheet->fields->about));
    return 1;
}

static cairo_surface_t *new_pdf(struct buffer *b, const struct filling *f)
{
    cairo_surface_t *pdf = cairo_pdf_surface_create_for_stream(letter_write_bytes, b, 1, 1);
    char created[CLOCK_TEXT], seconds[CLOCK_TEXT + 1];

    /* Nothing of the delivery belongs here: spoolers and printers show what they find. */
    clock_format(f->created, created);
    snprintf(seconds, sizeof(seconds), "%.*sZ", (int)strcspn(created, "."), created); /* cairo knows no fractions */
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_TITLE, "Letter");
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATOR, "pindispatch");
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATE_DATE, seconds);
    return pdf;
}

/* A test says so by itself, over everything that the template shows. */
int letter_draw_page(struct letter *l, const struct version *v, unsigned page, struct sheet *sheet)
{
    int r = page_draw(v->pages[page], l->ts, sheet);

    if (r == 0 && fields_is_test(sheet->fields->about))
        typeset_mark(l->ts, sheet, language_test(v->tag));
    return r;
}

static int draw_pages(struct letter *l, const struct version *v, cairo_surface_t *pdf, struct sheet *sheet)
{
    int r = 0;

    for (unsigned i = 0; i < v->n && r == 0; i++) {
        cairo_pdf_surface_set_size(pdf, page_width(v->pages[i]), page_height(v->pages[i]));
        r = letter_draw_page(l, v, i, sheet);
        cairo_show_page(sheet->cr);
    }
    return r == 0 ? letter_check_secret(l, sheet) : r;
}

static bool has_pictures(const struct version *v)
{
    for (unsigned i = 0; i < v->n; i++)
        if (page_has_pictures(v->pages[i]))
            return true;
    return false;
}

static int write_pdf(struct letter *l, const struct version *v, const struct fields *fields, struct document *ret,
                     struct outcome *trouble)
{
    cairo_surface_t *pdf = new_pdf(&ret->bytes, fields->about);
    struct sheet sheet = { .cr = cairo_create(pdf), .fields = fields, .trouble = trouble };
    int r = draw_pages(l, v, pdf, &sheet);
    cairo_status_t status = cairo_status(sheet.cr);

    cairo_destroy(sheet.cr);
    cairo_surface_finish(pdf);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(pdf);
    cairo_surface_destroy(pdf);
    return r == 0 ? letter_judge(status, trouble) : r;
}

int letter_conclude(int r, const struct version *v, const char *media_type, struct document *ret)
{
    if (r != 0) {
        buffer_clear(&ret->bytes);
        return r;
    }
    ret->media_type = media_type;
    /* The default one's dates and digits are English. */
    language_header(v->tag[0] ? v->tag : "en", ret->language);
    ret->pages = v->n;
    memcpy(ret->template_hash, v->hash, sizeof(ret->template_hash));
    return 0;
}

/* --- the largest letter --- */

static cairo_status_t count_bytes(void *userdata, const unsigned char *bytes, unsigned size)
{
    (void)bytes;
    *(size_t *)userdata += size;
    return CAIRO_STATUS_SUCCESS;
}

static int measure(const struct version *v, size_t *ret)
{
    cairo_surface_t *pdf = cairo_pdf_surface_create_for_stream(count_bytes, ret, 1, 1);
    cairo_t *cr = cairo_create(pdf);
    int r = 0;

    for (unsigned i = 0; i < v->n && r == 0; i++) {
        cairo_pdf_surface_set_size(pdf, page_width(v->pages[i]), page_height(v->pages[i]));
        r = page_draw_pictures(v->pages[i], cr);
        cairo_show_page(cr);
    }
    cairo_destroy(cr);
    cairo_surface_finish(pdf);
    cairo_surface_destroy(pdf);
    return r;
}

int letter_check_size(const struct version *v, const char *where, struct findings *f)
{
    size_t size = 0;
    int r;

    if (!has_pictures(v))
        return 0;
    effort = FAST;
    r = measure(v, &size);
    effort = AS_ASKED;
    if (r < 0 || size <= PICTURES_MOST)
        return r < 0 ? r : 0;
    return findings_add(
        f, "letter-too-large", where,
        "each letter would have %.1f MB for its pictures alone, of at most %.1f: take fewer pixels, or "
        "a drawing",
        (double)size / 1e6, PICTURES_MOST / 1e6);
}

int letter_pdf(struct letter *l, const struct filling *f, struct document *ret, struct outcome *trouble)
{
    const struct version *v = letter_choose(l, f);
    struct fields fields;
    int r = fields_fill(&fields, f, v->tag, trouble);

    effort = has_pictures(v) ? FAST : NOT_AT_ALL;
    if (r == 0)
        r = write_pdf(l, v, &fields, ret, trouble);
    effort = AS_ASKED;
    typesetter_forget(l->ts);
    fields_release(&fields);
    return letter_conclude(r, v, "application/pdf", ret);
}

#include "letter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cairo-pdf.h>
#include <glib.h>

#include <pindispatch/clock.h>
#include <pindispatch/file.h>

#include "language.h"
#include "page.h"
#include "source.h"

enum {
    PAGES_MOST = 8,
    HASHES_MOST = 64 * SOURCE_HASH,
    DPI_LEAST = 10,
    DPI_MOST = 1200,
    PIXELS_MOST = 64 * 1024 * 1024
};

struct version {
    char tag[LANGUAGE_TAG]; /* first: see language_best() */
    char hash[SOURCE_HASH];
    struct page *pages[PAGES_MOST];
    unsigned n;
    bool good; /* nothing was found */
};

struct letter {
    char *dir, *name;
    struct typesetter *ts;
    struct version versions[LANGUAGES_MOST];
    size_t n;
};

struct loading {
    struct letter *l;
    struct findings *f;
};

/* What the pages of one version share while they are read. */
struct reading {
    struct letter *l;
    struct version *v;
    struct secrecy secrecy;
    struct buffer hashes; /* of all files, a line each */
    struct findings *f;
};

static int parse_page(struct reading *x, const struct source *s)
{
    const struct page_source source = { .svg = { .bytes = buffer_bytes(&s->text),
                                                 .size = buffer_size(&s->text),
                                                 .file = s->path,
                                                 .root = x->l->dir,
                                                 .hashes = &x->hashes },
                                        .tag = x->v->tag,
                                        .secrecy = &x->secrecy };
    struct page **page = &x->v->pages[x->v->n];
    int r = buffer_addf(&x->hashes, "%s\n", s->hash);

    if (r == 0)
        r = page_parse(&source, page, x->f);
    if (r == 0)
        x->v->n++;
    return r;
}

/* "letter.svg" is the first page, "letter-2.svg" the second. The caller frees. */
static char *page_name(const char *name, unsigned number)
{
    size_t stem = strlen(name) - (g_str_has_suffix(name, ".svg") ? strlen(".svg") : 0);
    char *page = NULL;

    if (number == 1)
        return strdup(name);
    return asprintf(&page, "%.*s-%u%s", (int)stem, name, number, name + stem) < 0 ? NULL : page;
}

static bool has_page(const struct letter *l, const char *tag, const char *name)
{
    CLEANUP(free_cleanup) char *folder = tag[0] ? path_join(l->dir, tag) : strdup(l->dir);
    CLEANUP(free_cleanup) char *path = folder ? path_join(folder, name) : NULL;

    return path && access(path, F_OK) == 0;
}

/* Page NUMBER; beyond the first, there need be none: -ENOENT. */
static int load_page(struct reading *x, unsigned number)
{
    CLEANUP(free_cleanup) char *name = page_name(x->l->name, number);
    struct source s = { .path = NULL };
    int r;

    if (!name)
        return -ENOMEM;
    if (number > 1 && !has_page(x->l, x->v->tag, name))
        return -ENOENT;
    if (number > PAGES_MOST)
        return findings_add(x->f, "template", x->l->dir, "a letter can have at most %d pages", PAGES_MOST);
    r = source_read(x->l->dir, x->v->tag, name, &s, x->f);
    if (r == 0)
        r = parse_page(x, &s);
    source_release(&s);
    return r;
}

static int load_pages(struct reading *x)
{
    int r = 0, bad = 0;

    for (unsigned number = 1; findings_go_on(x->f, r) && number <= PAGES_MOST + 1; number++) {
        bad |= r;
        r = load_page(x, number);
    }
    return r < 0 && r != -ENOENT ? r : bad | (r > 0);
}

static bool prints_secret(const struct version *v)
{
    for (unsigned i = 0; i < v->n; i++)
        if (page_prints_secret(v->pages[i]))
            return true;
    return false;
}

/* Of one file the hash is that file's own; of several, that of their hashes. */
static int hash_version(struct reading *x)
{
    const char *hashes = buffer_bytes(&x->hashes);

    if (buffer_size(&x->hashes) > SOURCE_HASH)
        return source_hash(hashes, buffer_size(&x->hashes), x->v->hash);
    memcpy(x->v->hash, hashes, SOURCE_HASH - 1);
    x->v->hash[SOURCE_HASH - 1] = '\0';
    return 0;
}

static int check_pages(struct reading *x)
{
    int r = 0, bad = 0;

    for (unsigned i = 0; i < x->v->n && findings_go_on(x->f, r); i++) {
        bad |= r;
        r = page_check(x->v->pages[i], x->l->ts, x->f);
    }
    return r < 0 ? r : r | bad;
}

static int lack_secret(struct reading *x)
{
    char where[FINDING_WHERE];
    const char *tag = x->v->tag;

    snprintf(where, sizeof(where), "%.150s/%s%s%.60s", x->l->dir, tag, tag[0] ? "/" : "", x->l->name);
    return findings_add(x->f, "no-secret", where, "a letter must print {{secret}}, or {{pin}} and {{puk}}");
}

static int load_version(void *userdata, const char *tag)
{
    struct loading *loading = userdata;
    struct letter *l = loading->l;
    struct reading x = { .l = l, .v = &l->versions[l->n], .hashes = BUFFER(HASHES_MOST), .f = loading->f };
    int r, bad;

    if (l->n == LANGUAGES_MOST)
        return findings_add(loading->f, "template", l->dir, "there are more than %d languages", LANGUAGES_MOST);
    l->n++;
    memcpy(x.v->tag, tag, strlen(tag) + 1);
    r = load_pages(&x);
    if (r == 0 && !prints_secret(x.v))
        r = lack_secret(&x);
    bad = r > 0;
    if (findings_go_on(x.f, r))
        r = check_pages(&x);
    if (r == 0)
        r = bad;
    if (r == -ENOBUFS)
        r = findings_add(x.f, "template", l->dir, "a letter is made of too many files");
    if (r == 0)
        r = hash_version(&x);
    x.v->good = r == 0;
    buffer_release(&x.hashes);
    /* The other languages are looked at, too, when all findings are wanted. */
    return findings_go_on(x.f, r) ? 0 : r;
}

int letter_read(const char *dir, const char *name, struct letter **ret, struct findings *f)
{
    CLEANUP(letter_cleanup) struct letter *l = calloc(1, sizeof(*l));
    struct loading loading = { .l = l, .f = f };
    int r = l ? source_place(dir, name, &l->dir, &l->name) : -ENOMEM;

    if (r == 0)
        r = typesetter_new(&l->ts);
    if (r < 0)
        return r;
    r = language_each(l->dir, (const char *const[]){ l->name, NULL }, load_version, &loading);
    if (r < 0 && r != -ENOMEM)
        return findings_add(f, "template", l->dir, "cannot be read: %s", strerror(-r));
    if (r == 0)
        *ret = TAKE(l);
    return r;
}

int letter_load(const char *dir, const char *name, struct letter **ret, struct problem *p)
{
    return letter_read(dir, name, ret, &(struct findings){ .first = p });
}

const char *letter_language(const struct letter *l, size_t i)
{
    return i < l->n ? l->versions[i].tag : NULL;
}

struct page *const *letter_pages(const struct letter *l, size_t i, unsigned *ret_n)
{
    *ret_n = l->versions[i].good ? l->versions[i].n : 0;
    return l->versions[i].pages;
}

struct typesetter *letter_typesetter(struct letter *l)
{
    return l->ts;
}

struct letter *letter_free(struct letter *l)
{
    if (!l)
        return NULL;
    for (size_t i = 0; i < l->n; i++)
        for (unsigned k = 0; k < l->versions[i].n; k++)
            page_free(l->versions[i].pages[k]);
    typesetter_free(l->ts);
    free(l->dir);
    free(l->name);
    free(l);
    return NULL;
}

static const struct version *choose(const struct letter *l, const struct filling *f)
{
    return &l->versions[language_best(l->versions, sizeof(l->versions[0]), l->n, fields_locale(f))];
}

static cairo_status_t write_bytes(void *userdata, const unsigned char *bytes, unsigned size)
{
    return buffer_add(userdata, bytes, size) < 0 ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

/* Turns what became of a surface into this room's terms. */
static int judge(cairo_status_t status, struct outcome *trouble)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return 0;
    if (status == CAIRO_STATUS_NO_MEMORY)
        return -ENOMEM;
    outcome_set(trouble, OUTCOME_FAILED, "template", "the letter cannot be written: %s",
                cairo_status_to_string(status));
    return 1;
}

/* A letter without its secret would be delivered in vain, and the secret erased. */
static int check_secret(const struct letter *l, const struct sheet *sheet)
{
    if (sheet->result.overlay_uses > 0)
        return 0;
    outcome_set(sheet->trouble, OUTCOME_FAILED, "field-missing", "the template %s does not print the %s", l->name,
                fields_kind(sheet->fields->about));
    return 1;
}

static cairo_surface_t *new_pdf(struct buffer *b, const struct filling *f)
{
    cairo_surface_t *pdf = cairo_pdf_surface_create_for_stream(write_bytes, b, 1, 1);
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
static int draw_page(struct letter *l, const struct version *v, struct page *page, struct sheet *sheet)
{
    int r = page_draw(page, l->ts, sheet);

    if (r == 0 && fields_is_test(sheet->fields->about))
        typeset_mark(l->ts, sheet, language_test(v->tag));
    return r;
}

static int draw_pages(struct letter *l, const struct version *v, cairo_surface_t *pdf, struct sheet *sheet)
{
    int r = 0;

    for (unsigned i = 0; i < v->n && r == 0; i++) {
        cairo_pdf_surface_set_size(pdf, page_width(v->pages[i]), page_height(v->pages[i]));
        r = draw_page(l, v, v->pages[i], sheet);
        cairo_show_page(sheet->cr);
    }
    return r == 0 ? check_secret(l, sheet) : r;
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
    return r == 0 ? judge(status, trouble) : r;
}

/* What stands in RET after a failure is half a letter. */
static int conclude(int r, const struct version *v, const char *media_type, struct document *ret)
{
    if (r != 0) {
        buffer_clear(&ret->bytes);
        return r;
    }
    ret->media_type = media_type;
    ret->pages = v->n;
    memcpy(ret->template_hash, v->hash, sizeof(ret->template_hash));
    return 0;
}

int letter_pdf(struct letter *l, const struct filling *f, struct document *ret, struct outcome *trouble)
{
    const struct version *v = choose(l, f);
    struct fields fields;
    int r = fields_fill(&fields, f, v->tag, trouble);

    if (r == 0)
        r = write_pdf(l, v, &fields, ret, trouble);
    typesetter_forget(l->ts);
    fields_release(&fields);
    return conclude(r, v, "application/pdf", ret);
}

static void wipe_image(cairo_surface_t *image)
{
    unsigned char *pixels = cairo_image_surface_get_data(image);

    if (pixels)
        secret_wipe(pixels,
                    (size_t)cairo_image_surface_get_stride(image) * (size_t)cairo_image_surface_get_height(image));
}

static int draw_image(struct letter *l, const struct version *v, unsigned page, cairo_surface_t *image, double scale,
                      struct sheet *sheet)
{
    int r;

    sheet->cr = cairo_create(image);
    cairo_set_source_rgb(sheet->cr, 1, 1, 1);
    cairo_paint(sheet->cr);
    cairo_scale(sheet->cr, scale, scale);
    r = draw_page(l, v, v->pages[page], sheet);
    if (r == 0)
        r = judge(cairo_status(sheet->cr), sheet->trouble);
    cairo_destroy(sheet->cr);
    return r;
}

static int write_png(struct letter *l, const struct version *v, unsigned number, unsigned dpi,
                     const struct fields *fields, struct document *ret, struct outcome *trouble)
{
    const struct page *page = v->pages[number];
    double scale = dpi / 72.0, width = ceil(page_width(page) * scale), height = ceil(page_height(page) * scale);
    struct sheet sheet = { .fields = fields, .trouble = trouble };
    cairo_surface_t *image;
    int r;

    if (width * height > PIXELS_MOST) {
        outcome_set(trouble, OUTCOME_FAILED, "preview", "an image of that resolution is too large");
        return 1;
    }
    image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    r = draw_image(l, v, number, image, scale, &sheet);
    if (r == 0)
        r = judge(cairo_surface_write_to_png_stream(image, write_bytes, &ret->bytes), trouble);
    wipe_image(image);
    cairo_surface_destroy(image);
    return r;
}

int letter_png(struct letter *l, const struct filling *f, unsigned page, unsigned dpi, struct document *ret,
               struct outcome *trouble)
{
    const struct version *v = choose(l, f);
    struct fields fields;
    int r;

    if (page >= v->n || dpi < DPI_LEAST || dpi > DPI_MOST) {
        outcome_set(trouble, OUTCOME_FAILED, "preview", "the letter has %u page(s), and %d to %d dpi are possible",
                    v->n, DPI_LEAST, DPI_MOST);
        return 1;
    }
    r = fields_fill(&fields, f, v->tag, trouble);
    if (r == 0)
        r = write_png(l, v, page, dpi, &fields, ret, trouble);
    typesetter_forget(l->ts);
    fields_release(&fields);
    return conclude(r, v, "image/png", ret);
}

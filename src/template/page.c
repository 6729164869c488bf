#include "page.h"

#include <errno.h>
#include <string.h>

#include "rejoin.h"
#include "split.h"

static int check_codes(const struct page *page, const struct secrecy *secrecy, struct findings *f)
{
    for (size_t i = 0; i < page->n_codes; i++)
        if (!secrecy_allows(secrecy, code_value(page->codes[i])))
            return findings_add(f, "secrecy", code_place(page->codes[i]), SECRECY_CARD);
    return 0;
}

int page_parse(const struct page_source *s, struct page **ret, struct findings *f)
{
    CLEANUP(page_cleanup) struct page *page = calloc(1, sizeof(*page));
    CLEANUP(free_cleanup) char *text = rejoin_tags(s->svg.bytes, s->svg.size);
    struct page_source joined = *s;
    int r;

    if (!page || !text || !(page->file = strdup(s->svg.file)))
        return -ENOMEM;
    joined.svg.bytes = text;
    r = page_split(page, &joined, f);
    if (findings_go_on(f, r))
        r |= check_codes(page, s->secrecy, f);
    if (r == 0)
        *ret = TAKE(page);
    return r;
}

struct page *page_free(struct page *page)
{
    if (!page)
        return NULL;
    for (size_t i = 0; i < page->n; i++)
        text_free(page->texts[i]);
    for (size_t i = 0; i < page->n_codes; i++)
        code_free(page->codes[i]);
    graphic_free(page->graphic);
    free(page->file);
    free(page);
    return NULL;
}

double page_width(const struct page *page)
{
    return page->width;
}

double page_height(const struct page *page)
{
    return page->height;
}

const char *page_file(const struct page *page)
{
    return page->file;
}

bool page_prints_secret(const struct page *page)
{
    for (size_t i = 0; i < page->n; i++)
        if (mustache_prints_secret(page->texts[i]->program))
            return true;
    return false;
}

bool page_has_pictures(const struct page *page)
{
    return graphic_has_pictures(page->graphic);
}

int page_draw_pictures(struct page *page, cairo_t *cr)
{
    struct problem p;

    return graphic_draw_all(page->graphic, cr, &p);
}

static int draw_layer(struct page *page, struct sheet *sheet, unsigned layer)
{
    struct problem p;
    int set, r;

    if (sheet->ink == INK_SECRET_ONLY)
        return 0;
    r = graphic_draw(page->graphic, sheet->cr, &sheet->fields->data, layer, &set, &p);
    sheet_note(sheet, &set, sizeof(set));
    if (r == 1)
        outcome_set(sheet->trouble, OUTCOME_FAILED, "template", "%s: %s", page->file, p.message);
    return r;
}

static int draw_part(struct page *page, struct typesetter *ts, struct sheet *sheet, size_t i)
{
    const struct part *part = &page->parts[i];

    switch (part->kind) {
    case PART_LAYER:
        return draw_layer(page, sheet, part->index);
    case PART_CODE:
        return code_draw(page->codes[part->index], sheet);
    default:
        return typeset(ts, sheet, page->texts[part->index]);
    }
}

static bool was_seen(const struct page *page, uint64_t structure)
{
    size_t n = page->n_seen < SEEN_MOST ? page->n_seen : SEEN_MOST;

    for (size_t i = 0; i < n; i++)
        if (page->seen[i] == structure)
            return true;
    return false;
}

/* After a page: is the secret seen on it? */
static int look(struct page *page, struct typesetter *ts, const struct sheet *sheet)
{
    bool overlaps = ink_overlaps(sheet->map);
    int r;

    if (sheet->map->n_signs == 0 || (!overlaps && was_seen(page, sheet->structure)))
        return 0;
    r = ink_check(page, ts, sheet, sheet->map);
    if (r == 0 && !overlaps)
        page->seen[page->n_seen++ % SEEN_MOST] = sheet->structure;
    return r;
}

static void begin(struct page *page, struct sheet *sheet)
{
    sheet->width = page->width;
    sheet->height = page->height;
    sheet->structure = 0;
    sheet->map = sheet->ink == INK_PROVED ? &page->map : NULL;
}

int page_draw(struct page *page, struct typesetter *ts, struct sheet *sheet)
{
    int r = 0;

    begin(page, sheet);
    for (size_t i = 0; i < page->n_parts && r == 0; i++)
        r = draw_part(page, ts, sheet, i);
    if (r == 0 && sheet->map)
        r = look(page, ts, sheet);
    if (sheet->map)
        ink_wipe(TAKE(sheet->map));
    return r;
}

static const char *place_of(const struct page *page, size_t i)
{
    const struct part *part = &page->parts[i];

    switch (part->kind) {
    case PART_LAYER:
        return page->file;
    case PART_CODE:
        return code_place(page->codes[part->index]);
    default:
        return page->texts[part->index]->place;
    }
}

static bool is_fixed(const struct page *page, size_t i)
{
    const struct part *part = &page->parts[i];

    return part->kind == PART_LAYER ||
           (part->kind == PART_TEXT && mustache_is_fixed(page->texts[part->index]->program));
}

static void tell(const struct page *page, struct sheet *sheet, int r, size_t i, page_trouble *each, void *userdata)
{
    if (r > 0)
        each(userdata, place_of(page, i), sheet->trouble);
    outcome_release(sheet->trouble);
    *sheet->trouble = (struct outcome){ .code = "" };
}

static int try_parts(struct page *page, struct typesetter *ts, struct sheet *sheet, bool fixed_only,
                     page_trouble *each, void *userdata)
{
    bool bad = false;
    int r = 0;

    begin(page, sheet);
    for (size_t i = 0; i < page->n_parts; i++) {
        r = !fixed_only || is_fixed(page, i) ? draw_part(page, ts, sheet, i) : 0;
        if (r < 0)
            break;
        bad |= r > 0;
        tell(page, sheet, r, i, each, userdata);
        r = 0;
    }
    if (r == 0 && !bad && !fixed_only)
        r = look(page, ts, sheet);
    if (r > 0)
        each(userdata, page->file, sheet->trouble);
    ink_wipe(TAKE(sheet->map));
    return r < 0 ? r : 0;
}

static int try_on_scratch(struct page *page, struct typesetter *ts, struct sheet *sheet, bool fixed_only,
                          page_trouble *each, void *userdata)
{
    const cairo_rectangle_t size = { 0, 0, page->width, page->height };
    cairo_surface_t *scratch = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &size);
    struct outcome trouble = { .code = "" };
    int r;

    sheet->cr = cairo_create(scratch);
    sheet->trouble = &trouble;
    r = try_parts(page, ts, sheet, fixed_only, each, userdata);
    cairo_destroy(TAKE(sheet->cr));
    cairo_surface_destroy(scratch);
    outcome_release(&trouble);
    sheet->trouble = NULL;
    return r;
}

int page_try(struct page *page, struct typesetter *ts, struct sheet *sheet, page_trouble *each, void *userdata)
{
    return try_on_scratch(page, ts, sheet, false, each, userdata);
}

struct checking {
    struct findings *f;
    int bad;
};

static void add_trouble(void *userdata, const char *place, const struct outcome *trouble)
{
    struct checking *c = userdata;

    if (findings_go_on(c->f, c->bad))
        c->bad = findings_add(c->f, trouble->code, place, "%s", trouble->reason);
}

int page_check(struct page *page, struct typesetter *ts, struct findings *f)
{
    const struct fields nothing = { .root = NULL };
    struct sheet sheet = { .fields = &nothing };
    struct checking c = { .f = f };
    int r = try_on_scratch(page, ts, &sheet, true, add_trouble, &c);

    return r < 0 ? r : c.bad;
}

void page_each_name(const struct page *page, void (*each)(void *userdata, const struct mustache_name *name),
                    void *userdata)
{
    for (size_t i = 0; i < page->n; i++)
        mustache_each_name(page->texts[i]->program, each, userdata);
    for (size_t i = 0; i < page->n_codes; i++)
        each(userdata, code_value(page->codes[i]));
}

void page_each_family(const struct page *page, void (*each)(void *userdata, const char *place, const char *family),
                      void *userdata)
{
    for (size_t i = 0; i < page->n; i++)
        for (size_t k = 0; k < page->texts[i]->n_styles; k++)
            each(userdata, page->texts[i]->place, page->texts[i]->styles[k].family);
}

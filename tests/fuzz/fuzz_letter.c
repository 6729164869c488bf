/* A letter's SVG: any bytes are read, split, checked and, where they pass, drawn. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/template.h>

#include "page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fontconfig keeps a pattern that it never frees; nothing of ours is in it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

static void draw(struct page *page, struct typesetter *ts, const struct filling *about)
{
    const cairo_rectangle_t area = { 0, 0, page_width(page), page_height(page) };
    cairo_surface_t *scratch = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &area);
    struct outcome trouble = { .code = "" };
    struct fields fields;
    struct sheet sheet = { .cr = cairo_create(scratch), .fields = &fields, .trouble = &trouble };

    if (fields_fill(&fields, about, "", &trouble) == 0 && page_draw(page, ts, &sheet) == 1 && trouble.code[0] == '\0')
        abort();
    fields_release(&fields);
    cairo_destroy(sheet.cr);
    cairo_surface_destroy(scratch);
    outcome_release(&trouble);
}

static void note(void *userdata, const struct problem *p)
{
    if (!p->code[0] || !p->where[0])
        abort();
    ++*(unsigned *)userdata;
}

/* What goes on after the first finding must stand what that one was about. */
static void find_all(const char *bytes, size_t size, struct typesetter *ts)
{
    unsigned n = 0;
    struct findings f = { .each = note, .userdata = &n };
    struct secrecy secrecy = { .bare = 0 };
    const struct page_source source = { .svg = { .bytes = bytes, .size = size, .file = "letter.svg" },
                                        .tag = "xx",
                                        .secrecy = &secrecy };
    struct page *page = NULL;
    int r = page_parse(&source, &page, &f);

    if (r < 0 || (r == 1) != (n > 0) || (r == 0) != (page != NULL))
        abort();
    if (page)
        page_check(page, ts, &f);
    page_free(page);
}

static void run(const char *bytes, size_t size, struct typesetter *ts, const struct filling *about)
{
    struct problem p;
    struct findings f = { .first = &p };
    struct secrecy secrecy = { .bare = 0 };
    const struct page_source source = { .svg = { .bytes = bytes, .size = size, .file = "letter.svg" },
                                        .tag = "",
                                        .secrecy = &secrecy };
    struct page *page = NULL;

    find_all(bytes, size, ts);
    if (page_parse(&source, &page, &f) != 0)
        return;
    if (page_check(page, ts, &f) == 0)
        draw(page, ts, about);
    page_free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct typesetter *ts; /* fonts are slow to find: once for all runs */
    struct secret *secret = NULL;
    json_t *event = json_pack("{s:s,s:{s:{s:s},s:{s:s,s:[s,s]}}}", "id", "1", "data", "card", "id", "1", "holder",
                              "name", "Åsa {{pin}}", "address", "a", "b");
    struct filling about = { .event = event, .delivery_id = "a-b" };

    if ((!ts && typesetter_new(&ts) < 0) || !event || secret_new("0000", 4, &secret) < 0)
        abort();
    about.secret = secret;
    run((const char *)data, size, ts, &about);
    secret_free(secret);
    json_decref(event);
    return 0;
}

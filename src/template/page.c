#include "page.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "code.h"
#include "graphic.h"
#include "language.h"
#include "rejoin.h"
#include "svg.h"

enum { TEXTS_MOST = 256, CODES_MOST = 16 };

static const double points_per_unit = 72.0 / 96.0;
static const double side_least = 30, side_most = 15000; /* points; PDF's own most is 14400 */

struct page {
    char *file;
    double width, height;
    struct graphic *graphic;
    struct code *codes[CODES_MOST];
    size_t n_codes;
    struct text *texts[TEXTS_MOST];
    size_t n;
};

struct splitter {
    struct page *page;
    struct findings *f;
    bool tags_are_bad; /* and were told: the same tags in a text are not told again */
    long line;         /* of the tag that is looked at */
};

static int section_problem(struct splitter *x, const char *words)
{
    char where[FINDING_WHERE];

    snprintf(where, sizeof(where), "%.200s:%ld", x->page->file, x->line);
    return findings_add(x->f, "svg-section", where, "%s", words);
}

/* --- sections around elements --- */

static int open_condition(struct splitter *x, struct surroundings *s, char sigil, const char *name)
{
    const struct mustache_name *row = fields_find(name);
    char closing[sizeof(s->closing)];
    size_t n = strlen(s->opening);
    bool is_condition =
        row && (row->type == MUSTACHE_TEXT || row->type == MUSTACHE_SECRET || row->type == MUSTACHE_FLAG);

    if (!is_condition)
        return section_problem(x, "around elements a section can only be a condition on one text or secret");
    if (n + strlen(name) + 6 > sizeof(s->opening) || strlen(s->closing) + strlen(name) + 6 > sizeof(s->closing))
        return section_problem(x, "sections are nested too deep");
    snprintf(s->opening + n, sizeof(s->opening) - n, "{{%c%s}}", sigil, name);
    memcpy(closing, s->closing, sizeof(closing));
    n = (size_t)snprintf(s->closing, sizeof(s->closing), "{{/%s}}", name);
    memcpy(s->closing + n, closing, strlen(closing) + 1);
    return 0;
}

/* OUTER is what stood open around the parent: only what was opened among these children can be closed here. */
static int close_condition(struct splitter *x, struct surroundings *s, const struct surroundings *outer,
                           const char *name)
{
    size_t n = strlen(s->opening), last = n;
    char *rest = strstr(s->closing, "}}");

    while (last > 0 && strncmp(s->opening + last, "{{", 2) != 0)
        last--;
    if (n == strlen(outer->opening) || !rest || n - last != strlen(name) + 5 ||
        strncmp(s->opening + last + 3, name, strlen(name)) != 0)
        return section_problem(x, "a section around elements must begin and end in the same element");
    s->opening[last] = '\0';
    memmove(s->closing, rest + 2, strlen(rest + 2) + 1);
    return 0;
}

static int take_tag(struct splitter *x, struct surroundings *s, const struct surroundings *outer, const char *tag,
                    size_t size)
{
    char name[64];
    char sigil = size > 0 ? tag[0] : '\0';
    int n = 0;

    if (sigil == '!')
        return 0;
    if (size > 0 && size < sizeof(name))
        sscanf(tag + 1, " %63[^} \t\r\n]%n", name, &n);
    if (n > 0 && (sigil == '#' || sigil == '^'))
        return open_condition(x, s, sigil, name);
    if (n > 0 && sigil == '/')
        return close_condition(x, s, outer, name);
    return section_problem(x, "a value can be printed only within a <text>");
}

static long newlines(const char *text)
{
    long n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static int take_tags(struct splitter *x, const xmlNode *node, struct surroundings *s,
                     const struct surroundings *outer)
{
    const char *at = (const char *)node->content;
    int r = 0, bad = 0;

    while (findings_go_on(x->f, r) && (at = strstr(at, "{{")) != NULL) {
        const char *end = strstr(at, "}}");

        /* libxml2 numbers a text by its end. */
        x->line = xmlGetLineNo(node) - newlines(at);
        if (!end)
            return section_problem(x, "this tag is never closed");
        r = take_tag(x, s, outer, at + 2, (size_t)(end - at) - 2);
        bad |= r > 0;
        at = end + 2;
    }
    return r < 0 ? r : bad;
}

/* --- elements --- */

static void discard(xmlNode *node)
{
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

/* Whoever finds a letter, or reads over a shoulder, must not get both at one glance. */
static int check_text(struct splitter *x, const xmlNode *node, const struct text *t)
{
    if (!secrecy_prints_both(t->program))
        return 0;
    return svg_problem(x->page->file, node, x->f, "secrecy",
                       "the full card number (card.id) must not stand in one text with the secret; card.short may");
}

static int take_text(struct splitter *x, xmlNode *node, const struct surroundings *around)
{
    struct page *page = x->page;
    int r;

    if (page->n == TEXTS_MOST)
        return svg_problem(page->file, node, x->f, "svg-text", "a page can have at most %d texts", TEXTS_MOST);
    r = text_new(node, around, page->file, x->tags_are_bad, &page->texts[page->n], x->f);
    if (r == 0)
        r = check_text(x, node, page->texts[page->n]);
    if (page->texts[page->n])
        page->n++;
    if (r == 0)
        discard(node);
    return r;
}

static int parse_condition(struct splitter *x, const struct surroundings *s, struct mustache **ret)
{
    char text[2 * sizeof(s->opening) + 2];
    int n = snprintf(text, sizeof(text), "%s1%s", s->opening, s->closing);

    return mustache_parse(
        &(struct mustache_source){
            .text = text, .size = (size_t)n, .file = x->page->file, .line = 1, .names = fields_all },
        ret, x->f);
}

static int take_code(struct splitter *x, xmlNode *node, const struct surroundings *s)
{
    CLEANUP(mustache_cleanup) struct mustache *test = NULL;
    struct page *page = x->page;
    int r;

    if (page->n_codes == CODES_MOST)
        return svg_problem(page->file, node, x->f, "svg-code", "a page can have at most %d bar codes", CODES_MOST);
    r = parse_condition(x, s, &test);
    if (r == 0)
        r = code_new(node, s, page->file, &test, &page->codes[page->n_codes], x->f);
    if (r == 0) {
        page->n_codes++;
        discard(node);
    }
    return r;
}

/* A drawing within a section goes into a group of its own, which is shown or not. */
static int take_drawing(struct splitter *x, xmlNode *node, const struct surroundings *s)
{
    CLEANUP(mustache_cleanup) struct mustache *test = NULL;
    xmlNode *group = xmlNewNode(NULL, (const xmlChar *)"g");
    int r = group ? parse_condition(x, s, &test) : -ENOMEM;

    if (r == 0 && graphic_add_condition(x->page->graphic, group, &test) < 0)
        r = svg_problem(x->page->file, node, x->f, "svg-section",
                        "a page can have at most %d drawings in sections; put them into one <g>", GRAPHIC_CONDITIONS);
    if (r != 0) {
        xmlFreeNode(group);
        return r;
    }
    xmlSetNs(group, node->ns);
    xmlReplaceNode(node, group);
    xmlAddChild(group, node);
    return 0;
}

static int split(struct splitter *x, xmlNode *node, const struct surroundings *outer, bool may_hold_text);

/* Only where nothing is clipped, repeated or drawn elsewhere is a text what it seems to be. */
static bool is_container(const xmlNode *node)
{
    return svg_is(node, "g") || svg_is(node, "a");
}

static bool is_remark(const xmlNode *node)
{
    return svg_is(node, "metadata") || svg_is(node, "title") || svg_is(node, "desc");
}

static int enter(struct splitter *x, xmlNode *node, const struct surroundings *around, bool may_hold_text)
{
    CLEANUP(xml_text_cleanup) xmlChar *transform = svg_attribute(node, "transform");
    struct surroundings inner = *around;

    if (!may_hold_text || !is_container(node))
        return split(x, node, around, false);
    style_enter(&inner.style, node);
    if (transform && !transform_parse((const char *)transform, &inner.matrix))
        return svg_problem(x->page->file, node, x->f, "svg-transform", "the transform cannot be read");
    return split(x, node, &inner, true);
}

static int take_element(struct splitter *x, xmlNode *node, const struct surroundings *s,
                        const struct surroundings *outer, bool may_hold_text)
{
    bool is_conditional = strlen(s->opening) > strlen(outer->opening);
    int r;

    if (is_remark(node))
        return 0;
    if (may_hold_text && code_is(node))
        return take_code(x, node, s);
    if (!svg_is(node, "text")) {
        r = is_conditional ? take_drawing(x, node, s) : 0;
        return r == 0 ? enter(x, node, s, may_hold_text) : r;
    }
    if (may_hold_text)
        return take_text(x, node, s);
    return svg_problem(x->page->file, node, x->f, "svg-text", "text can stand in <svg>, <g> and <a> only");
}

static int split(struct splitter *x, xmlNode *node, const struct surroundings *outer, bool may_hold_text)
{
    struct surroundings s = *outer;
    xmlNode *next;
    int r = 0, bad = 0;

    for (xmlNode *child = node->children; child && findings_go_on(x->f, r); child = next) {
        next = child->next;
        if (child->type == XML_ELEMENT_NODE)
            r = take_element(x, child, &s, outer, may_hold_text);
        else if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
            r = take_tags(x, child, &s, outer);
        else
            r = 0;
        bad |= r > 0;
    }
    if (r < 0 || bad)
        return r < 0 ? r : 1;
    if (strcmp(s.opening, outer->opening) != 0)
        return svg_problem(x->page->file, node, x->f, "svg-section",
                           "a section around elements must begin and end in the same element");
    return 0;
}

/* --- the page --- */

static int read_side(struct splitter *x, const xmlNode *root, const char *name, double *ret)
{
    if (!svg_length(root, name, 0, ret) || !(*ret * points_per_unit >= side_least) ||
        !(*ret * points_per_unit <= side_most))
        return svg_problem(x->page->file, root, x->f, "svg-size", "the page needs a %s, such as 210mm or 297mm",
                           name);
    *ret *= points_per_unit;
    return 0;
}

static bool read_view_box(const char *at, double v[4])
{
    for (int i = 0; i < 4; i++) {
        if (!number_parse(&at, &v[i]))
            return false;
        at += strspn(at, " \t\r\n,");
    }
    return *at == '\0' && v[2] > 0 && v[3] > 0;
}

static int read_view(struct splitter *x, const xmlNode *root, cairo_matrix_t *ret)
{
    CLEANUP(xml_text_cleanup) xmlChar *box = svg_attribute(root, "viewBox");
    const struct page *page = x->page;
    double v[4] = { 0, 0, page->width / points_per_unit, page->height / points_per_unit };
    double sx, sy;

    if (box && !read_view_box((const char *)box, v))
        return svg_problem(page->file, root, x->f, "svg-size", "the viewBox must be four numbers");
    sx = page->width / v[2];
    sy = page->height / v[3];
    if (fabs(sx - sy) > sx / 200)
        return svg_problem(page->file, root, x->f, "svg-size", "the viewBox has other proportions than the page");
    cairo_matrix_init_scale(ret, sx, sy);
    cairo_matrix_translate(ret, -v[0], -v[1]);
    return 0;
}

static int split_document(struct splitter *x, xmlDoc **doc)
{
    xmlNode *root = xmlDocGetRootElement(*doc);
    struct surroundings s = { .opening = "" };
    int r = read_side(x, root, "width", &x->page->width);

    if (r == 0)
        r = read_side(x, root, "height", &x->page->height);
    if (r == 0)
        r = read_view(x, root, &s.matrix);
    if (r == 0)
        r = graphic_new(doc, x->page->width, x->page->height, &x->page->graphic);
    if (r != 0)
        return r;
    style_init(&s.style);
    style_enter(&s.style, root);
    return split(x, root, &s, true);
}

static int is_words(void *userdata, const struct mustache_name *name)
{
    (void)userdata;
    return fields_is_words(name);
}

static int check_words(const struct mustache *m, const struct page_source *s, struct findings *f)
{
    if (language_is_known(s->tag) || mustache_each_printed(m, is_words, NULL) == 0)
        return 0;
    return findings_add(f, "template", s->svg.file, "there are no words for digits in the language \"%s\"", s->tag);
}

/* The file as a whole must be a good template: only so do errors get their line and column. */
static int check_tags(const struct page_source *s, struct findings *f)
{
    CLEANUP(mustache_cleanup) struct mustache *m = NULL;
    const struct mustache_source source = { .text = s->svg.bytes,
                                            .size = s->svg.size,
                                            .file = s->svg.file,
                                            .line = 1,
                                            .names = fields_all,
                                            .fixed_delimiters = true };
    int bad = mustache_parse(&source, &m, f), r;

    if (!findings_go_on(f, bad))
        return bad;
    r = secrecy_check(m, &source, s->secrecy, f);
    if (!findings_go_on(f, r))
        return r;
    bad |= r;
    r = check_words(m, s, f);
    return r < 0 ? r : r | bad;
}

static int parse(struct splitter *x, const struct page_source *s)
{
    CLEANUP(xml_doc_cleanup) xmlDoc *doc = NULL;
    int bad = svg_read(&s->svg, &doc, x->f), r;

    if (!findings_go_on(x->f, bad))
        return bad;
    r = check_tags(s, x->f);
    if (!findings_go_on(x->f, r))
        return r;
    x->tags_are_bad = r > 0;
    bad |= r;
    r = doc ? split_document(x, &doc) : 0;
    return r < 0 ? r : r | bad;
}

int page_parse(const struct page_source *s, struct page **ret, struct findings *f)
{
    CLEANUP(page_cleanup) struct page *page = calloc(1, sizeof(*page));
    CLEANUP(free_cleanup) char *text = rejoin_tags(s->svg.bytes, s->svg.size);
    struct splitter x = { .page = page, .f = f };
    struct page_source joined = *s;
    int r;

    if (!page || !text || !(page->file = strdup(s->svg.file)))
        return -ENOMEM;
    joined.svg.bytes = text;
    r = parse(&x, &joined);
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

bool page_prints_secret(const struct page *page)
{
    for (size_t i = 0; i < page->n; i++)
        if (mustache_prints_secret(page->texts[i]->program))
            return true;
    return false;
}

static int draw_graphic(struct page *page, struct sheet *sheet)
{
    struct problem p;
    int r = graphic_draw(page->graphic, sheet->cr, &sheet->fields->data, &p);

    if (r == 1)
        outcome_set(sheet->trouble, OUTCOME_FAILED, "template", "%s: %s", page->file, p.message);
    return r;
}

/* The parts of a page in the order in which they are drawn: the graphic, the codes, the texts. */
static size_t count_parts(const struct page *page)
{
    return 1 + page->n_codes + page->n;
}

static int draw_part(struct page *page, struct typesetter *ts, struct sheet *sheet, size_t i)
{
    if (i == 0)
        return draw_graphic(page, sheet);
    if (i <= page->n_codes)
        return code_draw(page->codes[i - 1], sheet);
    return typeset(ts, sheet, page->texts[i - 1 - page->n_codes]);
}

int page_draw(struct page *page, struct typesetter *ts, struct sheet *sheet)
{
    int r = 0;

    sheet->width = page->width;
    sheet->height = page->height;
    for (size_t i = 0; i < count_parts(page) && r == 0; i++)
        r = draw_part(page, ts, sheet, i);
    return r;
}

static const char *place_of(const struct page *page, size_t i)
{
    if (i == 0)
        return page->file;
    return i <= page->n_codes ? code_place(page->codes[i - 1]) : page->texts[i - 1 - page->n_codes]->place;
}

static bool is_fixed(const struct page *page, size_t i)
{
    return i == 0 || (i > page->n_codes && mustache_is_fixed(page->texts[i - 1 - page->n_codes]->program));
}

static int try_parts(struct page *page, struct typesetter *ts, struct sheet *sheet, bool fixed_only,
                     page_trouble *each, void *userdata)
{
    sheet->width = page->width;
    sheet->height = page->height;
    for (size_t i = 0; i < count_parts(page); i++) {
        int r = !fixed_only || is_fixed(page, i) ? draw_part(page, ts, sheet, i) : 0;

        if (r < 0)
            return r;
        if (r > 0)
            each(userdata, place_of(page, i), sheet->trouble);
        outcome_release(sheet->trouble);
        *sheet->trouble = (struct outcome){ .code = "" };
    }
    return 0;
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

#include "split.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "language.h"
#include "svg.h"

static const double points_per_unit = 72.0 / 96.0;
static const double side_least = 30, side_most = 15000; /* points; PDF's own most is 14400 */

struct splitter {
    struct page *page;
    struct findings *f;
    bool tags_are_bad; /* and were told: the same tags in a text are not told again */
    long line;         /* of the tag that is looked at */
    unsigned n_layers;
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

static void add_part(struct page *page, unsigned kind, size_t index)
{
    page->parts[page->n_parts].kind = kind;
    page->parts[page->n_parts++].index = (unsigned)index;
}

/* Drawings one after the other are a layer; a text or a code ends it. */
static int take_layered(struct splitter *x, xmlNode *node)
{
    struct page *page = x->page;

    if (page->n_parts == 0 || page->parts[page->n_parts - 1].kind != PART_LAYER) {
        if (x->n_layers == GRAPHIC_LAYERS)
            return svg_problem(page->file, node, x->f, "svg-element",
                               "texts and drawings take turns too often: put all drawings first");
        add_part(page, PART_LAYER, x->n_layers++);
    }
    return graphic_add_layered(page->graphic, node, x->n_layers - 1);
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
        add_part(page, PART_TEXT, page->n++);
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
        add_part(page, PART_CODE, page->n_codes++);
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

/* What is drawn where it stands. */
static bool is_drawn(const xmlNode *node)
{
    static const char *const names[] = { "path",  "rect", "circle", "ellipse", "line", "polyline", "polygon",
                                         "image", "use",  "switch", "svg",     "g",    "a" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (svg_is(node, names[i]))
            return true;
    return false;
}

static bool holds_text(const xmlNode *node)
{
    bool found = svg_is(node, "text") || code_is(node);

    for (const xmlNode *child = node->children; child && !found; child = child->next)
        found = holds_text(child);
    return found;
}

static bool is_remark(const xmlNode *node)
{
    return svg_is(node, "metadata") || svg_is(node, "title") || svg_is(node, "desc");
}

static int enter(struct splitter *x, xmlNode *node, const struct surroundings *around, bool may_hold_text)
{
    CLEANUP(xml_text_cleanup) xmlChar *transform = svg_attribute(node, "transform");
    struct surroundings inner = *around;

    if (may_hold_text && is_drawn(node) && !(is_container(node) && holds_text(node))) {
        int r = take_layered(x, node);

        return r == 0 ? split(x, node, around, false) : r;
    }
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
    /* Of slightly other ones: as large as it can be, in the middle (xMidYMid meet). */
    cairo_matrix_init_translate(ret, page->width / 2, page->height / 2);
    cairo_matrix_scale(ret, fmin(sx, sy), fmin(sx, sy));
    cairo_matrix_translate(ret, -v[0] - v[2] / 2, -v[1] - v[3] / 2);
    return 0;
}

/* Texts and drawings are placed by two programs, which would not agree about these. */
static int check_root(struct splitter *x, const xmlNode *root)
{
    CLEANUP(xml_text_cleanup) xmlChar *transform = svg_attribute(root, "transform");
    CLEANUP(xml_text_cleanup) xmlChar *aspect = svg_attribute(root, "preserveAspectRatio");

    if (transform)
        return svg_problem(x->page->file, root, x->f, "svg-transform",
                           "not supported here: a transform of <svg>; put it on a <g>");
    if (aspect && !word_is((const char *)aspect, "xMidYMid") && !word_is((const char *)aspect, "xMidYMid meet"))
        return svg_problem(x->page->file, root, x->f, "svg-size",
                           "not supported here: preserveAspectRatio other than xMidYMid meet");
    return 0;
}

static int split_document(struct splitter *x, xmlDoc **doc)
{
    xmlNode *root = xmlDocGetRootElement(*doc);
    struct surroundings s = { .opening = "" };
    int r = check_root(x, root);

    if (r == 0)
        r = read_side(x, root, "width", &x->page->width);

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

static int read_all(struct splitter *x, const struct page_source *s)
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

int page_split(struct page *page, const struct page_source *s, struct findings *f)
{
    struct splitter x = { .page = page, .f = f };

    return read_all(&x, s);
}

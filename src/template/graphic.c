#include "graphic.h"

#include <errno.h>
#include <string.h>

#include <librsvg/rsvg.h>

#include "svg.h"

struct condition {
    xmlNode *group;
    struct mustache *test;
};

struct layered {
    xmlNode *group;
    unsigned layer;
};

struct graphic {
    xmlDoc *doc;
    double width, height;
    bool has_pictures;
    struct condition conditions[GRAPHIC_CONDITIONS];
    unsigned n;
    GArray *layered; /* of struct layered */
    unsigned n_layers;
    /* Drawings by the set of conditions that hold; made when first wanted. */
    cairo_surface_t *drawings[GRAPHIC_LAYERS][1U << GRAPHIC_CONDITIONS];
};

static bool has_picture(const xmlNode *node)
{
    for (; node; node = node->next)
        if (svg_is(node, "image") || svg_is(node, "feImage") ||
            (node->type == XML_ELEMENT_NODE && has_picture(node->children)))
            return true;
    return false;
}

int graphic_new(xmlDoc **doc, double width, double height, struct graphic **ret)
{
    struct graphic *g = calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    g->doc = TAKE(*doc);
    g->layered = g_array_new(FALSE, FALSE, sizeof(struct layered));
    g->has_pictures = has_picture(xmlDocGetRootElement(g->doc));
    g->width = width;
    g->height = height;
    *ret = g;
    return 0;
}

struct graphic *graphic_free(struct graphic *g)
{
    if (!g)
        return NULL;
    for (size_t layer = 0; layer < g->n_layers; layer++)
        for (size_t i = 0; i < ARRAY_SIZE(g->drawings[0]); i++)
            if (g->drawings[layer][i])
                cairo_surface_destroy(g->drawings[layer][i]);
    g_array_unref(g->layered);
    for (unsigned i = 0; i < g->n; i++)
        mustache_free(g->conditions[i].test);
    xmlFreeDoc(g->doc);
    free(g);
    return NULL;
}

int graphic_add_condition(struct graphic *g, xmlNode *group, struct mustache **test)
{
    if (g->n == GRAPHIC_CONDITIONS)
        return -ENOBUFS;
    g->conditions[g->n++] = (struct condition){ .group = group, .test = TAKE(*test) };
    return 0;
}

int graphic_add_layered(struct graphic *g, xmlNode *node, unsigned layer)
{
    struct layered l = { .group = xmlNewNode(NULL, (const xmlChar *)"g"), .layer = layer };

    if (!l.group)
        return -ENOMEM;
    xmlSetNs(l.group, node->ns);
    xmlReplaceNode(node, l.group);
    xmlAddChild(l.group, node);
    g_array_append_val(g->layered, l);
    g->n_layers = layer + 1;
    return 0;
}

/* The conditions that hold, a bit each; -errno. */
static int evaluate(const struct graphic *g, const struct mustache_data *d)
{
    int set = 0;

    for (unsigned i = 0; i < g->n; i++) {
        struct buffer b = BUFFER(256);
        struct mustache_result result = { .empty = NULL };
        int r = mustache_render(g->conditions[i].test, d, MUSTACHE_LINE, &b, &result);

        if (r == 0 && buffer_size(&b) > 0)
            set |= 1 << i;
        buffer_release(&b);
        if (r < 0)
            return r;
    }
    return set;
}

static void show(xmlNode *group, bool shown)
{
    xmlSetProp(group, (const xmlChar *)"display", (const xmlChar *)(shown ? "inline" : "none"));
}

static RsvgHandle *load(struct graphic *g, int set, unsigned layer, GError **error)
{
    CLEANUP(xml_text_cleanup) xmlChar *text = NULL;
    int size = 0;

    for (unsigned i = 0; i < g->n; i++)
        show(g->conditions[i].group, set & (1 << i));
    for (guint i = 0; i < g->layered->len; i++) {
        const struct layered *l = &g_array_index(g->layered, struct layered, i);

        show(l->group, l->layer == layer);
    }
    xmlDocDumpMemory(g->doc, &text, &size);
    return text ? rsvg_handle_new_from_data(text, (gsize)size, error) : NULL;
}

static bool draw_handle(RsvgHandle *handle, cairo_surface_t *drawing, const RsvgRectangle *viewport, GError **error)
{
    cairo_t *cr = cairo_create(drawing);
    bool good = rsvg_handle_render_document(handle, cr, viewport, error) && cairo_status(cr) == CAIRO_STATUS_SUCCESS;

    cairo_destroy(cr);
    return good;
}

/* A recording keeps lines as lines: a PDF gets them as vectors, and librsvg need not parse for every letter. */
static int record(struct graphic *g, int set, unsigned layer, struct problem *p)
{
    const cairo_rectangle_t page = { 0, 0, g->width, g->height };
    const RsvgRectangle viewport = { 0, 0, g->width, g->height };
    g_autoptr(GError) error = NULL;
    RsvgHandle *handle = load(g, set, layer, &error);
    cairo_surface_t *drawing = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &page);
    bool good = handle && draw_handle(handle, drawing, &viewport, &error);

    g_clear_object(&handle);
    if (good) {
        g->drawings[layer][set] = drawing;
        return 0;
    }
    cairo_surface_destroy(drawing);
    return problem_set(p, "svg", "", "librsvg cannot draw it: %s", error ? error->message : "no reason given");
}

static int draw_set(struct graphic *g, cairo_t *cr, int set, unsigned layer, struct problem *p)
{
    int r = g->drawings[layer][set] ? 0 : record(g, set, layer, p);

    if (r != 0)
        return r;
    cairo_save(cr);
    cairo_set_source_surface(cr, g->drawings[layer][set], 0, 0);
    cairo_paint(cr);
    cairo_restore(cr);
    return 0;
}

int graphic_draw(struct graphic *g, cairo_t *cr, const struct mustache_data *d, unsigned layer, int *ret_set,
                 struct problem *p)
{
    int set = *ret_set = evaluate(g, d);

    return set < 0 ? set : draw_set(g, cr, set, layer, p);
}

int graphic_draw_all(struct graphic *g, cairo_t *cr, struct problem *p)
{
    int r = 0;

    for (unsigned layer = 0; layer < g->n_layers && r == 0; layer++)
        r = draw_set(g, cr, (1 << g->n) - 1, layer, p);
    return r;
}

bool graphic_has_pictures(const struct graphic *g)
{
    return g->has_pictures;
}

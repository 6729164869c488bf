#include "reference.h"

#include <string.h>

#include <glib.h>

#include "svg.h"

struct count {
    GHashTable *nodes; /* by id */
    GHashTable *sizes; /* of nodes that are named, with what they name; 0 while it is counted */
};

static void note_ids(GHashTable *nodes, const xmlNode *node)
{
    for (; node; node = node->next) {
        xmlChar *id = node->type == XML_ELEMENT_NODE ? svg_attribute(node, "id") : NULL;

        if (id && !g_hash_table_contains(nodes, id))
            g_hash_table_insert(nodes, g_strdup((const char *)id), (gpointer)node);
        xmlFree(id);
        if (node->type == XML_ELEMENT_NODE)
            note_ids(nodes, node->children);
    }
}

static unsigned size_of(struct count *c, const xmlNode *node);

static unsigned add(unsigned a, unsigned b)
{
    return a + b < REFERENCE_MOST ? a + b : REFERENCE_MOST;
}

static unsigned size_of_named(struct count *c, const char *id)
{
    const xmlNode *node = g_hash_table_lookup(c->nodes, id);
    gpointer known;
    unsigned size;

    if (!node)
        return 0;
    if (g_hash_table_lookup_extended(c->sizes, node, NULL, &known))
        return known ? GPOINTER_TO_UINT(known) : REFERENCE_MOST;
    g_hash_table_insert(c->sizes, (gpointer)node, GUINT_TO_POINTER(0));
    size = size_of(c, node);
    g_hash_table_insert(c->sizes, (gpointer)node, GUINT_TO_POINTER(size));
    return size;
}

/* All "#name" of a value: "url(#a)", "fill:url('#b')", or the whole of an href. */
static unsigned size_of_value(struct count *c, const char *value, bool is_href)
{
    unsigned size = 0;

    for (const char *at = strchr(value, '#'); at; at = strchr(at + 1, '#')) {
        const char *before = at;
        g_autofree char *id = NULL;

        while (before > value && strchr(" \t\r\n\"'", before[-1]))
            before--;
        if (is_href ? at != value : before == value || before[-1] != '(')
            continue;
        id = g_strndup(at + 1, strcspn(at + 1, " \t\r\n\"')"));
        size = add(size, size_of_named(c, id));
    }
    return size;
}

/* A gradient's href is no copy, and costs nothing. */
static unsigned size_of_attributes(struct count *c, const xmlNode *node)
{
    unsigned size = 0;

    for (const xmlAttr *a = node->properties; a; a = a->next) {
        xmlChar *value = xmlNodeGetContent((const xmlNode *)a);

        if (value && strchr((const char *)value, '#') && strncmp((const char *)value, "data:", 5) != 0)
            size = add(size, size_of_value(c, (const char *)value, strcmp((const char *)a->name, "href") == 0));
        xmlFree(value);
    }
    return size;
}

/* Depth is bounded by libxml2; that of references by their number, each being counted once. */
static unsigned size_of(struct count *c, const xmlNode *node)
{
    unsigned size = 1;

    if (node->type != XML_ELEMENT_NODE)
        return 0;
    size = add(size, size_of_attributes(c, node));
    for (const xmlNode *child = node->children; child; child = child->next)
        size = add(size, size_of(c, child));
    return size;
}

int reference_check(const xmlDoc *doc, const char *file, struct findings *f)
{
    const xmlNode *root = xmlDocGetRootElement(doc);
    struct count c = { .nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                       .sizes = g_hash_table_new(NULL, NULL) };
    unsigned size;

    note_ids(c.nodes, root);
    size = size_of(&c, root);
    g_hash_table_destroy(c.nodes);
    g_hash_table_destroy(c.sizes);
    if (size < REFERENCE_MOST)
        return 0;
    return svg_problem(file, root, f, "svg-reference",
                       "with what its references (<use>, url(#…)) stand for, the page has more than %d elements",
                       REFERENCE_MOST);
}

#include "svg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>

#include "attribute.h"
#include "image.h"
#include "reference.h"

static const char svg_namespace[] = "http://www.w3.org/2000/svg";

/* An element's place, kept in its _private: libxml2 knows only the line in which its tag ends. */
enum { COLUMN_BITS = 24 };

void svg_place(const char *file, const xmlNode *node, char where[FINDING_WHERE])
{
    uintptr_t place = node->type == XML_ELEMENT_NODE ? (uintptr_t)node->_private : 0;

    if (place)
        snprintf(where, FINDING_WHERE, "%.220s:%lu:%lu", file, (unsigned long)(place >> COLUMN_BITS),
                 (unsigned long)(place & ((1UL << COLUMN_BITS) - 1)));
    else
        snprintf(where, FINDING_WHERE, "%.220s:%ld", file, xmlGetLineNo(node));
}

int svg_problem(const char *file, const xmlNode *node, struct findings *f, const char *code, const char *format, ...)
{
    char where[FINDING_WHERE], message[FINDING_MESSAGE];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    svg_place(file, node, where);
    return findings_add(f, code, where, "%s", message);
}

bool svg_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns && node->ns->href &&
           strcmp((const char *)node->ns->href, svg_namespace) == 0 && strcmp((const char *)node->name, name) == 0;
}

xmlChar *svg_attribute(const xmlNode *node, const char *name)
{
    return xmlGetNoNsProp(node, (const xmlChar *)name);
}

bool svg_length(const xmlNode *node, const char *name, double otherwise, double *ret)
{
    CLEANUP(xml_text_cleanup) xmlChar *text = svg_attribute(node, name);

    *ret = otherwise;
    return !text || length_parse((const char *)text, 0, ret);
}

/* Elements that run something, load something, or draw text that would not be seen here. */
static const char *const refused_elements[] = {
    "script",  "foreignObject",    "iframe",        "include", "flowRoot", "textPath", "tref",
    "animate", "animateTransform", "animateMotion", "set",     "handler",  "listener",
};

static const xmlNode *find_id(const xmlNode *node, const char *id)
{
    for (; node; node = node->next) {
        CLEANUP(xml_text_cleanup) xmlChar *own = node->type == XML_ELEMENT_NODE ? svg_attribute(node, "id") : NULL;
        const xmlNode *below;

        if (own && strcmp((const char *)own, id) == 0)
            return node;
        below = node->type == XML_ELEMENT_NODE ? find_id(node->children, id) : NULL;
        if (below)
            return below;
    }
    return NULL;
}

const xmlNode *svg_find(const xmlDoc *doc, const char *id)
{
    return find_id(xmlDocGetRootElement(doc), id);
}

static bool holds_text(const xmlNode *node)
{
    if (svg_is(node, "text"))
        return true;
    for (const xmlNode *child = node->children; child; child = child->next)
        if (holds_text(child))
            return true;
    return false;
}

/* Texts are taken out of the drawing: what repeats one would repeat nothing. */
static int check_clone(const char *file, const xmlNode *node, const char *value, struct findings *f)
{
    const xmlNode *original = value[0] == '#' && !svg_is(node, "a") ? svg_find(node->doc, value + 1) : NULL;

    if (!original || !holds_text(original))
        return 0;
    return svg_problem(file, node, f, "svg-reference",
                       "not supported here: <%s> repeats a text (\"%.60s\"); make it a text of its own", node->name,
                       value);
}

static bool is_blank(const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *text = xmlNodeGetContent(node);

    return !text || text[strspn((const char *)text, " \t\r\n")] == '\0';
}

static int check_element(const char *file, const xmlNode *node, struct findings *f)
{
    const char *name = (const char *)node->name;

    for (size_t i = 0; i < ARRAY_SIZE(refused_elements); i++)
        if (strcmp(name, refused_elements[i]) == 0)
            return svg_problem(file, node, f, "svg-element", "the element <%s> is not allowed in a template", name);
    if (strcmp(name, "style") == 0 && !is_blank(node))
        return svg_problem(file, node, f, "svg-element",
                           "style sheets are not read; give each element its attributes or its own style=\"\"");
    return 0;
}

static bool is_inner_reference(const char *value)
{
    return value[0] == '#' || strncasecmp(value, "data:image/png;", 15) == 0 ||
           strncasecmp(value, "data:image/jpeg;", 16) == 0;
}

static bool has_outer_url(const char *value)
{
    for (const char *at = strcasestr(value, "url("); at; at = strcasestr(at, "url(")) {
        at += 4;
        at += strspn(at, " \t\r\n\"'");
        if (*at != '#')
            return true;
    }
    return false;
}

static int check_attribute(const char *file, const xmlNode *node, const xmlAttr *a, struct findings *f)
{
    CLEANUP(xml_text_cleanup) xmlChar *content = xmlNodeGetContent((const xmlNode *)a);
    const char *name = (const char *)a->name, *value = (const char *)content;

    if (!value)
        return -ENOMEM;
    if (!a->ns && strncasecmp(name, "on", 2) == 0)
        return svg_problem(file, node, f, "svg-attribute", "scripts are not allowed: %s", name);
    if (strcasecmp(name, "base") == 0)
        return svg_problem(file, node, f, "svg-attribute", "the attribute %s is not allowed", name);
    if ((strcasecmp(name, "href") == 0 || strcasecmp(name, "src") == 0) && !is_inner_reference(value))
        return svg_problem(file, node, f, "svg-reference",
                           "%s must be \"#…\" or a PNG or JPEG image within the file (data:) or beside it", name);
    if (strcasecmp(name, "href") == 0) {
        int r = check_clone(file, node, value, f);

        if (r != 0)
            return r;
    }
    if (has_outer_url(value))
        return svg_problem(file, node, f, "svg-reference", "url() in %s must be url(#…)", name);
    if (strstr(value, "{{"))
        return svg_problem(file, node, f, "svg-attribute", "tags can stand in text only, not in %s", name);
    return 0;
}

static int check_node(const char *file, const xmlNode *node, struct findings *f)
{
    int r, bad = 0;

    switch (node->type) {
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
    case XML_COMMENT_NODE:
        return 0;
    case XML_ELEMENT_NODE:
        break;
    default:
        return svg_problem(file, node, f, "svg-element", "processing instructions and entities are not allowed");
    }
    r = check_element(file, node, f);
    for (const xmlAttr *a = node->properties; a && findings_go_on(f, r); a = a->next) {
        bad |= r;
        r = check_attribute(file, node, a, f);
    }
    return r < 0 ? r : r | bad;
}

/* Depth is bounded by libxml2 (256 without XML_PARSE_HUGE). */
static int check_tree(const char *file, const xmlNode *node, struct findings *f)
{
    int bad = 0;

    for (; node; node = node->next) {
        int r = check_node(file, node, f);

        if (r == 0 && node->type == XML_ELEMENT_NODE)
            r = check_tree(file, node->children, f);
        if (!findings_go_on(f, r))
            return r;
        bad |= r;
    }
    return bad;
}

static int refuse_xml(xmlParserCtxt *ctxt, const char *file, struct findings *f)
{
    const xmlError *e = xmlCtxtGetLastError(ctxt);
    const char *text = e && e->message ? e->message : "not XML";
    char where[FINDING_WHERE];

    if (e && e->code == XML_ERR_NO_MEMORY)
        return -ENOMEM;
    if (e && e->int2 > 0)
        snprintf(where, sizeof(where), "%.220s:%d:%d", file, e->line, e->int2);
    else
        snprintf(where, sizeof(where), "%.220s:%d", file, e ? e->line : 1);
    return findings_add(f, "xml", where, "%.*s", (int)strcspn(text, "\n"), text);
}

static int check_document(const char *file, xmlDoc *doc, struct findings *f)
{
    const xmlNode *root = xmlDocGetRootElement(doc);
    int r;

    if (doc->intSubset || doc->extSubset)
        return findings_add(f, "svg-doctype", file, "a document type (<!DOCTYPE …>) is not allowed");
    /* Tags are looked for in the bytes: they must be what the parser saw. */
    if (doc->encoding && strcasecmp((const char *)doc->encoding, "UTF-8") != 0)
        return findings_add(f, "svg-encoding", file, "the encoding must be UTF-8");
    if (!root || !svg_is(root, "svg"))
        return findings_add(f, "svg", file, "the root must be <svg xmlns=\"%s\">", svg_namespace);
    r = check_tree(file, doc->children, f);
    return findings_go_on(f, r) ? r | reference_check(doc, file, f) : r;
}

static void free_context(xmlParserCtxt **c)
{
    if (*c)
        xmlFreeParserCtxt(*c);
}

/* --- where elements begin --- */

struct places {
    const char *bytes;
    size_t size;
    size_t at, line, column; /* line and column of the byte AT */
};

static void move_to(struct places *x, size_t offset)
{
    for (; x->at < offset; x->at++) {
        bool newline = x->bytes[x->at] == '\n';

        x->line += newline;
        x->column = newline ? 1 : x->column + 1;
    }
}

/* libxml2 calls this when it has read a start tag up to its end: the last "<" before that is where it begins, since
 * attributes cannot hold one. */
static void note_start(void *userdata, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_spaces,
                       const xmlChar **spaces, int n, int n_default, const xmlChar **attributes)
{
    xmlParserCtxt *ctxt = userdata;
    struct places *x = ctxt->_private;
    const long consumed = xmlByteConsumed(ctxt);
    size_t at = consumed < 0 || (size_t)consumed > x->size ? 0 : (size_t)consumed;

    xmlSAX2StartElementNs(userdata, name, prefix, uri, n_spaces, spaces, n, n_default, attributes);
    while (at > x->at && x->bytes[at] != '<')
        at--;
    move_to(x, at);
    if (ctxt->node && x->column < 1UL << COLUMN_BITS)
        ctxt->node->_private = (void *)(uintptr_t)(x->line << COLUMN_BITS | x->column); // NOLINT
}

static xmlDoc *parse(xmlParserCtxt *ctxt, const char *bytes, size_t size)
{
    struct places x = { .bytes = bytes, .size = size, .line = 1, .column = 1 };
    xmlDoc *doc;

    ctxt->_private = &x;
    ctxt->sax->startElementNs = note_start;
    doc = xmlCtxtReadMemory(ctxt, bytes, (int)size, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
    ctxt->_private = NULL;
    return doc;
}

/* A document that is no good can still be looked through for more. */
static bool is_readable(const struct findings *f, const xmlDoc *doc, int r)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    return r == 0 || (findings_go_on(f, r) && !doc->intSubset && !doc->extSubset && root && svg_is(root, "svg"));
}

int svg_read(const struct svg_source *s, xmlDoc **ret, struct findings *f)
{
    CLEANUP(free_context) xmlParserCtxt *ctxt = xmlNewParserCtxt();
    CLEANUP(xml_doc_cleanup) xmlDoc *doc = NULL;
    int r, bad;

    if (!ctxt)
        return -ENOMEM;
    doc = parse(ctxt, s->bytes, s->size);
    if (!doc)
        return refuse_xml(ctxt, s->file, f);
    r = image_embed(doc, s->file, s->root, s->hashes, f);
    if (!findings_go_on(f, r))
        return r;
    bad = r;
    r = check_document(s->file, doc, f);
    if (r < 0)
        return r;
    bad |= r;
    if (is_readable(f, doc, bad))
        *ret = TAKE(doc);
    return bad;
}

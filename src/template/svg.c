#include "svg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libxml/parser.h>

#include "attribute.h"

static const char svg_namespace[] = "http://www.w3.org/2000/svg";

int svg_problem(const char *file, const xmlNode *node, struct findings *f, const char *code, const char *format, ...)
{
    char where[FINDING_WHERE], message[FINDING_MESSAGE];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    snprintf(where, sizeof(where), "%s:%ld", file, xmlGetLineNo(node));
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
                           "%s must be \"#…\" or a PNG or JPEG image within the file (data:)", name);
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
    snprintf(where, sizeof(where), "%s:%d", file, e ? e->line : 1);
    return findings_add(f, "xml", where, "%.*s", (int)strcspn(text, "\n"), text);
}

static int check_document(const char *file, xmlDoc *doc, struct findings *f)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    if (doc->intSubset || doc->extSubset)
        return findings_add(f, "svg-doctype", file, "a document type (<!DOCTYPE …>) is not allowed");
    /* Tags are looked for in the bytes: they must be what the parser saw. */
    if (doc->encoding && strcasecmp((const char *)doc->encoding, "UTF-8") != 0)
        return findings_add(f, "svg-encoding", file, "the encoding must be UTF-8");
    if (!root || !svg_is(root, "svg"))
        return findings_add(f, "svg", file, "the root must be <svg xmlns=\"%s\">", svg_namespace);
    return check_tree(file, doc->children, f);
}

static void free_context(xmlParserCtxt **c)
{
    if (*c)
        xmlFreeParserCtxt(*c);
}

int svg_read(const char *bytes, size_t size, const char *file, xmlDoc **ret, struct findings *f)
{
    CLEANUP(free_context) xmlParserCtxt *ctxt = xmlNewParserCtxt();
    CLEANUP(xml_doc_cleanup) xmlDoc *doc = NULL;
    int r;

    if (!ctxt)
        return -ENOMEM;
    doc = xmlCtxtReadMemory(ctxt, bytes, (int)size, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
    if (!doc)
        return refuse_xml(ctxt, file, f);
    r = check_document(file, doc, f);
    if (r == 0)
        *ret = TAKE(doc);
    return r;
}

#include "image.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/file.h>

#include "source.h"
#include "svg.h"

struct embedding {
    const char *file, *root;
    struct buffer *hashes;
    struct findings *f;
};

static const char *media_type(const struct buffer *b)
{
    if (buffer_size(b) > 8 && memcmp(buffer_bytes(b), "\x89PNG\r\n\x1a\n", 8) == 0)
        return "image/png";
    if (buffer_size(b) > 3 && memcmp(buffer_bytes(b), "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    return NULL;
}

/* Links are followed, and what counts is where the file is in the end. */
static bool is_within(const char *path, const char *root, char real[PATH_MAX])
{
    char real_root[PATH_MAX];
    size_t n;

    if (!realpath(path, real) || !realpath(root, real_root))
        return false;
    n = strlen(real_root);
    return strncmp(real, real_root, n) == 0 && (real[n] == '/' || n == 1);
}

static int set_data(xmlNode *node, xmlAttr *a, const char *type, const struct buffer *b)
{
    g_autofree char *base64 = g_base64_encode((const guchar *)buffer_bytes(b), buffer_size(b));
    g_autofree char *uri = g_strconcat("data:", type, ";base64,", base64, NULL);

    return xmlSetNsProp(node, a->ns, a->name, (const xmlChar *)uri) ? 0 : -ENOMEM;
}

static int embed_file(struct embedding *e, xmlNode *node, xmlAttr *a, const char *name, const char *path)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(IMAGE_MOST);
    char hash[SOURCE_HASH];
    int r = file_read(path, &b);

    if (r == -ENOMEM)
        return r;
    if (r == -ENOBUFS)
        return svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\" is larger than %d bytes", name, IMAGE_MOST);
    if (r < 0)
        return svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\": %s", name, strerror(-r));
    if (!media_type(&b))
        return svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\" is neither PNG nor JPEG", name);
    r = source_hash(buffer_bytes(&b), buffer_size(&b), hash);
    if (r == 0 && e->hashes)
        r = buffer_addf(e->hashes, "%s\n", hash);
    return r == 0 ? set_data(node, a, media_type(&b), &b) : r;
}

static int embed(struct embedding *e, xmlNode *node, xmlAttr *a, const char *name)
{
    CLEANUP(free_cleanup) char *folder = path_folder(e->file);
    CLEANUP(free_cleanup) char *path = folder ? path_join(folder, name) : NULL;
    char real[PATH_MAX];

    if (!path)
        return -ENOMEM;
    if (name[0] == '/' || (access(path, F_OK) == 0 && !is_within(path, e->root, real)))
        return svg_problem(e->file, node, e->f, "svg-reference", "\"%.200s\" does not lie in the templates' folder",
                           name);
    return embed_file(e, node, a, name, path);
}

/* What names no file is left to the general rule for references. */
static bool names_file(const char *value)
{
    return value[0] != '#' && value[0] != '\0' && !strchr(value, ':') && !strstr(value, "{{");
}

static int embed_node(struct embedding *e, xmlNode *node)
{
    int bad = 0;

    for (xmlAttr *a = node->properties, *next; a; a = next) {
        CLEANUP(xml_text_cleanup) xmlChar *value = xmlNodeGetContent((const xmlNode *)a);
        int r = 0;

        next = a->next;
        if (value && strcmp((const char *)a->name, "href") == 0 && names_file((const char *)value))
            r = embed(e, node, a, (const char *)value);
        if (r > 0)
            xmlRemoveProp(a); /* told: it is not to be told again */
        if (!findings_go_on(e->f, r))
            return r;
        bad |= r;
    }
    return bad;
}

static int embed_tree(struct embedding *e, xmlNode *node)
{
    int bad = 0;

    for (; node; node = node->next) {
        int r = svg_is(node, "image") ? embed_node(e, node) : 0;

        if (!findings_go_on(e->f, r))
            return r;
        bad |= r;
        r = node->type == XML_ELEMENT_NODE ? embed_tree(e, node->children) : 0;
        if (!findings_go_on(e->f, r))
            return r;
        bad |= r;
    }
    return bad;
}

int image_embed(xmlDoc *doc, const char *file, const char *root, struct buffer *hashes, struct findings *f)
{
    struct embedding e = { .file = file, .root = root, .hashes = hashes, .f = f };

    return root ? embed_tree(&e, xmlDocGetRootElement(doc)) : 0;
}

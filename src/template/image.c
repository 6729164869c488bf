#include "image.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <glib.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/file.h>

#include "picture.h"
#include "source.h"
#include "svg.h"

struct embedding {
    const char *file, *root;
    struct buffer *hashes;
    struct findings *f;
    size_t pixels; /* that are left for this page */
};

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

static int check_picture(struct embedding *e, xmlNode *node, const char *name, const void *bytes, size_t size)
{
    const char *why = picture_check(bytes, size, &e->pixels);

    return why ? svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\" %s", name, why) : 0;
}

static int embed_file(struct embedding *e, xmlNode *node, xmlAttr *a, const char *name, const char *path)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(IMAGE_MOST);
    char hash[SOURCE_HASH];
    int r = file_read_regular(path, &b);

    if (r == -ENOMEM)
        return r;
    if (r == -ENOBUFS)
        return svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\" is larger than %d bytes", name, IMAGE_MOST);
    if (r == -ENODEV)
        return svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\" is no regular file", name);
    if (r < 0)
        return svg_problem(e->file, node, e->f, "svg-image", "\"%.200s\": %s", name, strerror(-r));
    r = check_picture(e, node, name, buffer_bytes(&b), buffer_size(&b));
    if (r == 0)
        r = source_hash(buffer_bytes(&b), buffer_size(&b), hash);
    if (r == 0 && e->hashes)
        r = buffer_addf(e->hashes, "%s\n", hash);
    return r == 0 ? set_data(node, a, picture_type(buffer_bytes(&b), buffer_size(&b)), &b) : r;
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

/* "data:image/png;base64,…" as it is drawn: with the type that it has. */
static int check_data(struct embedding *e, xmlNode *node, const char *value)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n";
    const char *comma = strchr(value, ',');
    g_autofree guchar *bytes = NULL;
    g_autofree char *head = NULL;
    const char *type;
    gsize size = 0;

    if (!comma || comma[1 + strspn(comma + 1, alphabet)] != '\0')
        return svg_problem(e->file, node, e->f, "svg-image", "an image within the file must be base64");
    bytes = g_base64_decode(comma + 1, &size);
    type = picture_type(bytes, size);
    head = g_strdup_printf("data:%s;base64", type ? type : "");
    if (type && (strlen(head) != (size_t)(comma - value) || strncasecmp(head, value, strlen(head)) != 0))
        return svg_problem(e->file, node, e->f, "svg-image", "this image is %s; it must begin with \"%s,\"", type,
                           head);
    return check_picture(e, node, "the image within the file", bytes, size);
}

/* What names no file is left to the general rule for references. */
static bool names_file(const char *value)
{
    return value[0] != '#' && value[0] != '\0' && !strchr(value, ':') && !strstr(value, "{{");
}

static int embed_value(struct embedding *e, xmlNode *node, xmlAttr *a, const char *value)
{
    if (strcasecmp((const char *)a->name, "href") != 0 && strcasecmp((const char *)a->name, "src") != 0)
        return 0;
    if (strncasecmp(value, "data:image/png;", 15) == 0 || strncasecmp(value, "data:image/jpeg;", 16) == 0)
        return check_data(e, node, value);
    return e->root && svg_is(node, "image") && strcmp((const char *)a->name, "href") == 0 && names_file(value)
               ? embed(e, node, a, value)
               : 0;
}

static int embed_node(struct embedding *e, xmlNode *node)
{
    int bad = 0;

    for (xmlAttr *a = node->properties, *next; a; a = next) {
        CLEANUP(xml_text_cleanup) xmlChar *value = xmlNodeGetContent((const xmlNode *)a);
        int r = value ? embed_value(e, node, a, (const char *)value) : -ENOMEM;

        next = a->next;
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
        int r = node->type == XML_ELEMENT_NODE ? embed_node(e, node) : 0;

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
    struct embedding e = { .file = file, .root = root, .hashes = hashes, .f = f, .pixels = PICTURE_PIXELS };

    return embed_tree(&e, xmlDocGetRootElement(doc));
}

#include "html.h"

#include <string.h>
#include <strings.h>

#include <pindispatch/cleanup.h>

#define PLAIN(name)                                                                                                  \
    {                                                                                                                \
        name, false, false, false                                                                                    \
    }
#define VOID(name)                                                                                                   \
    {                                                                                                                \
        name, true, false, false                                                                                     \
    }
#define LOOSE(name)                                                                                                  \
    {                                                                                                                \
        name, false, true, false                                                                                     \
    }
#define RAW(name)                                                                                                    \
    {                                                                                                                \
        name, false, false, true                                                                                     \
    }

static const struct html_element elements[] = {
    PLAIN("html"),    PLAIN("head"),    RAW("title"),    RAW("style"),        VOID("meta"),     PLAIN("body"),
    PLAIN("div"),     PLAIN("span"),    LOOSE("p"),      VOID("br"),          VOID("hr"),       VOID("wbr"),
    PLAIN("a"),       PLAIN("b"),       PLAIN("i"),      PLAIN("u"),          PLAIN("s"),       PLAIN("em"),
    PLAIN("strong"),  PLAIN("small"),   PLAIN("big"),    PLAIN("sub"),        PLAIN("sup"),     PLAIN("code"),
    PLAIN("pre"),     PLAIN("kbd"),     PLAIN("samp"),   PLAIN("tt"),         PLAIN("var"),     PLAIN("abbr"),
    PLAIN("address"), PLAIN("article"), PLAIN("aside"),  PLAIN("bdi"),        PLAIN("bdo"),     PLAIN("blockquote"),
    PLAIN("center"),  PLAIN("cite"),    PLAIN("del"),    PLAIN("ins"),        PLAIN("dfn"),     PLAIN("dl"),
    LOOSE("dt"),      LOOSE("dd"),      PLAIN("figure"), PLAIN("figcaption"), PLAIN("font"),    PLAIN("footer"),
    PLAIN("header"),  PLAIN("main"),    PLAIN("nav"),    PLAIN("section"),    PLAIN("h1"),      PLAIN("h2"),
    PLAIN("h3"),      PLAIN("h4"),      PLAIN("h5"),     PLAIN("h6"),         VOID("img"),      LOOSE("li"),
    PLAIN("ol"),      PLAIN("ul"),      PLAIN("mark"),   PLAIN("q"),          PLAIN("strike"),  PLAIN("time"),
    PLAIN("ruby"),    PLAIN("rb"),      PLAIN("rt"),     PLAIN("table"),      PLAIN("caption"), LOOSE("colgroup"),
    VOID("col"),      LOOSE("thead"),   LOOSE("tbody"),  LOOSE("tfoot"),      LOOSE("tr"),      LOOSE("td"),
    LOOSE("th"),
};

static const struct {
    const char *name;
    enum html_use use;
} attributes[] = {
    { "title", HTML_VALUES },      { "alt", HTML_VALUES },     { "aria-label", HTML_VALUES },
    { "abbr", HTML_VALUES },       { "lang", HTML_WORDS },     { "xml:lang", HTML_WORDS },
    { "dir", HTML_WORDS },         { "xmlns", HTML_WORDS },    { "align", HTML_WORDS },
    { "valign", HTML_WORDS },      { "border", HTML_WORDS },   { "cellpadding", HTML_WORDS },
    { "cellspacing", HTML_WORDS }, { "face", HTML_WORDS },     { "start", HTML_WORDS },
    { "type", HTML_WORDS },        { "reversed", HTML_WORDS }, { "value", HTML_WORDS },
    { "span", HTML_WORDS },        { "colspan", HTML_WORDS },  { "rowspan", HTML_WORDS },
    { "scope", HTML_WORDS },       { "headers", HTML_WORDS },  { "nowrap", HTML_WORDS },
    { "noshade", HTML_WORDS },     { "role", HTML_WORDS },     { "name", HTML_WORDS },
    { "content", HTML_WORDS },     { "charset", HTML_WORDS },  { "media", HTML_WORDS },
    { "rel", HTML_WORDS },         { "target", HTML_WORDS },   { "datetime", HTML_WORDS },
    { "rules", HTML_WORDS },       { "frame", HTML_WORDS },    { "summary", HTML_WORDS },
    { "hspace", HTML_WORDS },      { "vspace", HTML_WORDS },   { "compact", HTML_WORDS },
    { "translate", HTML_WORDS },   { "clear", HTML_WORDS },    { "class", HTML_LOOK },
    { "id", HTML_LOOK },           { "hidden", HTML_LOOK },    { "bgcolor", HTML_LOOK },
    { "text", HTML_LOOK },         { "color", HTML_LOOK },     { "size", HTML_LOOK },
    { "width", HTML_LOOK },        { "height", HTML_LOOK },    { "style", HTML_STYLE },
    { "href", HTML_LINK },         { "src", HTML_CONTENT },    { "background", HTML_CONTENT },
    { "http-equiv", HTML_EQUIV },
};

const struct html_element *html_element(const char *name, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(elements); i++)
        if (strlen(elements[i].name) == size && strncasecmp(name, elements[i].name, size) == 0)
            return &elements[i];
    return NULL;
}

bool html_attribute(const char *name, size_t size, enum html_use *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
        if (strlen(attributes[i].name) == size && strncasecmp(name, attributes[i].name, size) == 0) {
            *ret = attributes[i].use;
            return true;
        }
    *ret = HTML_WORDS;
    return size > 5 && (strncasecmp(name, "aria-", 5) == 0 || strncasecmp(name, "data-", 5) == 0);
}

/* --- values --- */

static const struct {
    const char *name;
    const char *text;
} references[] = { { "amp", "&" }, { "lt", "<" }, { "gt", ">" }, { "quot", "\"" }, { "apos", "'" }, { "nbsp", " " } };

/* "&#117;", "&#x75;", also without their semicolon. Returns what is behind it. */
static const char *resolve_number(const char *at, const char *end, GString *to)
{
    const bool hex = at < end && (*at == 'x' || *at == 'X');
    gunichar c = 0;

    for (at += hex; at < end && (hex ? g_ascii_isxdigit(*at) : g_ascii_isdigit(*at)) && c < 0x110000; at++)
        c = c * (hex ? 16 : 10) + (gunichar)g_ascii_xdigit_value(*at);
    g_string_append_unichar(to, g_unichar_validate(c) && c != 0 ? c : 0xfffd);
    return at < end && *at == ';' ? at + 1 : at;
}

/* A name behind its "&". NULL when it is not known. */
static const char *resolve_name(const char *at, const char *end, GString *to)
{
    size_t size = 0;

    while (at + size < end && g_ascii_isalnum(at[size]))
        size++;
    for (size_t i = 0; i < ARRAY_SIZE(references); i++)
        if (strlen(references[i].name) == size && strncmp(at, references[i].name, size) == 0) {
            g_string_append(to, references[i].text);
            at += size;
            return at < end && *at == ';' ? at + 1 : at;
        }
    return NULL;
}

bool html_value(const char *text, size_t size, char **ret)
{
    const char *end = text + size;
    GString *to = g_string_sized_new(size);
    bool known = true;

    for (const char *at = text, *next; at < end; at = next) {
        next = at + 1;
        if (*at == '&' && next < end && *next == '#') {
            next = resolve_number(at + 2, end, to);
        } else if (*at == '&' && next < end && g_ascii_isalpha(*next)) {
            const char *behind = resolve_name(next, end, to);

            known &= behind != NULL;
            if (!behind)
                g_string_append_c(to, '&');
            next = behind ? behind : next;
        } else {
            g_string_append_c(to, *at);
        }
    }
    g_string_ascii_down(to);
    *ret = g_string_free(to, FALSE);
    return known;
}

/* Browsers skip blanks and control characters before an address, and tabs and line ends anywhere in it. */
static char *squeeze(const char *value)
{
    char *text = g_malloc(strlen(value) + 1), *to = text;

    for (; *value; value++)
        if ((unsigned char)*value > ' ')
            *to++ = *value;
    *to = '\0';
    return text;
}

static bool begins_with_one(const char *value, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(value, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

bool html_is_link(const char *value)
{
    static const char *const schemes[] = { "https:", "http:", "mailto:", "tel:", "#" };
    g_autofree char *address = squeeze(value);

    return begins_with_one(address, schemes, ARRAY_SIZE(schemes)) || !strpbrk(address, ":&");
}

bool html_is_content(const char *value)
{
    static const char *const kinds[] = { "data:image/png;", "data:image/jpeg;", "data:image/gif;",
                                         "data:image/webp;" };
    g_autofree char *address = squeeze(value);

    return begins_with_one(address, kinds, ARRAY_SIZE(kinds));
}

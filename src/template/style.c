#include "style.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <glib.h>

#include "declarations.h"
#include "svg.h"

void style_init(struct style *s)
{
    *s = (struct style){
        .weight = 400, .painted = true, .opacity = 1, .fill_opacity = 1, .displayed = true, .visible = true
    };
}

/* Pango takes a list of families as it is, but without quotes. */
static bool set_family(struct style *s, const char *value)
{
    size_t n = 0;

    for (; *value; value++) {
        if (*value == '"' || *value == '\'')
            continue;
        if (n == sizeof(s->family) - 1)
            return false;
        s->family[n++] = *value;
    }
    s->family[n] = '\0';
    return n > 0;
}

static bool set_size(struct style *s, const char *value)
{
    double size;

    /* In shares of nothing, a size is no size: programs differ in what they begin with. */
    if (!length_parse(value, s->size, &size) || size <= 0)
        return false;
    s->size = size;
    return true;
}

static bool set_weight(struct style *s, const char *value)
{
    double d;

    if (word_is(value, "normal"))
        s->weight = 400;
    else if (word_is(value, "bold"))
        s->weight = 700;
    else if (number_parse(&value, &d) && *value == '\0' && d >= 1 && d <= 1000)
        s->weight = (int)d;
    else
        return false;
    return true;
}

static bool set_slope(struct style *s, const char *value)
{
    s->italic = word_is(value, "italic") || word_is(value, "oblique");
    return s->italic || word_is(value, "normal");
}

static bool set_color(struct style *s, const char *value)
{
    return word_is(value, "currentColor") || colour_parse(value, &s->color);
}

static bool set_fill(struct style *s, const char *value)
{
    s->painted = !word_is(value, "none");
    s->follows_color = word_is(value, "currentColor");
    return !s->painted || s->follows_color || colour_parse(value, &s->fill);
}

static bool set_share(double *ret, const char *value)
{
    double d;

    if (!number_parse(&value, &d))
        return false;
    if (*value == '%')
        d /= 100;
    *ret = CLAMP(d, 0, 1);
    return true;
}

static bool set_fill_opacity(struct style *s, const char *value)
{
    return set_share(&s->fill_opacity, value);
}

static bool set_opacity(struct style *s, const char *value)
{
    double d;

    if (!set_share(&d, value))
        return false;
    s->opacity *= d;
    return true;
}

static bool set_anchor(struct style *s, const char *value)
{
    if (word_is(value, "start"))
        s->anchor = ANCHOR_START;
    else if (word_is(value, "middle"))
        s->anchor = ANCHOR_MIDDLE;
    else if (word_is(value, "end"))
        s->anchor = ANCHOR_END;
    else
        return false;
    return true;
}

static bool set_align(struct style *s, const char *value)
{
    s->aligned = true;
    if (word_is(value, "left"))
        s->align = ANCHOR_LEFT;
    else if (word_is(value, "right"))
        s->align = ANCHOR_RIGHT;
    else if (word_is(value, "start"))
        s->align = ANCHOR_START;
    else if (word_is(value, "center"))
        s->align = ANCHOR_MIDDLE;
    else if (word_is(value, "end"))
        s->align = ANCHOR_END;
    else
        return false;
    return true;
}

static bool set_upright(struct style *s, const char *value)
{
    if (word_is(value, "before") || word_is(value, "auto"))
        s->upright = ANCHOR_START;
    else if (word_is(value, "center"))
        s->upright = ANCHOR_MIDDLE;
    else if (word_is(value, "after"))
        s->upright = ANCHOR_END;
    else
        return false;
    return true;
}

static bool set_direction(struct style *s, const char *value)
{
    s->direction = word_is(value, "rtl") ? DIRECTION_RTL : DIRECTION_LTR;
    return s->direction == DIRECTION_RTL || word_is(value, "ltr");
}

static bool set_letter_spacing(struct style *s, const char *value)
{
    if (!word_is(value, "normal"))
        return length_parse(value, s->size, &s->letter_spacing);
    s->letter_spacing = 0;
    return true;
}

static bool set_line_height(struct style *s, const char *value)
{
    const char *at = value;
    double d;

    s->line_height = 0;
    if (word_is(value, "normal"))
        return true;
    if (number_parse(&at, &d) && *at == '\0')
        s->line_height = d;
    else if (length_parse(value, s->size, &d))
        s->line_height = d / s->size;
    return s->line_height > 0;
}

static bool set_blanks(struct style *s, const char *value)
{
    if (word_is(value, "normal"))
        s->blanks = BLANKS_COLLAPSE;
    else if (word_is(value, "pre-line"))
        s->blanks = BLANKS_LINES;
    else if (word_is(value, "pre") || word_is(value, "pre-wrap"))
        s->blanks = BLANKS_KEEP;
    else
        return false;
    return true;
}

static bool set_wrap(struct style *s, const char *value)
{
    s->breaks = word_is(value, "anywhere") || word_is(value, "break-word");
    return s->breaks || word_is(value, "normal");
}

static bool set_display(struct style *s, const char *value)
{
    static const char *const shown[] = { "inline", "block", "inline-block" };

    if (word_is(value, "none")) {
        s->displayed = false;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
        if (word_is(value, shown[i]))
            return true;
    return false;
}

static bool set_visibility(struct style *s, const char *value)
{
    s->visible = word_is(value, "visible");
    return s->visible || word_is(value, "hidden") || word_is(value, "collapse");
}

/* "url(#name)", of one shape. */
static bool set_box(struct style *s, const char *value)
{
    size_t n;

    if (word_is(value, "auto"))
        return true;
    if (strncasecmp(value, "url(", 4) != 0)
        return false;
    value += 4 + strspn(value + 4, " \"'");
    n = *value == '#' ? strcspn(++value, ")\"' ") : 0;
    if (n == 0 || n >= sizeof(s->box))
        return false;
    memcpy(s->box, value, n);
    s->box[n] = '\0';
    value += n + strspn(value + n, " \"'");
    return *value == ')' && value[1 + strspn(value + 1, " ")] == '\0';
}

/* font-size comes first: others count in it. */
static const struct property {
    const char *name;
    bool (*set)(struct style *s, const char *value);
} properties[] = {
    { "font-size", set_size },
    { "font-family", set_family },
    { "font-weight", set_weight },
    { "font-style", set_slope },
    { "color", set_color },
    { "fill", set_fill },
    { "fill-opacity", set_fill_opacity },
    { "opacity", set_opacity },
    { "text-anchor", set_anchor },
    { "text-align", set_align },
    { "display-align", set_upright },
    { "direction", set_direction },
    { "letter-spacing", set_letter_spacing },
    { "line-height", set_line_height },
    { "white-space", set_blanks },
    { "overflow-wrap", set_wrap },
    { "display", set_display },
    { "visibility", set_visibility },
    { "shape-inside", set_box },
};

/* Properties and attributes that would change the text and are not drawn here, with the values that change nothing.
 */
static const struct {
    const char *name;
    const char *harmless[4];
} refusals[] = {
    { "stroke", { "none" } },
    { "text-decoration", { "none" } },
    { "text-decoration-line", { "none" } },
    { "text-transform", { "none" } },
    { "text-indent", { "0", "0px" } },
    { "text-orientation", { "mixed" } },
    { "text-shadow", { "none" } },
    { "text-overflow", { "clip" } },
    { "writing-mode", { "lr-tb", "lr", "horizontal-tb" } },
    { "unicode-bidi", { "normal" } },
    { "font", { "" } },
    { "font-variant", { "normal" } },
    { "font-variant-ligatures", { "normal" } },
    { "font-variant-caps", { "normal" } },
    { "font-variant-numeric", { "normal" } },
    { "font-variant-east-asian", { "normal" } },
    { "font-variant-position", { "normal" } },
    { "font-variant-alternates", { "normal" } },
    { "font-feature-settings", { "normal" } },
    { "font-variation-settings", { "normal" } },
    { "font-kerning", { "auto", "normal" } },
    { "font-size-adjust", { "none" } },
    { "font-stretch", { "normal", "100%" } },
    { "filter", { "none" } },
    { "clip-path", { "none" } },
    { "mask", { "none" } },
    { "mix-blend-mode", { "normal" } },
    { "isolation", { "auto" } },
    { "kerning", { "auto" } },
    { "textlength", { "" } },
    { "rotate", { "none", "0" } },
    { "baseline-shift", { "baseline", "0", "0px" } },
    { "dominant-baseline", { "auto", "alphabetic" } },
    { "alignment-baseline", { "auto", "baseline", "alphabetic" } },
    { "glyph-orientation-vertical", { "auto", "0", "0deg" } },
    { "glyph-orientation-horizontal", { "0", "0deg" } },
    { "word-spacing", { "normal", "0", "0px" } },
    { "inline-size", { "auto", "0" } },
    { "shape-subtract", { "none" } },
    { "shape-padding", { "0", "0px" } },
    { "shape-margin", { "0", "0px" } },
    { "transform-origin", { "0 0" } },
};

/* What changes nothing of a text, whatever its value is: a name, or with "*" all that begin so. Attributes of the
 * elements around it are among them. */
static const char *const indifferent[] = {
    "id",
    "class",
    "style",
    "x",
    "y",
    "dx",
    "dy",
    "width",
    "height",
    "viewbox",
    "preserveaspectratio",
    "version",
    "baseprofile",
    "zoomandpan",
    "contentscripttype",
    "contentstyletype",
    "href",
    "target",
    "rel",
    "download",
    "type",
    "tabindex",
    "role",
    "focusable",
    "data-*",
    "aria-*",
    "-inkscape-*",
    "inkscape-*",
    "sodipodi-*",
    "-webkit-*",
    "-moz-*",
    "-ms-*",
    "lengthadjust",
    "color-interpolation",
    "color-interpolation-filters",
    "color-rendering",
    "color-profile",
    "fill-rule",
    "clip-rule",
    "image-rendering",
    "shape-rendering",
    "text-rendering",
    "stroke-*",
    "marker",
    "marker-*",
    "paint-order",
    "solid-color",
    "solid-opacity",
    "stop-color",
    "stop-opacity",
    "flood-color",
    "flood-opacity",
    "lighting-color",
    "vector-effect",
    "pointer-events",
    "cursor",
    "enable-background",
    "overflow",
    "text-decoration-color",
    "text-decoration-style",
    "text-decoration-thickness",
    "user-select",
    "background",
};

_Static_assert(ARRAY_SIZE(refusals) <= 64 && ARRAY_SIZE(properties) <= 64, "each has its bit");

const char *style_refusal(const struct style *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        if (s->refused & (UINT64_C(1) << i))
            return refusals[i].name;
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
        if (s->unreadable & (UINT64_C(1) << i))
            return properties[i].name;
    return s->unknown[0] ? s->unknown : NULL;
}

static void note_refusal(struct style *s, size_t i, const char *value)
{
    s->refused |= UINT64_C(1) << i;
    for (size_t k = 0; k < ARRAY_SIZE(refusals[i].harmless) && refusals[i].harmless[k]; k++)
        if (word_is(value, refusals[i].harmless[k]))
            s->refused &= ~(UINT64_C(1) << i);
}

static const char *const text_elements[] = { "text", "tspan", NULL }, *const groups[] = { "svg", "g", "a", NULL };

static bool is_one_of(const xmlNode *node, const char *const *names)
{
    for (; *names; names++)
        if (svg_is(node, *names))
            return true;
    return false;
}

static bool matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? g_ascii_strncasecmp(pattern, name, n - 1) == 0
                                 : g_ascii_strcasecmp(pattern, name) == 0;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
        if (strcmp(properties[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        if (g_ascii_strcasecmp(refusals[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(indifferent); i++)
        if (matches(indifferent[i], name))
            return true;
    return false;
}

static void note_unknown(struct style *s, const char *name)
{
    if (!s->unknown[0])
        g_strlcpy(s->unknown, name, sizeof(s->unknown));
}

/* What may change the text in ways that nobody here knows of. */
static void note_unknowns(struct style *s, const xmlNode *node, const struct declarations *d)
{
    if (d->unreadable)
        note_unknown(s, "style");
    for (size_t i = 0; i < d->n; i++)
        if (!is_known(d->list[i].name))
            note_unknown(s, d->list[i].name);
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        bool moves = strcmp((const char *)a->name, "transform") == 0 && !svg_is(node, "tspan");

        if (!a->ns && !moves && strcmp((const char *)a->name, "lang") != 0 && !is_known((const char *)a->name))
            note_unknown(s, (const char *)a->name);
    }
}

/* style="" wins over the attribute. The caller frees. */
static char *value_of(const xmlNode *node, const struct declarations *d, const char *name)
{
    const char *value = declarations_find(d, name);
    CLEANUP(xml_text_cleanup)
    xmlChar *attribute = value ? NULL : svg_attribute(node, strcmp(name, "textlength") == 0 ? "textLength" : name);

    return value ? strdup(value) : attribute ? strdup((const char *)attribute) : NULL;
}

static void apply_property(struct style *s, size_t i, const xmlNode *node, const struct declarations *d)
{
    CLEANUP(free_cleanup) char *value = value_of(node, d, properties[i].name);

    if (!value || word_is(value, "inherit"))
        return;
    s->unreadable |= UINT64_C(1) << i;
    if (properties[i].set(s, value))
        s->unreadable &= ~(UINT64_C(1) << i);
}

static void apply_space(struct style *s, const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *space = xmlGetNsProp(node, (const xmlChar *)"space", XML_XML_NAMESPACE);

    if (space)
        s->blanks = strcmp((const char *)space, "preserve") == 0 ? BLANKS_SPACES : BLANKS_COLLAPSE;
}

static void apply_language(struct style *s, const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *plain = svg_attribute(node, "lang");
    CLEANUP(xml_text_cleanup) xmlChar *xml = xmlGetNsProp(node, (const xmlChar *)"lang", XML_XML_NAMESPACE);
    const xmlChar *lang = xml ? xml : plain;

    if (lang)
        g_strlcpy(s->language, (const char *)lang, sizeof(s->language));
}

/* Together they fade otherwise than one by one. */
static void check_group(struct style *s, const xmlNode *node, double before)
{
    if ((is_one_of(node, groups) || svg_is(node, "tspan")) && s->opacity != before)
        note_unknown(s, svg_is(node, "tspan") ? "opacity of a tspan" : "opacity of a group");
}

static void enter(struct style *s, const xmlNode *node, const struct declarations *d)
{
    double opacity = s->opacity;

    s->box[0] = '\0';
    s->upright = ANCHOR_START;
    apply_space(s, node);
    apply_language(s, node);
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        CLEANUP(free_cleanup) char *value = value_of(node, d, refusals[i].name);

        if (value)
            note_refusal(s, i, value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
        apply_property(s, i, node, d);
    if (s->follows_color)
        s->fill = s->color;
    if (is_one_of(node, text_elements) || is_one_of(node, groups))
        note_unknowns(s, node, d);
    check_group(s, node, opacity);
}

void style_enter(struct style *s, const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *css = svg_attribute(node, "style");
    CLEANUP(declarations_release) struct declarations d = { .n = 0 };

    if (declarations_read((const char *)css, &d) < 0)
        note_unknown(s, "style");
    enter(s, node, &d);
}

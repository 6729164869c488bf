#include "style.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <glib.h>

#include "svg.h"

void style_init(struct style *s)
{
    *s = (struct style){ .family = "sans-serif",
                         .size = 16,
                         .weight = 400,
                         .painted = true,
                         .opacity = 1,
                         .fill_opacity = 1,
                         .displayed = true,
                         .visible = true };
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

static bool set_fill(struct style *s, const char *value)
{
    s->painted = !word_is(value, "none");
    if (word_is(value, "currentColor"))
        value = "black";
    return !s->painted || colour_parse(value, &s->fill);
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
    s->displayed = s->displayed && !word_is(value, "none");
    return true;
}

static bool set_visibility(struct style *s, const char *value)
{
    s->visible = word_is(value, "visible");
    return true;
}

static bool set_box(struct style *s, const char *value)
{
    const char *id = strchr(value, '#');
    size_t n = id ? strcspn(++id, ")\"' ") : 0;

    if (!id || n == 0 || n >= sizeof(s->box) || strncasecmp(value + strspn(value, " "), "url(", 4) != 0)
        return false;
    memcpy(s->box, id, n);
    s->box[n] = '\0';
    return true;
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

/* Properties that would change the text and are not drawn here, with the values that change nothing. */
static const struct {
    const char *name;
    const char *harmless[4];
} refusals[] = {
    { "stroke", { "none" } },
    { "text-decoration", { "none" } },
    { "text-decoration-line", { "none" } },
    { "text-transform", { "none" } },
    { "writing-mode", { "lr-tb", "lr", "horizontal-tb" } },
    { "font-variant", { "normal" } },
    { "font", { "" } },
    { "filter", { "none" } },
    { "clip-path", { "none" } },
    { "mask", { "none" } },
    { "textLength", { "" } },
    { "rotate", { "" } },
    { "baseline-shift", { "baseline", "0" } },
    { "dominant-baseline", { "auto", "alphabetic" } },
    { "word-spacing", { "normal", "0", "0px" } },
    { "inline-size", { "auto" } },
    { "shape-subtract", { "none" } },
};

_Static_assert(ARRAY_SIZE(refusals) <= 8 * sizeof(unsigned), "each refusal has its bit");

const char *style_refusal(const struct style *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        if (s->refused & (1U << i))
            return refusals[i].name;
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
        if (s->unreadable & (1U << i))
            return properties[i].name;
    return NULL;
}

static void note_refusal(struct style *s, size_t i, const char *value)
{
    s->refused |= 1U << i;
    for (size_t k = 0; k < ARRAY_SIZE(refusals[i].harmless) && refusals[i].harmless[k]; k++)
        if (word_is(value, refusals[i].harmless[k]))
            s->refused &= ~(1U << i);
}

/* The value of a declaration "name: value" in CSS text, trimmed; NULL when there is none. The caller frees. */
static char *declared(const char *css, const char *name)
{
    CLEANUP(free_cleanup) char *found = NULL;

    while (css && *css) {
        size_t size = strcspn(css, ";"), key = strcspn(css, ":");
        const char *start = css + strspn(css, " \t\r\n");

        if (key < size && g_ascii_strncasecmp(start, name, strlen(name)) == 0 &&
            start[strlen(name) + strspn(start + strlen(name), " \t\r\n")] == ':') {
            free(found);
            found = strndup(css + key + 1, size - key - 1);
            if (found)
                g_strstrip(found);
        }
        css += size + (css[size] == ';');
    }
    return TAKE(found);
}

/* style="" wins over the attribute. */
static char *value_of(const xmlNode *node, const char *css, const char *name)
{
    char *value = declared(css, name);
    CLEANUP(xml_text_cleanup) xmlChar *attribute = value ? NULL : svg_attribute(node, name);

    return attribute ? strdup((const char *)attribute) : value;
}

static void apply_property(struct style *s, size_t i, const xmlNode *node, const char *css)
{
    CLEANUP(free_cleanup) char *value = value_of(node, css, properties[i].name);

    if (!value || word_is(value, "inherit"))
        return;
    s->unreadable |= 1U << i;
    if (properties[i].set(s, value))
        s->unreadable &= ~(1U << i);
}

static void apply_space(struct style *s, const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *space = xmlGetNsProp(node, (const xmlChar *)"space", XML_XML_NAMESPACE);

    if (space)
        s->blanks = strcmp((const char *)space, "preserve") == 0 ? BLANKS_SPACES : BLANKS_COLLAPSE;
}

void style_enter(struct style *s, const xmlNode *node)
{
    CLEANUP(xml_text_cleanup) xmlChar *css = svg_attribute(node, "style");

    s->box[0] = '\0';
    s->upright = ANCHOR_START;
    apply_space(s, node);
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        CLEANUP(free_cleanup) char *value = value_of(node, (const char *)css, refusals[i].name);

        if (value)
            note_refusal(s, i, value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
        apply_property(s, i, node, (const char *)css);
}

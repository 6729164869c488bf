#include "css.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/cleanup.h>

bool css_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == CSS_COMMENT;
}

bool css_is_name(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

/* --- plain text --- */

/* An escape behind its backslash at AT; returns what is behind it. */
static const char *resolve_escape(const char *at, const char *end, GString *to)
{
    gunichar c = 0;
    int n = 0;

    for (; n < 6 && at < end && g_ascii_isxdigit(*at); n++)
        c = c * 16 + (gunichar)g_ascii_xdigit_value(*at++);
    if (n > 0) {
        g_string_append_unichar(to, g_unichar_validate(c) && c != 0 ? c : 0xfffd);
        return at < end && css_is_blank(*at) ? at + 1 : at;
    }
    if (at < end && *at != '\n')
        g_string_append_c(to, *at);
    return at < end ? at + 1 : at;
}

char *css_plain(const char *text, size_t size)
{
    const char *end = text + size;
    GString *to = g_string_sized_new(size);

    for (const char *at = text; at < end;) {
        const char *close =
            end - at > 1 && at[0] == '/' && at[1] == '*' ? memmem(at + 2, (size_t)(end - at) - 2, "*/", 2) : at;

        if (close != at) {
            g_string_append_c(to, CSS_COMMENT);
            at = close ? close + 2 : end;
        } else if (*at == '\\') {
            at = resolve_escape(at + 1, end, to);
        } else {
            g_string_append_c(to, *at++);
        }
    }
    g_string_ascii_down(to);
    return g_string_free(to, FALSE);
}

/* --- what would be loaded --- */

/* Functions that load nothing. */
static const char *const functions[] = {
    "rgb",
    "rgba",
    "hsl",
    "hsla",
    "calc",
    "min",
    "max",
    "clamp",
    "not",
    "is",
    "where",
    "has",
    "lang",
    "dir",
    "and",
    "or",
    "nth-child",
    "nth-of-type",
    "nth-last-child",
    "translate",
    "translatex",
    "translatey",
    "scale",
    "rotate",
    "skew",
    "matrix",
    "linear-gradient",
    "radial-gradient",
    "cubic-bezier",
    "rect",
    "inset",
    "var",
};
static const char *const at_rules[] = { "media",   "supports", "font-face",    "keyframes", "-webkit-keyframes",
                                        "charset", "page",     "-ms-viewport", "viewport" };
static const char *const within[] = { "image/png;", "image/jpeg;", "image/gif;", "image/webp;",
                                      "font/woff",  "font/ttf",    "font/otf" };

static bool word_in(const char *const *words, size_t n, const char *at, size_t size)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i]) == size && strncmp(words[i], at, size) == 0)
            return true;
    return false;
}

/* What stands behind "url(" is within the mail. */
static bool is_within(const char *at)
{
    at += strspn(at, " \t\r\n\"'");
    if (strncmp(at, "data:", 5) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(within); i++)
        if (strncmp(at + 5, within[i], strlen(within[i])) == 0)
            return true;
    return false;
}

static const char *function_loads(const char *plain, const char *parenthesis)
{
    const char *name = parenthesis;

    while (name > plain && css_is_name(name[-1]))
        name--;
    if (name == parenthesis || word_in(functions, ARRAY_SIZE(functions), name, (size_t)(parenthesis - name)))
        return NULL;
    if (parenthesis - name == 3 && strncmp(name, "url", 3) == 0)
        return is_within(parenthesis + 1) ? NULL
                                          : "url() would load something; a mail brings all that it shows (data:)";
    return "this function of a style could load or run something; a mail brings all that it shows";
}

static const char *rule_loads(const char *at)
{
    size_t size = 0;

    while (css_is_name(at[size]))
        size++;
    if (word_in(at_rules, ARRAY_SIZE(at_rules), at, size))
        return NULL;
    return "this @rule could load something; a mail brings all that it shows";
}

const char *css_loads(const char *plain)
{
    const char *why = NULL;

    for (const char *at = plain; *at && !why; at++) {
        if (*at == '(')
            why = function_loads(plain, at);
        else if (*at == '@')
            why = rule_loads(at + 1);
        else if ((at == plain || !css_is_name(at[-1])) &&
                 (strncmp(at, "behavior", 8) == 0 || strncmp(at, "-moz-binding", 12) == 0))
            why = "this property of a style runs something; a mail runs no scripts";
    }
    return why;
}

/* --- what is hidden --- */

static const double small_size = 4, tiny_alpha = 0.2, far_away = -50, too_tight = -2;

/* A length in pixels, or a number. False when the text begins with none. */
static bool measure(const char *value, double *ret)
{
    const char *at = value;

    if (!number_parse(&at, ret))
        return false;
    if (strncmp(at, "em", 2) == 0 || strncmp(at, "rem", 3) == 0)
        *ret *= 16;
    else if (strncmp(at, "%", 1) == 0)
        *ret *= 16 / 100.0;
    else if (strncmp(at, "in", 2) == 0)
        *ret *= 96;
    return true;
}

static bool is_word(const char *value, const char *word)
{
    return strncmp(value, word, strlen(word)) == 0 && !css_is_name(value[strlen(word)]);
}

static bool is_none(const char *value)
{
    return is_word(value, "none") || is_word(value, "hidden") || is_word(value, "collapse") || is_word(value, "all");
}

static bool is_small(const char *value)
{
    double d;

    return measure(value, &d) && d < small_size;
}

static bool is_zero(const char *value)
{
    double d;

    return measure(value, &d) && d <= 0;
}

static bool is_below(const char *value)
{
    double d;

    return measure(value, &d) && d < 0;
}

static bool is_faint(const char *value)
{
    double d;

    return number_parse(&value, &d) && (*value == '%' ? d / 100 : d) < tiny_alpha;
}

static bool is_far(const char *value)
{
    double d;

    for (; *value; value++)
        if (*value == '-' && measure(value, &d) && d < far_away)
            return true;
    return false;
}

/* Letters that lie over each other. */
static bool is_tight(const char *value)
{
    double d;

    return measure(value, &d) && d < too_tight;
}

static bool is_present(const char *value)
{
    return !is_word(value, "none") && !is_word(value, "auto");
}

/* The size in "bold 12px/1.5 Arial": the first part with a unit, or a bare 0. */
static bool is_small_font(const char *value)
{
    for (const char *at = value; *at; at++) {
        const char *digits = at;
        double d;

        if ((at > value && !css_is_blank(at[-1])) || !number_parse(&digits, &d))
            continue;
        if (d == 0 || (*digits && !css_is_blank(*digits)))
            return is_small(at);
    }
    return false;
}

static const struct {
    const char *property;
    bool (*hides)(const char *value);
} hiding[] = {
    { "display", is_none },
    { "visibility", is_none },
    { "content-visibility", is_none },
    { "mso-hide", is_none },
    { "opacity", is_faint },
    { "font-size", is_small },
    { "font", is_small_font },
    { "height", is_zero },
    { "max-height", is_zero },
    { "width", is_zero },
    { "max-width", is_zero },
    { "line-height", is_zero },
    { "zoom", is_zero },
    { "text-indent", is_far },
    { "left", is_far },
    { "right", is_far },
    { "top", is_far },
    { "bottom", is_far },
    { "margin", is_far },
    { "margin-left", is_far },
    { "margin-right", is_far },
    { "margin-top", is_far },
    { "letter-spacing", is_tight },
    { "z-index", is_below },
    { "clip", is_present },
    { "clip-path", is_present },
    { "mask", is_present },
    { "filter", is_present },
    { "transform", is_present },
    { "animation", is_present },
    { "-webkit-text-security", is_present },
    { "-webkit-text-fill-color", is_present },
};

/* The colour that a value begins with, or names alone: "#fff", "red", "rgb(1,2,3)". */
static bool read_colour(const char *value, struct colour *ret)
{
    size_t size = strncmp(value, "rgb(", 4) == 0 ? strcspn(value, ")") + 1 : strcspn(value, " \t\r\n\1!;");
    g_autofree char *word = g_strndup(value, size);

    return colour_parse(word, ret);
}

static void set_ink(struct css_look *look, const char *value)
{
    /* Of rgba() and hsla() only what is all transparent matters. */
    const char *alpha =
        strncmp(value, "rgba(", 5) == 0 || strncmp(value, "hsla(", 5) == 0 ? strrchr(value, ',') : NULL;

    if (is_word(value, "inherit"))
        return;
    look->hidden |= is_word(value, "transparent") || (alpha && is_faint(alpha + 1));
    look->has_ink = read_colour(value, &look->ink);
}

static void set_ground(struct css_look *look, const char *value)
{
    if (is_word(value, "transparent") || is_word(value, "inherit") || is_word(value, "none"))
        return;
    look->has_ground = read_colour(value, &look->ground);
}

static void apply_one(struct css_look *look, const char *property, const char *value)
{
    if (strcmp(property, "color") == 0)
        set_ink(look, value);
    else if (strcmp(property, "background") == 0 || strcmp(property, "background-color") == 0)
        set_ground(look, value);
    for (size_t i = 0; i < ARRAY_SIZE(hiding); i++)
        if (strcmp(hiding[i].property, property) == 0)
            look->hidden |= hiding[i].hides(value);
}

char *css_trim(char *text)
{
    size_t n;

    while (css_is_blank(*text))
        text++;
    for (n = strlen(text); n > 0 && css_is_blank(text[n - 1]);)
        n--;
    text[n] = '\0';
    return text;
}

void css_apply(struct css_look *look, const char *declarations)
{
    g_auto(GStrv) all = g_strsplit(declarations, ";", -1);

    for (char **one = all; *one; one++) {
        char *colon = strchr(*one, ':');

        if (!colon)
            continue;
        *colon = '\0';
        apply_one(look, css_trim(*one), css_trim(colon + 1));
    }
}

bool css_is_unseen(const struct css_look *look)
{
    const double near = 0.2;

    if (look->hidden)
        return true;
    return look->has_ink && look->has_ground && fabs(look->ink.red - look->ground.red) < near &&
           fabs(look->ink.green - look->ground.green) < near && fabs(look->ink.blue - look->ground.blue) < near;
}

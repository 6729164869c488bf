#include "attribute.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include <glib.h>
#include <pango/pango.h>

#include <pindispatch/cleanup.h>

#define BLANKS " \t\r\n"

static const double number_most = 1e6;

bool number_parse(const char **at, double *ret)
{
    const char *start = *at + strspn(*at, BLANKS);
    const char *digits = start + (*start == '+' || *start == '-');
    char *end;
    double d;

    /* g_ascii_strtod() also takes "inf", "nan" and hexadecimal. */
    if (!g_ascii_isdigit(*digits) && !(*digits == '.' && g_ascii_isdigit(digits[1])))
        return false;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        return false;
    d = g_ascii_strtod(start, &end);
    if (!isfinite(d) || fabs(d) > number_most)
        return false;
    *ret = d;
    *at = end;
    return true;
}

/* CSS fixes the inch to 96 user units. */
static const struct {
    const char *name;
    double units;
} units[] = {
    { "", 1 }, { "px", 1 }, { "pt", 96 / 72.0 }, { "pc", 16 }, { "in", 96 }, { "mm", 96 / 25.4 }, { "cm", 96 / 2.54 },
};

bool length_parse(const char *text, double em, double *ret)
{
    double d;

    if (!number_parse(&text, &d))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (word_is(text, units[i].name)) {
            *ret = d * units[i].units;
            return true;
        }
    if (em <= 0 || (!word_is(text, "em") && !word_is(text, "%")))
        return false;
    *ret = d * em / (word_is(text, "%") ? 100 : 1);
    return true;
}

bool word_is(const char *text, const char *word)
{
    size_t n = strlen(word);

    text += strspn(text, BLANKS);
    if (strncasecmp(text, word, n) != 0)
        return false;
    text += n;
    return text[strspn(text, BLANKS)] == '\0';
}

/* "rgb(12, 34, 56)" or with per cent. */
static bool rgb_parse(const char *at, struct colour *ret)
{
    double parts[3];

    for (int i = 0; i < 3; i++) {
        if (!number_parse(&at, &parts[i]))
            return false;
        parts[i] = *at == '%' ? parts[i] / 100 : parts[i] / 255;
        at += *at == '%';
        at += strspn(at, BLANKS);
        if (*at++ != (i < 2 ? ',' : ')'))
            return false;
        parts[i] = CLAMP(parts[i], 0, 1);
    }
    *ret = (struct colour){ parts[0], parts[1], parts[2] };
    return true;
}

bool colour_parse(const char *text, struct colour *ret)
{
    PangoColor c;
    char word[64];

    text += strspn(text, BLANKS);
    if (strncasecmp(text, "rgb(", 4) == 0)
        return rgb_parse(text + 4, ret);
    g_strlcpy(word, text, sizeof(word));
    g_strchomp(word);
    if (!pango_color_parse(&c, word))
        return false;
    *ret = (struct colour){ c.red / 65535.0, c.green / 65535.0, c.blue / 65535.0 };
    return true;
}

static void rotation(cairo_matrix_t *m, const double *v, int n)
{
    if (n == 3)
        cairo_matrix_translate(m, v[1], v[2]);
    cairo_matrix_rotate(m, v[0] * G_PI / 180);
    if (n == 3)
        cairo_matrix_translate(m, -v[1], -v[2]);
}

static void multiply(cairo_matrix_t *m, const double *v)
{
    cairo_matrix_t t;

    cairo_matrix_init(&t, v[0], v[1], v[2], v[3], v[4], v[5]);
    cairo_matrix_multiply(m, &t, m);
}

static bool apply(cairo_matrix_t *m, const char *name, size_t size, const double *v, int n)
{
#define NAMED(text) (size == sizeof(text) - 1 && memcmp(name, text, size) == 0)
    if (NAMED("matrix") && n == 6)
        multiply(m, v);
    else if (NAMED("translate") && (n == 1 || n == 2))
        cairo_matrix_translate(m, v[0], n == 2 ? v[1] : 0);
    else if (NAMED("scale") && (n == 1 || n == 2))
        cairo_matrix_scale(m, v[0], n == 2 ? v[1] : v[0]);
    else if (NAMED("rotate") && (n == 1 || n == 3))
        rotation(m, v, n);
    else if (NAMED("skewX") && n == 1)
        multiply(m, (double[]){ 1, 0, tan(v[0] * G_PI / 180), 1, 0, 0 });
    else if (NAMED("skewY") && n == 1)
        multiply(m, (double[]){ 1, tan(v[0] * G_PI / 180), 0, 1, 0, 0 });
    else
        return false;
    return true;
#undef NAMED
}

/* The numbers between parentheses; -1 when they are none. */
static int arguments(const char **at, double v[6])
{
    int n = 0;

    if (**at != '(')
        return -1;
    ++*at;
    while (n < 6 && number_parse(at, &v[n])) {
        n++;
        *at += strspn(*at, BLANKS ",");
    }
    *at += strspn(*at, BLANKS);
    return *(*at)++ == ')' ? n : -1;
}

bool transform_parse(const char *text, cairo_matrix_t *m)
{
    cairo_matrix_t result = *m;

    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS ",")) {
        const char *name = text;
        size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzXY");
        double v[6];
        int n;

        text += size;
        text += strspn(text, BLANKS);
        n = arguments(&text, v);
        if (n < 0 || !apply(&result, name, size, v, n))
            return false;
    }
    *m = result;
    return true;
}

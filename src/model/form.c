#include "form.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <pindispatch/event.h>

enum {
    EMAIL_MOST = 254, /* RFC 5321 section 4.5.3.1.3, without the angle brackets */
    LOCAL_MOST = 64,  /* section 4.5.3.1.1 */
    LABEL_MOST = 63,
    ATTRIBUTE_MOST = 20,
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *these)
{
    return is_letter(c) || is_digit(c) || (c && strchr(these, c));
}

static uint32_t next_code_point(const unsigned char **at)
{
    const unsigned char *p = *at;

    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *at += 2;
        return (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    }
    if (p[0] < 0xf0) {
        *at += 3;
        return (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    }
    *at += 4;
    return (p[0] & 0x07U) << 18 | (p[1] & 0x3fU) << 12 | (p[2] & 0x3fU) << 6 | (p[3] & 0x3fU);
}

/* Joiners and direction marks (U+200C to U+200F) are not in it: names need them. */
static bool is_forbidden(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00, 0x1f },     { 0x7f, 0x9f },     /* C0, DEL, C1 */
        { 0x2028, 0x202e },                     /* line and paragraph separator, embeddings, overrides */
        { 0x2066, 0x2069 },                     /* isolates */
        { 0xfdd0, 0xfdef },                     /* noncharacters */
        { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, /* byte order mark, interlinear annotation */
    };

    if (c >= 0x20 && c < 0x7f)
        return false;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return (c & 0xfffe) == 0xfffe; /* the last two of each plane are noncharacters too */
}

bool form_is_clean(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    bool seen = false;

    while (*at) {
        uint32_t c = next_code_point(&at);

        if (is_forbidden(c))
            return false;
        seen |= c != ' ' && c != 0xa0;
    }
    return seen;
}

bool form_is_uri(const char *text)
{
    for (; *text; text++) {
        if (text[0] == '%' && is_hex(text[1]) && is_hex(text[2]))
            text += 2;
        else if (!is_one_of(text[0], "-._~:/?#[]@!$&'()*+,;="))
            return false;
    }
    return true;
}

bool form_is_json(const char *text)
{
    static const char json[] = "application/json";

    if (strncasecmp(text, json, strlen(json)) != 0)
        return false;
    text += strlen(json);
    text += strspn(text, " ");
    return *text == '\0' || (*text == ';' && form_is_clean(text));
}

bool form_is_locale(const char *text)
{
    size_t n = 0;

    while (is_letter(text[n]))
        n++;
    if (n < 2 || n > 8)
        return false;
    for (text += n; *text == '-'; text += n) {
        text++;
        for (n = 0; is_one_of(text[n], "");)
            n++;
        if (n < 1 || n > 8)
            return false;
    }
    return *text == '\0';
}

bool form_is_secret(const char *text)
{
    for (; *text; text++)
        if (*text < 0x21 || *text > 0x7e)
            return false;
    return true;
}

bool form_is_compact(const char *text)
{
    while (is_one_of(*text, "-_."))
        text++;
    return *text == '\0';
}

bool form_is_certificate(const char *text)
{
    while (is_one_of(*text, "+/=- \t\r\n"))
        text++;
    return *text == '\0';
}

bool form_is_attribute(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

    return n >= 1 && n <= ATTRIBUTE_MOST && text[n] == '\0';
}

bool form_is_deep(const char *json, size_t size, unsigned most)
{
    bool in_string = false;
    unsigned depth = 0;

    for (size_t i = 0; i < size; i++) {
        char c = json[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > most)
            return true;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

/* Where the run of letters, digits and EXTRA ends; NULL when it is empty or longer than MOST. */
static const char *skip_run(const char *at, const char *extra, ptrdiff_t most)
{
    const char *begin = at;

    while (is_one_of(*at, extra))
        at++;
    return at > begin && at - begin <= most ? at : NULL;
}

/* RFC 5322 section 3.2.3: atoms with single dots between them. */
static const char *skip_local_part(const char *at)
{
    const char *begin = at;

    while ((at = skip_run(at, "!#$%&'*+-/=?^_`{|}~", LOCAL_MOST)) && *at == '.')
        at++;
    return at && at - begin <= LOCAL_MOST ? at : NULL;
}

/* RFC 5321 section 4.1.2: labels of letters, digits and inner hyphens. */
static const char *skip_domain(const char *at)
{
    for (;; at++) {
        const char *begin = at;

        at = skip_run(at, "-", LABEL_MOST);
        if (!at || *begin == '-' || at[-1] == '-')
            return NULL;
        if (*at != '.')
            return at;
    }
}

bool email_is_safe(const char *address)
{
    const char *at;

    if (strnlen(address, EMAIL_MOST + 1) > EMAIL_MOST)
        return false;
    at = skip_local_part(address);
    if (at && *at == '@')
        at = skip_domain(at + 1);
    else
        at = NULL;
    return at && *at == '\0';
}

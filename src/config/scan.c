#include "scan.h"

#include <string.h>
#include <strings.h>

void scan_begin(struct scan *s, const char *text, size_t size)
{
    *s = (struct scan){ .at = text, .end = text + size, .line_begin = text, .line = 1 };
}

bool token_is(const struct token *t, const char *text)
{
    return (size_t)(t->end - t->begin) == strlen(text) && strncmp(t->begin, text, strlen(text)) == 0;
}

static bool is_flag(const struct token *t)
{
    size_t n = (size_t)(t->end - t->begin);

    return (n == 4 && strncasecmp(t->begin, "true", n) == 0) || (n == 5 && strncasecmp(t->begin, "false", n) == 0);
}

bool token_is_value(const struct token *t)
{
    switch (t->kind) {
    case TOKEN_STRING:
    case TOKEN_OPEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_OPEN:
        return true;
    case TOKEN_NAME:
        return is_flag(t);
    default:
        return false;
    }
}

/* Letters as libconfig's grammar has them, whatever the locale. */
static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static char peek(const struct scan *s, size_t ahead)
{
    return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : '\0';
}

static bool at_text(const struct scan *s, const char *text)
{
    return (size_t)(s->end - s->at) >= strlen(text) && memcmp(s->at, text, strlen(text)) == 0;
}

/* Moves on by one byte and counts lines. */
static void step(struct scan *s)
{
    if (*s->at++ == '\n') {
        s->line++;
        s->line_begin = s->at;
    }
}

/* Each returns whether the comment ended as it should. */

static bool skip_block(struct scan *s)
{
    s->at += 2;
    while (s->at < s->end && !at_text(s, "*/"))
        step(s);
    if (s->at == s->end)
        return false;
    s->at += 2;
    return true;
}

static bool skip_line(struct scan *s)
{
    const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at));

    s->at = newline ? newline : s->end;
    return newline != NULL;
}

/* What lies between tokens. False: the file ended within it, KIND says in what. */
static bool skip_layout(struct scan *s, struct token *t)
{
    while (s->at < s->end) {
        t->line = s->line;
        t->begin = s->at;
        if (at_text(s, "/*")) {
            t->kind = TOKEN_OPEN_COMMENT;
            if (!skip_block(s))
                return false;
        } else if (*s->at == '#' || at_text(s, "//")) {
            t->kind = TOKEN_OPEN_LINE;
            if (!skip_line(s))
                return false;
        } else if (*s->at && strchr(" \t\r\n\f", *s->at)) {
            step(s);
        } else {
            return true;
        }
    }
    return true;
}

static enum token_kind take_name(struct scan *s)
{
    while (is_letter(peek(s, 0)) || is_digit(peek(s, 0)) || peek(s, 0) == '-' || peek(s, 0) == '_')
        s->at++;
    return TOKEN_NAME;
}

/* Any byte may follow a backslash. */
static enum token_kind take_string(struct scan *s)
{
    s->at++;
    while (s->at < s->end && *s->at != '"' && *s->at != '\n')
        s->at += *s->at == '\\' && peek(s, 1) && peek(s, 1) != '\n' ? 2 : 1;
    if (peek(s, 0) != '"')
        return TOKEN_OPEN_STRING;
    s->at++;
    return TOKEN_STRING;
}

static void take_digits(struct scan *s)
{
    while (is_digit(peek(s, 0)))
        s->at++;
}

static void take_long_mark(struct scan *s)
{
    if (peek(s, 0) == 'L')
        s->at += peek(s, 1) == 'L' ? 2 : 1;
}

/* "e5", "E-5": where there is one, the number is a float. */
static bool take_exponent(struct scan *s)
{
    size_t sign = peek(s, 1) == '-' || peek(s, 1) == '+';

    if ((peek(s, 0) != 'e' && peek(s, 0) != 'E') || !is_digit(peek(s, 1 + sign)))
        return false;
    s->at += 1 + sign;
    take_digits(s);
    return true;
}

static enum token_kind take_number(struct scan *s)
{
    const char *begin = s->at;
    bool fraction;

    if (peek(s, 0) == '0' && (peek(s, 1) == 'x' || peek(s, 1) == 'X') && is_hex(peek(s, 2))) {
        for (s->at += 2; is_hex(peek(s, 0));)
            s->at++;
        take_long_mark(s);
        return TOKEN_INTEGER;
    }
    s->at += *s->at == '-' || *s->at == '+';
    take_digits(s);
    fraction = peek(s, 0) == '.';
    if (fraction) {
        s->at++;
        take_digits(s);
    }
    if (s->at == begin + 1 && !is_digit(*begin) && *begin != '.')
        return TOKEN_OTHER; /* a sign alone */
    if (take_exponent(s) || fraction)
        return TOKEN_FLOAT;
    take_long_mark(s);
    return TOKEN_INTEGER;
}

/* libconfig takes the directive only where nothing but blanks is before it on its line. */
static bool is_include(const struct scan *s)
{
    size_t blanks;

    for (const char *c = s->line_begin; c < s->at; c++) {
        if (*c != ' ' && *c != '\t')
            return false;
    }
    if (!at_text(s, "@include"))
        return false;
    blanks = strlen("@include");
    while (peek(s, blanks) == ' ' || peek(s, blanks) == '\t')
        blanks++;
    return blanks > strlen("@include") && peek(s, blanks) == '"';
}

static enum token_kind take_include(struct scan *s, struct token *t)
{
    while (*s->at != '"')
        s->at++;
    t->begin = s->at;
    return take_string(s) == TOKEN_STRING ? TOKEN_INCLUDE : TOKEN_OPEN_STRING;
}

static enum token_kind take_mark(struct scan *s)
{
    switch (*s->at++) {
    case '=':
    case ':':
        return TOKEN_EQUALS;
    case ';':
    case ',':
        return TOKEN_SEPARATOR;
    case '{':
    case '[':
    case '(':
        return TOKEN_OPEN;
    case '}':
    case ']':
    case ')':
        return TOKEN_CLOSE;
    default:
        return TOKEN_OTHER;
    }
}

void scan_next(struct scan *s, struct token *t)
{
    bool whole = skip_layout(s, t);

    if (whole) {
        t->line = s->line;
        t->begin = s->at;
        if (s->at == s->end)
            t->kind = TOKEN_END;
        else if (is_include(s))
            t->kind = take_include(s, t);
        else if (is_letter(*s->at))
            t->kind = take_name(s);
        else if (*s->at == '"')
            t->kind = take_string(s);
        else if (is_digit(*s->at) || (*s->at && strchr("+-.", *s->at)))
            t->kind = take_number(s);
        else
            t->kind = take_mark(s);
    }
    t->end = s->at;
}

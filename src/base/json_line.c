/* Own code, because jansson writes only trees: to build one of ten members takes five times as long as this. */
#include <pindispatch/json_line.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add(struct json_line *l, const void *bytes, size_t size)
{
    if (l->error == 0)
        l->error = buffer_add(l->buffer, bytes, size);
}

/* Bytes of the UTF-8 character at AT (RFC 3629); 0: it is none. */
static size_t character(const unsigned char *at)
{
    size_t n = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return n;
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* The one at AT, which is not plain. Returns how many bytes it was. */
static size_t add_special(struct json_line *l, const unsigned char *at)
{
    size_t n = character(at);
    char escape[8];

    if (n == 0) {
        add(l, "\xef\xbf\xbd", 3);
        return 1;
    }
    if (n > 1 || *at == 0x7f) {
        add(l, at, n);
        return n;
    }
    if (*at == '"' || *at == '\\')
        snprintf(escape, sizeof(escape), "\\%c", *at);
    else
        snprintf(escape, sizeof(escape), "\\u%04x", *at);
    add(l, escape, strlen(escape));
    return 1;
}

static void add_string(struct json_line *l, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    add(l, "\"", 1);
    while (*at) {
        size_t n = 0;

        while (is_plain(at[n]))
            n++;
        add(l, at, n);
        at += n;
        if (*at)
            at += add_special(l, at);
    }
    add(l, "\"", 1);
}

static void begin_value(struct json_line *l, const char *key)
{
    if (l->follows)
        add(l, ",", 1);
    l->follows = true;
    if (!key)
        return;
    add(l, "\"", 1);
    add(l, key, strlen(key));
    add(l, "\":", 2);
}

void json_line_begin(struct json_line *l, struct buffer *b)
{
    *l = (struct json_line){ .buffer = b, .before = buffer_size(b) };
    json_line_open(l, NULL, '{');
}

void json_line_text(struct json_line *l, const char *key, const char *text)
{
    if (!text)
        return;
    begin_value(l, key);
    add_string(l, text);
}

void json_line_number(struct json_line *l, const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, number);
    json_line_value(l, key, text);
}

void json_line_flag(struct json_line *l, const char *key, bool flag)
{
    json_line_value(l, key, flag ? "true" : "false");
}

void json_line_value(struct json_line *l, const char *key, const char *json)
{
    if (!json)
        return;
    begin_value(l, key);
    add(l, json, strlen(json));
}

void json_line_open(struct json_line *l, const char *key, char bracket)
{
    begin_value(l, key);
    add(l, &bracket, 1);
    l->follows = false;
}

void json_line_close(struct json_line *l, char bracket)
{
    add(l, &bracket, 1);
    l->follows = true;
}

int json_line_end(struct json_line *l)
{
    json_line_close(l, '}');
    add(l, "\n", 1);
    /* Half a line must not stay. */
    if (l->error < 0)
        buffer_cut(l->buffer, l->before);
    return l->error;
}

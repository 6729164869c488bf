#include "rejoin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Of a tag itself, and with the markup in it: also what bounds the time that a hostile file takes. */
enum { TAG_MOST = 512, STRETCH_MOST = 16 * 1024 };

static bool starts(const char *at, const char *end, const char *word)
{
    size_t n = strlen(word);

    return (size_t)(end - at) >= n && memcmp(at, word, n) == 0;
}

static const char *skip_past(const char *at, const char *end, const char *word)
{
    const char *found = memmem(at, (size_t)(end - at), word, strlen(word));

    return found ? found + strlen(word) : end;
}

/* Behind the markup that begins at AT; a ">" within quotes is none. */
static const char *skip_markup(const char *at, const char *end)
{
    char quote = '\0';

    if (starts(at, end, "<!--"))
        return skip_past(at, end, "-->");
    if (starts(at, end, "<![CDATA["))
        return skip_past(at, end, "]]>");
    for (; at < end; at++) {
        if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else if (*at == '>')
            return at + 1;
    }
    return end;
}

static bool is_span(const char *at, const char *end)
{
    return starts(at, end, "</tspan>") || starts(at, end, "<tspan>") || starts(at, end, "<tspan ") ||
           starts(at, end, "<tspan\n") || starts(at, end, "<tspan\r") || starts(at, end, "<tspan\t");
}

struct joined {
    char text[TAG_MOST]; /* the tag's own bytes */
    size_t n;
    const char *next; /* behind the tag */
};

/* Reads "{{…}}" from AT with the tspans within it left out. False: there is no whole tag here. */
static bool read_tag(const char *at, const char *end, struct joined *j)
{
    j->n = 0;
    if (end - at > STRETCH_MOST)
        end = at + STRETCH_MOST;
    while (at < end && j->n < TAG_MOST) {
        if (*at == '<') {
            if (!is_span(at, end))
                return false;
            at = skip_markup(at, end);
            continue;
        }
        j->text[j->n++] = *at++;
        if (j->n <= 2 && j->text[j->n - 1] != '{')
            return false;
        if (j->n > 3 && j->text[j->n - 1] == '}' && j->text[j->n - 2] == '}') {
            j->next = at;
            return true;
        }
    }
    return false;
}

/* The tag's text first, then the markup that was within it: the elements begin and end in the same order as before.
 */
static char *write_tag(const char *at, const struct joined *j, char *to)
{
    memcpy(to, j->text, j->n);
    to += j->n;
    while (at < j->next) {
        const char *after = *at == '<' ? skip_markup(at, j->next) : at + 1;

        if (*at == '<') {
            memcpy(to, at, (size_t)(after - at));
            to += after - at;
        }
        at = after;
    }
    return to;
}

char *rejoin_tags(const char *svg, size_t size)
{
    const char *at = svg, *end = svg + size;
    char *copy = malloc(size + 1), *to = copy;

    while (copy && at < end) {
        struct joined j;
        const char *after = *at == '<' ? skip_markup(at, end) : at + 1;

        if (*at == '{' && read_tag(at, end, &j)) {
            to = write_tag(at, &j, to);
            at = j.next;
            continue;
        }
        memcpy(to, at, (size_t)(after - at));
        to += after - at;
        at = after;
    }
    if (copy)
        *to = '\0';
    return copy;
}

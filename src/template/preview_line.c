#include "preview_line.h"

#include <string.h>
#include <strings.h>

struct count {
    size_t signs;
    bool blank; /* the last sign was one, or none was yet */
};

static void take(struct count *c, char sign)
{
    const bool blank = strchr(" \t\r\n", sign) != NULL;

    if ((unsigned char)sign >> 6 == 2) /* within a character */
        return;
    c->signs += !blank || !c->blank;
    c->blank = blank;
}

static const char *find(const char *at, const char *end, const char *word)
{
    const size_t size = strlen(word);

    for (; (size_t)(end - at) >= size; at++)
        if (strncasecmp(at, word, size) == 0)
            return at;
    return end;
}

/* Behind a tag, or behind all of an element that is not shown. */
static const char *skip_tag(const char *at, const char *end)
{
    if (strncmp(at, "<!--", 4) == 0)
        at = find(at, end, "-->");
    else if (strncasecmp(at, "<head", 5) == 0 && strncasecmp(at, "<header", 7) != 0)
        at = find(at, end, "</head");
    else if (strncasecmp(at, "<style", 6) == 0)
        at = find(at, end, "</style");
    at = at < end ? memchr(at, '>', (size_t)(end - at)) : NULL;
    return at ? at + 1 : end;
}

size_t preview_line_signs(const char *text, size_t size, bool is_html)
{
    const char *end = text + size, *semicolon;
    struct count c = { .blank = true };

    for (const char *at = text; at < end;) {
        if (is_html && *at == '<') {
            at = skip_tag(at, end);
        } else if (is_html && *at == '&' && (semicolon = memchr(at, ';', (size_t)(end - at))) != NULL) {
            take(&c, '&');
            at = semicolon + 1;
        } else {
            take(&c, *at++);
        }
    }
    return c.signs;
}

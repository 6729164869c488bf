#include "declarations.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include <pindispatch/cleanup.h>

/* A comment stands for a blank, but within quotes. */
static bool drop_comments(char *css)
{
    char quote = '\0';

    for (char *at = css; *at; at++) {
        if (quote) {
            quote = *at == quote ? '\0' : quote;
        } else if (*at == '"' || *at == '\'') {
            quote = *at;
        } else if (at[0] == '/' && at[1] == '*') {
            char *end = strstr(at + 2, "*/");

            if (!end)
                return false;
            memset(at, ' ', (size_t)(end + 2 - at));
        }
    }
    return !quote;
}

/* The end of a declaration: the next ";" outside of quotes and parentheses. */
static char *find_end(char *at)
{
    char quote = '\0';
    int depth = 0;

    for (; *at && (quote || depth > 0 || *at != ';'); at++) {
        if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else
            depth += (*at == '(') - (*at == ')');
    }
    return at;
}

/* Cuts "!important" off. */
static bool take_important(char *value)
{
    char *mark = strrchr(value, '!');

    if (!mark || g_ascii_strcasecmp(g_strstrip(mark + 1), "important") != 0)
        return false;
    *mark = '\0';
    g_strchomp(value);
    return true;
}

static void add(struct declarations *d, char *text)
{
    char *value;

    g_strstrip(text);
    value = strchr(text, ':');
    if (text[0] == '\0')
        return;
    if (!value || d->n == DECLARATIONS_MOST) {
        d->unreadable = true;
        return;
    }
    *value++ = '\0';
    g_strchomp(text);
    for (char *c = text; *c; c++)
        *c = g_ascii_tolower(*c);
    g_strstrip(value);
    d->list[d->n].important = take_important(value);
    d->list[d->n].name = text;
    d->list[d->n++].value = value;
}

int declarations_read(const char *css, struct declarations *ret)
{
    char *at, *end;

    *ret = (struct declarations){ .text = strdup(css ? css : "") };
    if (!ret->text)
        return -ENOMEM;
    ret->unreadable = !drop_comments(ret->text) || strpbrk(ret->text, "\\{}@<") != NULL;
    for (at = ret->text; *at && !ret->unreadable; at = end) {
        end = find_end(at);
        if (*end)
            *end++ = '\0';
        add(ret, at);
    }
    return 0;
}

void declarations_release(struct declarations *d)
{
    free(TAKE(d->text));
    d->n = 0;
}

const char *declarations_find(const struct declarations *d, const char *name)
{
    const struct declaration *found = NULL;

    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->list[i].name, name) == 0 && (!found || d->list[i].important || !found->important))
            found = &d->list[i];
    return found ? found->value : NULL;
}

#include "css.h"

#include <string.h>

struct rule {
    char *selectors, *declarations;
    bool conditional; /* within @media and the like */
};

void css_rule_free(void *userdata)
{
    struct rule *r = userdata;

    g_free(r->selectors);
    g_free(r->declarations);
    g_free(r);
}

static void add_rule(GPtrArray *rules, const char *selectors, size_t size, const char *declarations, size_t n,
                     bool conditional)
{
    struct rule *r = g_new(struct rule, 1);

    *r = (struct rule){ .selectors = g_strndup(selectors, size),
                        .declarations = g_strndup(declarations, n),
                        .conditional = conditional };
    g_ptr_array_add(rules, r);
}

void css_add_rules(GPtrArray *rules, const char *plain)
{
    const char *at = plain;
    unsigned depth = 0;

    while (*at) {
        size_t size = strcspn(at, "{};");
        const char *stop = at + size;

        if (*stop != '{') {
            depth -= *stop == '}' && depth > 0;
            at = *stop ? stop + 1 : stop;
            continue;
        }
        while (size > 0 && css_is_blank(*at)) {
            at++;
            size--;
        }
        if (*at == '@') { /* what it holds are rules, or declarations that mean no element */
            depth++;
            at = stop + 1;
            continue;
        }
        add_rule(rules, at, size, stop + 1, strcspn(stop + 1, "{}"), depth > 0);
        at = stop + 1 + strcspn(stop + 1, "{}");
        at += *at == '}';
    }
}

static bool has_class(const char *classes, const char *name, size_t size)
{
    while (*classes) {
        size_t n = strcspn(classes, " \t\r\n\f");

        if (n == size && strncmp(classes, name, size) == 0)
            return true;
        classes += n;
        classes += strspn(classes, " \t\r\n\f");
    }
    return false;
}

/* One name of a selector, with the sign before it. */
static bool part_means(char sign, const char *name, size_t size, const struct css_element *e)
{
    switch (sign) {
    case '.':
        return has_class(e->classes, name, size);
    case '#':
        return strlen(e->id) == size && strncmp(e->id, name, size) == 0;
    case '\0':
        return strlen(e->name) == size && strncmp(e->name, name, size) == 0;
    default: /* a pseudo-class, an attribute: may mean it */
        return true;
    }
}

/* Only the last compound of a selector is looked at: "div.a > p.b:hover" may mean each p.b. */
static bool selector_means(char *selector, const struct css_element *e)
{
    char *at = css_trim(selector);

    at[strcspn(at, "[(")] = '\0';
    at = css_trim(at);
    for (char *c = at + strlen(at); c > at; c--)
        if (css_is_blank(c[-1]) || strchr(">+~", c[-1])) {
            at = c;
            break;
        }
    while (*at) {
        char sign = css_is_name(*at) ? '\0' : *at++;
        size_t size = 0;

        while (css_is_name(at[size]))
            size++;
        if (size > 0 && !part_means(sign, at, size, e))
            return false;
        at += size;
    }
    return true;
}

static bool rule_means(const struct rule *r, const struct css_element *e)
{
    g_auto(GStrv) all = g_strsplit(r->selectors, ",", -1);

    for (char **one = all; *one; one++)
        if (selector_means(*one, e))
            return true;
    return false;
}

/* Where the look depends on the reader's screen, what hides counts; the colours change together. */
void css_apply_rules(struct css_look *look, const GPtrArray *rules, const struct css_element *e)
{
    for (guint i = 0; i < rules->len; i++) {
        const struct rule *r = g_ptr_array_index(rules, i);
        struct css_look with = *look;

        if (!rule_means(r, e))
            continue;
        css_apply(&with, r->declarations);
        if (r->conditional)
            look->hidden |= with.hidden;
        else
            *look = with;
    }
}

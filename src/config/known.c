#include "known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int count(void *userdata, const struct setting *row)
{
    (void)row;
    ++*(size_t *)userdata;
    return 0;
}

static size_t length(const char *const *names)
{
    size_t n = 0;

    while (names[n])
        n++;
    return n;
}

static const char *leaf(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot ? dot + 1 : name;
}

static int add_group(struct known *k, const char *name)
{
    char *group = strndup(name, (size_t)(leaf(name) - 1 - name));

    if (!group)
        return -ENOMEM;
    if (known_is_group(k, group)) {
        free(group);
        return 0;
    }
    k->groups[length((const char *const *)k->groups)] = group;
    k->tops[length(k->tops)] = group;
    return 0;
}

static int add(void *userdata, const struct setting *row)
{
    struct known *k = userdata;

    k->names[length(k->names)] = row->name;
    if (leaf(row->name) != row->name)
        return add_group(k, row->name);
    k->tops[length(k->tops)] = row->name;
    return 0;
}

int known_new(const struct settings *s, struct known *k)
{
    settings_each(s, count, &k->n);
    k->names = calloc(k->n + 1, sizeof(*k->names));
    k->groups = calloc(k->n + 1, sizeof(*k->groups));
    k->tops = calloc(k->n + 1, sizeof(*k->tops));
    if (!k->names || !k->groups || !k->tops)
        return -ENOMEM;
    return settings_each(s, add, k);
}

void known_release(struct known *k)
{
    for (char **group = k->groups; group && *group; group++)
        free(*group);
    free(k->groups);
    free(k->names);
    free(k->tops);
    *k = (struct known){ 0 };
}

bool known_is_group(const struct known *k, const char *name)
{
    for (char **group = k->groups; *group; group++) {
        if (strcmp(*group, name) == 0)
            return true;
    }
    return false;
}

enum { WORDS = 256 };

static void add_words(char words[WORDS], const char *place, const char *name, int size)
{
    size_t used = strlen(words);

    snprintf(words + used, WORDS - used, "%s%s%.*s", used ? " or " : "", place, size, name);
}

/* Where a setting of this name would be right: "in the group submit or in the group control"; empty: nowhere. */
static void find_elsewhere(const struct known *k, const char *name, char words[WORDS])
{
    *words = '\0';
    for (const char **known = k->names; *known; known++) {
        int group = (int)(leaf(*known) - *known) - 1;

        if (strcmp(leaf(*known), name) != 0)
            continue;
        if (group < 0)
            add_words(words, "outside of groups", "", 0);
        else
            add_words(words, "in the group ", *known, group);
    }
}

/* A slip in capitals only is no other name: CardsPukDeliveryMethod means PUK, although PIN is as near. */
static const char *nearest(const char *name, const char *const *known)
{
    for (const char *const *same = known; *same; same++) {
        if (strcasecmp(*same, name) == 0)
            return *same;
    }
    return nearest_name(name, known);
}

/* The member of GROUP whose name is nearest. */
static const char *nearest_member(const struct known *k, const char *group, const char *name)
{
    const char **members = calloc(k->n + 1, sizeof(*members));
    const char *found;
    size_t n = 0;

    if (!members)
        return NULL;
    for (const char **known = k->names; *known; known++) {
        if (strncmp(*known, group, strlen(group)) == 0 && (*known)[strlen(group)] == '.')
            members[n++] = leaf(*known);
    }
    found = nearest(name, members);
    free(members);
    return found;
}

/* SHOWN is the name as it stands; NEAR, which may be NULL, what may be meant. */
static void explain(const char *shown, const char *elsewhere, const char *near, struct problem *p)
{
    if (*elsewhere)
        problem_set(p, "unknown", NULL, "unknown setting %s; that name belongs %s", shown, elsewhere);
    else if (near)
        problem_set(p, "unknown", NULL, "unknown setting %s; did you mean %s?", shown, near);
    else
        problem_set(p, "unknown", NULL, "unknown setting %s", shown);
}

void known_explain_top(const struct known *k, const char *name, struct problem *p)
{
    char elsewhere[WORDS];

    find_elsewhere(k, name, elsewhere);
    if (known_is_group(k, name))
        problem_set(p, "type", NULL, "%s must be a group of settings: %s: { ... };", name, name);
    else
        explain(name, elsewhere, nearest(name, k->tops), p);
}

void known_explain_member(const struct known *k, const char *group, const char *name, struct problem *p)
{
    const char *near = nearest_member(k, group, name);
    char shown[WORDS], meant[WORDS], elsewhere[WORDS];

    snprintf(shown, sizeof(shown), "%s.%s", group, name);
    snprintf(meant, sizeof(meant), "%s.%s", group, near ? near : "");
    find_elsewhere(k, name, elsewhere);
    explain(shown, elsewhere, near ? meant : NULL, p);
}

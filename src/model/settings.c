#include <pindispatch/settings.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>

#include "value.h"

struct settings {
    size_t n;
    struct value values[];
};

/* The old value stands unless the new one is good. */
static int take_value(struct value *old, struct value *new, int r)
{
    if (r != 0) {
        value_release(new);
        return r;
    }
    value_release(old);
    *old = *new;
    return 0;
}

/* The table. */

static struct value *find(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->values[i].row->name, name) == 0)
            return (struct value *)&s->values[i];
    }
    return NULL;
}

/* As assert() does: the program asks for what it never declared. */
static struct value *must_find(const struct settings *s, const char *name, unsigned types)
{
    struct value *v = find(s, name);

    if (!v || !(types & (1U << v->row->type))) {
        fprintf(stderr, "settings: no such setting of this type: %s\n", name);
        abort();
    }
    return v;
}

static int add_row(struct settings *s, const struct setting *row)
{
    struct value v = { .row = row };
    int r;

    if (find(s, row->name))
        return -EINVAL;
    r = value_make(&v, row->standard, false, NULL);
    if (r != 0) {
        value_release(&v);
        return r < 0 ? r : -EINVAL;
    }
    s->values[s->n++] = v;
    return 0;
}

int settings_new(const struct setting *const *schemas, struct settings **ret)
{
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    size_t n = 0;

    for (const struct setting *const *schema = schemas; *schema; schema++)
        for (const struct setting *row = *schema; row->name; row++)
            n++;
    s = calloc(1, sizeof(*s) + n * sizeof(s->values[0]));
    if (!s)
        return -ENOMEM;
    for (const struct setting *const *schema = schemas; *schema; schema++) {
        for (const struct setting *row = *schema; row->name; row++) {
            int r = add_row(s, row);

            if (r < 0)
                return r;
        }
    }
    *ret = TAKE(s);
    return 0;
}

struct settings *settings_free(struct settings *s)
{
    for (size_t i = 0; s && i < s->n; i++)
        value_release(&s->values[i]);
    free(s);
    return NULL;
}

const struct setting *settings_row(const struct settings *s, const char *name)
{
    const struct value *v = find(s, name);

    return v ? v->row : NULL;
}

int settings_each(const struct settings *s, int (*each)(void *userdata, const struct setting *row), void *userdata)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->n; i++)
        r = each(userdata, s->values[i].row);
    return r;
}

int settings_set(struct settings *s, const char *name, const char *value, struct problem *p)
{
    struct value *old = must_find(s, name, ~0U);
    struct value new = { .row = old->row };

    return take_value(old, &new, value_make(&new, value, true, p));
}

int settings_set_list(struct settings *s, const char *name, const char *const *items, struct problem *p)
{
    struct value *old = must_find(s, name, 1U << SETTING_LIST);
    struct value new = { .row = old->row };

    return take_value(old, &new, value_make_list(&new, items, true, p));
}

const char *settings_text(const struct settings *s, const char *name)
{
    return must_find(s, name, 1U << SETTING_TEXT | 1U << SETTING_CHOICE | 1U << SETTING_PATH)->text;
}

int64_t settings_integer(const struct settings *s, const char *name)
{
    return must_find(s, name, 1U << SETTING_INTEGER)->number;
}

double settings_real(const struct settings *s, const char *name)
{
    return must_find(s, name, 1U << SETTING_REAL)->real;
}

bool settings_flag(const struct settings *s, const char *name)
{
    return must_find(s, name, 1U << SETTING_FLAG)->number != 0;
}

int64_t settings_duration(const struct settings *s, const char *name)
{
    return must_find(s, name, 1U << SETTING_DURATION)->number;
}

const char *const *settings_list(const struct settings *s, const char *name)
{
    return (const char *const *)must_find(s, name, 1U << SETTING_LIST)->list;
}

const char *settings_shown(const struct settings *s, const char *name)
{
    return must_find(s, name, ~0U)->text;
}

void settings_hold(struct settings *s, struct settings *old)
{
    for (size_t i = 0; i < s->n; i++) {
        struct value *v = &s->values[i], *held = find(old, v->row->name), new = *v;

        if (!v->row->restart || !held)
            continue;
        *v = *held;
        *held = new;
        free(TAKE(v->waits));
        if (strcmp(v->text, new.text) != 0)
            v->waits = TAKE(held->text);
    }
}

const char *settings_waiting(const struct settings *s, const char *name)
{
    return must_find(s, name, ~0U)->waits;
}

/* JSON: a list is an array of strings, everything else its text, so that nothing is lost in a number's format. */

static json_t *list_to_json(char *const *list)
{
    CLEANUP(json_cleanup) json_t *j = json_array();

    for (; j && *list; list++) {
        if (json_array_append_new(j, json_string(*list)) < 0)
            return NULL;
    }
    return TAKE(j);
}

json_t *settings_to_json(const struct settings *s)
{
    CLEANUP(json_cleanup) json_t *j = json_object();

    for (size_t i = 0; j && i < s->n; i++) {
        const struct value *v = &s->values[i];

        if (json_object_set_new(j, v->row->name, v->list ? list_to_json(v->list) : json_string(v->text)) < 0)
            return NULL;
    }
    return TAKE(j);
}

static int set_from_array(struct settings *s, const char *name, const json_t *array, struct problem *p)
{
    CLEANUP(free_cleanup) const char **items = calloc(json_array_size(array) + 1, sizeof(*items));

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < json_array_size(array); i++) {
        items[i] = json_string_value(json_array_get(array, i));
        if (!items[i])
            return problem_set(p, "type", name, "must be a list of texts");
    }
    return settings_set_list(s, name, items, p);
}

static int set_from_json(struct settings *s, const char *name, const json_t *value, struct problem *p)
{
    const struct value *v = find(s, name);

    if (!v)
        return problem_set(p, "unknown", name, "no such setting");
    if (v->row->type == SETTING_LIST && json_is_array(value))
        return set_from_array(s, name, value, p);
    if (v->row->type != SETTING_LIST && json_is_string(value))
        return settings_set(s, name, json_string_value(value), p);
    return problem_set(p, "type", name, "must be a %s", v->row->type == SETTING_LIST ? "list of texts" : "text");
}

int settings_from_json(struct settings *s, const json_t *j, struct problem *p)
{
    const char *name;
    json_t *value;

    if (!json_is_object(j))
        return problem_set(p, "type", NULL, "settings must be an object");
    json_object_foreach ((json_t *)j, name, value) {
        int r = set_from_json(s, name, value, p);

        if (r != 0)
            return r;
    }
    return 0;
}

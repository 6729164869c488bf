#include <pindispatch/settings.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/json.h>

enum { SHOWN_MOST = 64 * 1024 };

struct value {
    const struct setting *row;
    char *text;     /* as it is shown; owned */
    int64_t number; /* SETTING_INTEGER, SETTING_FLAG, SETTING_DURATION */
    double real;
    char **list; /* ends with NULL; owned */
};

struct settings {
    size_t n;
    struct value values[];
};

/* Memory of lists and values. */

static char **list_free(char **list)
{
    for (char **item = list; list && *item; item++)
        free(*item);
    free(list);
    return NULL;
}
DEFINE_CLEANUP(char *, list, list_free)

static void value_release(struct value *v)
{
    free(v->text);
    list_free(v->list);
    *v = (struct value){ .row = v->row };
}

static char **list_copy(const char *const *items)
{
    CLEANUP(list_cleanup) char **copy = NULL;
    size_t n = 0;

    while (items[n])
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(items[i]);
        if (!copy[i])
            return NULL;
    }
    return TAKE(copy);
}

/* "a b c" as a list; TEXT is cut into pieces in place. */
static char **list_split(char *text)
{
    CLEANUP(free_cleanup) const char **items = calloc(strlen(text) / 2 + 2, sizeof(*items));
    size_t n = 0;
    char *rest = text, *item;

    if (!items)
        return NULL;
    while ((item = strsep(&rest, " \n")) != NULL) {
        if (*item)
            items[n++] = item;
    }
    return list_copy(items);
}

static char *list_join(const char *const *items)
{
    struct buffer b = BUFFER(SHOWN_MOST);
    int r = 0;

    for (const char *const *item = items; r == 0 && *item; item++)
        r = buffer_addf(&b, "%s%s", item == items ? "" : " ", *item);
    if (r == 0)
        r = buffer_terminate(&b);
    if (r < 0) {
        buffer_release(&b);
        return NULL;
    }
    return b.data; /* nothing was dropped from its front, so that begin is 0 */
}

/* What a value must be, by type. Refusals name the setting and what it takes, never the value. */

static int refuse_range(const struct setting *row, struct problem *p)
{
    int64_t unit = row->type == SETTING_DURATION ? MICROSECONDS_PER_MILLISECOND : 1;

    if (row->least == 0 && row->most == 0)
        return problem_set(p, "range", NULL, "%s is out of range", row->name);
    return problem_set(p, "range", NULL, "%s must be %" PRId64 " to %" PRId64 "%s", row->name, row->least / unit,
                       row->most / unit, row->type == SETTING_DURATION ? " milliseconds" : "");
}

static int within(const struct setting *row, int64_t n, struct problem *p)
{
    if ((row->least || row->most) && (n < row->least || n > row->most))
        return refuse_range(row, p);
    return 0;
}

static int parse_text(const struct setting *row, const char *text, struct value *v, struct problem *p)
{
    (void)row, (void)text, (void)v, (void)p;
    return 0;
}

static int parse_choice(const struct setting *row, const char *text, struct value *v, struct problem *p)
{
    char names[256] = "";
    const char *nearest = nearest_name(text, row->choices);
    size_t used = 0;

    (void)v;
    for (const char *const *choice = row->choices; *choice; choice++) {
        if (strcmp(*choice, text) == 0)
            return 0;
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s\"%s\"", used ? ", " : "", *choice);
        if (used >= sizeof(names))
            break;
    }
    return problem_set(p, "choice", NULL, "%s must be one of %s%s%s%s", row->name, names,
                       nearest ? " (did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?)" : "");
}

static int parse_integer(const struct setting *row, const char *text, struct value *v, struct problem *p)
{
    const char *digits = text + (*text == '-');
    char *end;

    errno = 0;
    v->number = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end)
        return problem_set(p, "type", NULL, "%s must be a whole number", row->name);
    return errno == ERANGE ? refuse_range(row, p) : within(row, v->number, p);
}

/* In the C locale whatever the process runs in: a file means the same everywhere. -ENOMEM, or 0 with *RET_END. */
static int c_strtod(const char *text, double *ret, char **ret_end)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    if (!c)
        return -ENOMEM;
    *ret = strtod_l(text, ret_end, c);
    freelocale(c);
    return 0;
}

static int parse_real(const struct setting *row, const char *text, struct value *v, struct problem *p)
{
    char *end = NULL;
    int r = c_strtod(text, &v->real, &end);

    if (r < 0)
        return r;
    /* Neither hexadecimal nor "inf" nor "nan". */
    if (*text == '\0' || *end || strspn(text, "+-.0123456789eE") != strlen(text))
        return problem_set(p, "type", NULL, "%s must be a number", row->name);
    if (!__builtin_isfinite(v->real))
        return refuse_range(row, p);
    if ((row->least || row->most) && (v->real < (double)row->least || v->real > (double)row->most))
        return refuse_range(row, p);
    return 0;
}

static int parse_flag(const struct setting *row, const char *text, struct value *v, struct problem *p)
{
    v->number = strcmp(text, "true") == 0;
    if (!v->number && strcmp(text, "false") != 0)
        return problem_set(p, "type", NULL, "%s must be true or false", row->name);
    return 0;
}

static int parse_duration(const struct setting *row, const char *text, struct value *v, struct problem *p)
{
    if (duration_parse(text, &v->number) < 0)
        return problem_set(p, "type", NULL,
                           "%s must be a duration: a whole number and its unit, such as \"250ms\", \"30s\", "
                           "\"5m\", \"1h\" or \"3d\"",
                           row->name);
    return within(row, v->number, p);
}

static int (*const parsers[])(const struct setting *, const char *, struct value *, struct problem *) = {
    [SETTING_TEXT] = parse_text, [SETTING_CHOICE] = parse_choice, [SETTING_INTEGER] = parse_integer,
    [SETTING_REAL] = parse_real, [SETTING_FLAG] = parse_flag,     [SETTING_DURATION] = parse_duration,
    [SETTING_PATH] = parse_text, [SETTING_LIST] = parse_text,
};

/* Any value must be shown, sent as JSON and put into a header or a log line: UTF-8 without control characters. */
static int check_characters(const struct setting *row, const char *text, struct problem *p)
{
    json_t *j = json_string(text); /* jansson checks the encoding */

    if (!j) {
        j = json_string_nocheck(text);
        json_decref(j);
        return j ? problem_set(p, "utf-8", NULL, "%s is not valid UTF-8", row->name) : -ENOMEM;
    }
    json_decref(j);
    for (; *text; text++) {
        if (iscntrl((unsigned char)*text))
            return problem_set(p, "characters", NULL, "%s has a control character in it", row->name);
    }
    return 0;
}

/* GIVEN: by a person, not the row's own standard; only then the row's further check is asked. */
static int check_item(const struct setting *row, const char *text, bool given, struct value *v, struct problem *p)
{
    int r = check_characters(row, text, p);

    if (r == 0)
        r = parsers[row->type](row, text, v, p);
    if (r == 0 && given && row->check)
        r = row->check(text, p);
    return r;
}

static int make_list(const struct setting *row, const char *const *items, bool given, struct value *v,
                     struct problem *p)
{
    for (const char *const *item = items; *item; item++) {
        int r = **item ? check_item(row, *item, given, v, p)
                       : problem_set(p, "type", NULL, "%s has an empty item", row->name);

        if (r != 0)
            return r;
    }
    v->list = list_copy(items);
    v->text = list_join(items);
    return v->list && v->text ? 0 : -ENOMEM;
}

static int make_value(const struct setting *row, const char *text, bool given, struct value *v, struct problem *p)
{
    CLEANUP(free_cleanup) char *copy = strdup(text);
    CLEANUP(list_cleanup) char **items = NULL;
    int r;

    if (!copy)
        return -ENOMEM;
    if (row->type == SETTING_LIST) {
        items = list_split(copy);
        return items ? make_list(row, (const char *const *)items, given, v, p) : -ENOMEM;
    }
    r = check_item(row, text, given, v, p);
    if (r == 0)
        v->text = TAKE(copy);
    return r;
}

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
    r = make_value(row, row->standard, false, &v, NULL);
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

    return take_value(old, &new, make_value(old->row, value, true, &new, p));
}

int settings_set_list(struct settings *s, const char *name, const char *const *items, struct problem *p)
{
    struct value *old = must_find(s, name, 1U << SETTING_LIST);
    struct value new = { .row = old->row };

    return take_value(old, &new, make_list(old->row, items, true, &new, p));
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
    json_object_foreach((json_t *)j, name, value)
    {
        int r = set_from_json(s, name, value, p);

        if (r != 0)
            return r;
    }
    return 0;
}

int duration_parse(const char *text, int64_t *ret_microseconds)
{
    static const struct {
        const char *name;
        int64_t microseconds;
    } units[] = {
        { "ms", MICROSECONDS_PER_MILLISECOND },   { "s", MICROSECONDS_PER_SECOND },
        { "m", 60 * MICROSECONDS_PER_SECOND },    { "h", 3600 * MICROSECONDS_PER_SECOND },
        { "d", 86400 * MICROSECONDS_PER_SECOND },
    };
    int64_t n;
    char *unit;

    if (!isdigit((unsigned char)*text))
        return -EINVAL;
    errno = 0;
    n = strtoll(text, &unit, 10);
    for (size_t i = 0; errno == 0 && i < ARRAY_SIZE(units); i++) {
        if (strcmp(unit, units[i].name) == 0)
            return __builtin_mul_overflow(n, units[i].microseconds, ret_microseconds) ? -EINVAL : 0;
    }
    return -EINVAL;
}

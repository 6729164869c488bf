#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/json.h>

enum { SHOWN_MOST = 1024 * 1024 };

/* Memory of lists and values. */

static char **list_free(char **list)
{
    for (char **item = list; list && *item; item++)
        free(*item);
    free(list);
    return NULL;
}
DEFINE_CLEANUP(char *, list, list_free)

void value_release(struct value *v)
{
    free(v->text);
    free(v->waits);
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

/* 0; -ENOMEM; -ENOBUFS when it is too long to be shown. */
static int list_join(const char *const *items, char **ret)
{
    struct buffer b = BUFFER(SHOWN_MOST);
    int r = 0;

    for (const char *const *item = items; r == 0 && *item; item++)
        r = buffer_addf(&b, "%s%s", item == items ? "" : " ", *item);
    if (r == 0)
        r = buffer_terminate(&b);
    if (r < 0) {
        buffer_release(&b);
        return r;
    }
    *ret = b.data; /* nothing was dropped from its front, so that begin is 0 */
    return 0;
}

/* What a value must be, by type. Refusals name the setting and what it takes, never the value. */

static const struct unit {
    const char *name;
    int64_t microseconds;
} units[] = {
    { "ms", MICROSECONDS_PER_MILLISECOND },   { "s", MICROSECONDS_PER_SECOND },
    { "m", 60 * MICROSECONDS_PER_SECOND },    { "h", 3600 * MICROSECONDS_PER_SECOND },
    { "d", 86400 * MICROSECONDS_PER_SECOND },
};

enum { BOUND = 32 };

/* A bound as a person writes it: a duration in the largest unit that leaves no rest. */
static const char *bound_format(const struct setting *row, int64_t bound, char text[BOUND])
{
    const struct unit *unit = &units[0];

    if (row->type != SETTING_DURATION) {
        snprintf(text, BOUND, "%" PRId64, bound);
        return text;
    }
    for (size_t i = 0; bound != 0 && i < ARRAY_SIZE(units); i++) {
        if (bound % units[i].microseconds == 0)
            unit = &units[i];
    }
    snprintf(text, BOUND, "%" PRId64 "%s", bound / unit->microseconds, unit->name);
    return text;
}

static int refuse_range(const struct setting *row, struct problem *p)
{
    char least[BOUND], most[BOUND];

    if (row->least == 0 && row->most == 0)
        return problem_set(p, "range", NULL, "%s is out of range", row->name);
    return problem_set(p, "range", NULL, "%s must be %s to %s", row->name, bound_format(row, row->least, least),
                       bound_format(row, row->most, most));
}

static int within(const struct setting *row, int64_t n, struct problem *p)
{
    if ((row->least || row->most) && (n < row->least || n > row->most))
        return refuse_range(row, p);
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

/* Any text is a good SETTING_TEXT and SETTING_PATH, any a good item of a SETTING_LIST. */
static int (*const parsers[])(const struct setting *, const char *, struct value *, struct problem *) = {
    [SETTING_TEXT] = NULL,       [SETTING_CHOICE] = parse_choice, [SETTING_INTEGER] = parse_integer,
    [SETTING_REAL] = parse_real, [SETTING_FLAG] = parse_flag,     [SETTING_DURATION] = parse_duration,
    [SETTING_PATH] = NULL,       [SETTING_LIST] = NULL,
};

/* jansson checks the encoding. 0, 1 or -ENOMEM. */
static int check_utf8(const struct setting *row, const char *text, struct problem *p)
{
    CLEANUP(json_cleanup) json_t *checked = json_string(text);
    CLEANUP(json_cleanup) json_t *unchecked = checked ? NULL : json_string_nocheck(text);

    if (checked)
        return 0;
    return unchecked ? problem_set(p, "utf-8", NULL, "%s is not valid UTF-8", row->name) : -ENOMEM;
}

/* Any value must be shown, sent as JSON and put into a header or a log line: UTF-8 without control characters. */
static int check_characters(const struct setting *row, const char *text, struct problem *p)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return problem_set(p, "characters", NULL, "%s has a control character in it", row->name);
    }
    return check_utf8(row, text, p);
}

/* A row's own check does not know the row's name; the person needs it. */
static int check_further(const struct setting *row, const char *text, struct problem *p)
{
    struct problem own = { 0 };
    int r = row->check(text, &own);

    if (r <= 0 || strncmp(own.message, row->name, strlen(row->name)) == 0) {
        if (r > 0 && p)
            *p = own;
        return r;
    }
    return problem_set(p, own.code, own.where, "%s: %.*s", row->name,
                       (int)(sizeof(own.message) - strlen(row->name) - 3), own.message);
}

static int check_item(struct value *v, const char *text, bool given, struct problem *p)
{
    int r = check_characters(v->row, text, p);

    if (r == 0 && parsers[v->row->type])
        r = parsers[v->row->type](v->row, text, v, p);
    /* A standard comes back as if given when settings travel to a worker. */
    if (r == 0 && given && v->row->check && strcmp(text, v->row->standard) != 0)
        r = check_further(v->row, text, p);
    return r;
}

int value_make_list(struct value *v, const char *const *items, bool given, struct problem *p)
{
    int r;

    for (const char *const *item = items; *item; item++) {
        r = **item ? check_item(v, *item, given, p)
                   : problem_set(p, "type", NULL, "%s has an empty item", v->row->name);
        if (r != 0)
            return r;
    }
    r = list_join(items, &v->text);
    if (r == -ENOBUFS)
        return problem_set(p, "range", NULL, "%s is too long", v->row->name);
    v->list = list_copy(items);
    return r == 0 && !v->list ? -ENOMEM : r;
}

int value_make(struct value *v, const char *text, bool given, struct problem *p)
{
    CLEANUP(free_cleanup) char *copy = strdup(text);
    CLEANUP(list_cleanup) char **items = NULL;
    int r;

    if (!copy)
        return -ENOMEM;
    if (v->row->type == SETTING_LIST) {
        items = list_split(copy);
        return items ? value_make_list(v, (const char *const *)items, given, p) : -ENOMEM;
    }
    r = check_item(v, text, given, p);
    if (r == 0)
        v->text = TAKE(copy);
    return r;
}

int duration_parse(const char *text, int64_t *ret_microseconds)
{
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

/* Settings: a schema is a table of rows that each room brings; the values are looked up by name.
 * A name that is in no schema is a programming error and ends the process. */
#ifndef PINDISPATCH_SETTINGS_H
#define PINDISPATCH_SETTINGS_H

#include <pindispatch/cleanup.h>
#include <pindispatch/problem.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum setting_type {
    SETTING_TEXT,
    SETTING_CHOICE,  /* one of choices */
    SETTING_INTEGER, /* least..most */
    SETTING_REAL,    /* least..most */
    SETTING_FLAG,
    SETTING_DURATION, /* "30s", "5m", "1h", "3d", "250ms"; least..most in microseconds */
    SETTING_PATH,     /* a file that must be readable when it is set; relative to the configuration's folder */
    SETTING_LIST,     /* of texts */
};

struct setting {
    const char *name; /* "print.printer"; at most one dot */
    enum setting_type type;
    const char *standard; /* the default, written as in the file but without quotes; a list: separated by spaces */
    const char *const *choices; /* SETTING_CHOICE; ends with NULL */
    int64_t least, most;        /* inclusive; both 0: no bound */
    bool restart;               /* a change takes effect at the next start only: see settings_hold() */
    const char *help;           /* one sentence */
    /* A further check of a given value; 0, or 1 with P's code and message set. May be NULL. */
    int (*check)(const char *value, struct problem *p);
};

/* A schema ends with a row whose name is NULL. */
struct settings;

/* All standard values of these schemas (SCHEMAS ends with NULL; borrowed for the life of the settings). */
int settings_new(const struct setting *const *schemas, struct settings **ret);
struct settings *settings_free(struct settings *s);
DEFINE_CLEANUP(struct settings, settings, settings_free)

/* The row of NAME, or NULL. */
const struct setting *settings_row(const struct settings *s, const char *name);
/* Calls EACH for all rows in order, until it returns non-zero, which is returned. */
int settings_each(const struct settings *s, int (*each)(void *userdata, const struct setting *row), void *userdata);

/* Sets a value from text (a list: items separated by newlines when given so by settings_set_list()).
 * 0; 1 with P (code "type", "range", "choice", …; where is left empty); -ENOMEM. */
int settings_set(struct settings *s, const char *name, const char *value, struct problem *p);
int settings_set_list(struct settings *s, const char *name, const char *const *items, struct problem *p);

const char *settings_text(const struct settings *s, const char *name); /* also choice, path */
int64_t settings_integer(const struct settings *s, const char *name);
double settings_real(const struct settings *s, const char *name);
bool settings_flag(const struct settings *s, const char *name);
int64_t settings_duration(const struct settings *s, const char *name);        /* microseconds */
const char *const *settings_list(const struct settings *s, const char *name); /* ends with NULL */
/* Any value as text; a list with spaces between its items. Borrowed until the next change. */
const char *settings_shown(const struct settings *s, const char *name);

/* For a reload: rows that take effect at the next start keep the value that is in force, which is OLD's; what S had
 * for them waits. OLD, of the same schemas, is good for settings_free() only afterwards. */
void settings_hold(struct settings *s, struct settings *old);
/* What waits for the next start, as text; NULL: the value in force is the file's. Borrowed as settings_shown(). */
const char *settings_waiting(const struct settings *s, const char *name);

/* The whole as {"print.printer":"pin",…}: how a worker gets its settings. */
json_t *settings_to_json(const struct settings *s);
int settings_from_json(struct settings *s, const json_t *j, struct problem *p);

/* "90s" as microseconds. 0, or -EINVAL (unknown unit, negative, overflow). */
int duration_parse(const char *text, int64_t *ret_microseconds);

#endif

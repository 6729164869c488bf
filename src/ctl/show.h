/* How things look: clean text, times, colours, aligned tables. */
#ifndef PINDISPATCH_CTL_SHOW_H
#define PINDISPATCH_CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum show_colour { SHOW_PLAIN, SHOW_BOLD, SHOW_GREEN, SHOW_YELLOW, SHOW_RED, SHOW_DIM };

/* Colours only on a terminal, and not where NO_COLOR is set (https://no-color.org). */
bool show_has_colours(void);
/* The escape that begins the colour, "" without colours. SHOW_PLAIN ends one. */
const char *show_begin(enum show_colour colour);
enum show_colour show_state_colour(const char *state);

/* TEXT without what moves a terminal: control characters become "?". The caller frees. NULL: out of memory. */
char *show_clean(const char *text);
/* Columns on a terminal. */
int show_width(const char *text);

enum { SHOW_TIME = 32, SHOW_SPAN = 48 };
/* "2026-11-22 10:00:00" in local time, from RFC 3339 text or microseconds; "-" for none. Returns TEXT. */
char *show_time(const json_t *time, char text[SHOW_TIME]);
/* The same as microseconds since 1970; 0 for none. */
int64_t show_moment(const json_t *time);
/* "3 d 4 h", "12 min". Returns TEXT. */
char *show_span(int64_t microseconds, char text[SHOW_SPAN]);

/* One compact line on standard output. */
void show_json(const json_t *j);

/* A table is written in runs of rows, so that a long one is not kept; columns only get wider. */
enum { TABLE_COLUMNS = 12, TABLE_RUN = 512 };
struct table_cell {
    char *text; /* owned */
    enum show_colour colour;
};
struct table {
    const char *const *heads; /* ends with NULL; NULL itself: no head line */
    size_t columns;
    int widths[TABLE_COLUMNS];
    struct table_cell (*rows)[TABLE_COLUMNS]; /* owned */
    size_t n;
    bool begun;
};
void table_begin(struct table *t, const char *const *heads, size_t columns);
/* Sets cell COLUMN of the row being made; NULL is shown as "-". */
void table_set(struct table *t, size_t column, const char *text, enum show_colour colour);
/* The row is whole. */
void table_end_row(struct table *t);
/* Writes what is left and frees. */
void table_end(struct table *t);

#endif

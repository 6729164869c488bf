#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_begin(struct table *t, const char *const *heads, size_t columns)
{
    *t = (struct table){ .heads = heads, .columns = columns };
    t->rows = calloc(TABLE_RUN, sizeof(*t->rows));
    if (!t->rows) {
        perror("pindispatchctl");
        exit(1);
    }
    for (size_t i = 0; heads && i < columns; i++)
        t->widths[i] = show_width(heads[i]);
}

void table_set(struct table *t, size_t column, const char *text, enum show_colour colour)
{
    struct table_cell *cell = &t->rows[t->n][column];
    int width;

    free(cell->text);
    cell->text = show_clean(text && text[0] ? text : "-");
    cell->colour = colour;
    width = cell->text ? show_width(cell->text) : 0;
    if (width > t->widths[column])
        t->widths[column] = width;
}

static void write_cell(const struct table *t, size_t column, const char *text, enum show_colour colour)
{
    int pad = t->widths[column] - show_width(text);

    if (colour != SHOW_PLAIN)
        fputs(show_begin(colour), stdout);
    fputs(text, stdout);
    if (colour != SHOW_PLAIN)
        fputs(show_begin(SHOW_PLAIN), stdout);
    if (column + 1 < t->columns)
        printf("%*s", (pad > 0 ? pad : 0) + 2, "");
    else
        putchar('\n');
}

static void write_heads(struct table *t)
{
    if (!t->heads || t->begun)
        return;
    t->begun = true;
    for (size_t i = 0; i < t->columns; i++)
        write_cell(t, i, t->heads[i], SHOW_BOLD);
}

static void write_rows(struct table *t)
{
    write_heads(t);
    for (size_t row = 0; row < t->n; row++) {
        for (size_t i = 0; i < t->columns; i++) {
            struct table_cell *cell = &t->rows[row][i];

            write_cell(t, i, cell->text ? cell->text : "-", cell->colour);
            free(cell->text);
            *cell = (struct table_cell){ 0 };
        }
    }
    t->n = 0;
}

void table_end_row(struct table *t)
{
    if (++t->n == TABLE_RUN)
        write_rows(t);
}

void table_end(struct table *t)
{
    if (t->n > 0)
        write_rows(t);
    free(t->rows);
    t->rows = NULL;
}

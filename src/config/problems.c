#include "problems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/utf8.h>

void config_problems_release(struct config_problems *p)
{
    free(p->items);
    *p = (struct config_problems){ 0 };
}

void problem_locate(struct problem *p, const char *file, unsigned line)
{
    char number[16] = "";
    size_t room, size = strlen(file);

    if (line)
        snprintf(number, sizeof(number), ":%u", line);
    room = sizeof(p->where) - 1 - strlen(number);
    if (size <= room)
        snprintf(p->where, sizeof(p->where), "%s%s", file, number);
    else
        snprintf(p->where, sizeof(p->where), "...%s%s", file + size - (room - 3), number);
    utf8_repair(p->where);
}

int problems_add_copy(struct config_problems *list, const char *file, unsigned line, const struct problem *p)
{
    struct problem *items;

    if (list->n > PROBLEMS_MOST)
        return 0;
    items = realloc(list->items, (list->n + 1) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    list->items = items;
    items[list->n] = *p;
    if (list->n == PROBLEMS_MOST)
        problem_set(&items[list->n], "more", NULL, "and more problems, which are not listed");
    problem_locate(&items[list->n], file, line);
    list->n++;
    return 0;
}

int problems_add(struct config_problems *list, const char *file, unsigned line, const char *code, const char *format,
                 ...)
{
    struct problem p;
    va_list args;

    problem_set(&p, code, NULL, "%s", "");
    va_start(args, format);
    vsnprintf(p.message, sizeof(p.message), format, args);
    va_end(args);
    return problems_add_copy(list, file, line, &p);
}

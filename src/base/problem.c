#include <pindispatch/problem.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/utf8.h>

int problem_set(struct problem *p, const char *code, const char *where, const char *format, ...)
{
    va_list args;

    if (!p)
        return 1;
    snprintf(p->code, sizeof(p->code), "%s", code);
    utf8_copy(p->where, sizeof(p->where), where ? where : "");
    va_start(args, format);
    vsnprintf(p->message, sizeof(p->message), format, args);
    va_end(args);
    utf8_repair(p->message);
    return 1;
}

enum { NAME_MOST = 64 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance in one row; names longer than NAME_MOST are far from everything. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MOST + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > NAME_MOST || nb > NAME_MOST)
        return NAME_MOST;
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned above = row[j];

            row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

const char *nearest_name(const char *name, const char *const *known)
{
    const char *nearest = NULL;
    unsigned best = (unsigned)strlen(name) / 3 + 2; /* further off is another word, not a slip */

    for (; *known; known++) {
        unsigned d = distance(name, *known);

        if (d < best) {
            best = d;
            nearest = *known;
        }
    }
    return nearest;
}

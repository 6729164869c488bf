#include "findings.h"

#include <stdarg.h>
#include <stdio.h>

int findings_add(struct findings *f, const char *code, const char *where, const char *format, ...)
{
    struct problem p = { .code = "" };
    char message[FINDING_MESSAGE];
    va_list args;

    if (!f)
        return 1;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    problem_set(&p, code, where, "%s", message);
    if (f->n++ == 0 && f->first)
        *f->first = p;
    if (f->each)
        f->each(f->userdata, &p);
    return 1;
}

void findings_warn(struct findings *f, const char *code, const char *where, const char *words)
{
    struct problem p = { .code = "" };

    if (!f || !f->warn)
        return;
    problem_set(&p, code, where, "%s", words);
    f->warn(f->userdata, &p);
}

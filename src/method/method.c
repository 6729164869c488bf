#include "rows.h"

#include <string.h>

/* Every way of delivery there is, in the order in which messages list them; the first is the default. */
const struct method *const methods[] = { &method_print, &method_email, &method_nopin, NULL };

const struct method *method_find(enum secret_kind kind, const char *name)
{
    for (const struct method *const *m = methods; *m; m++)
        if (strcmp((*m)->names[kind], name) == 0)
            return *m;
    return NULL;
}

const char *const *method_names(enum secret_kind kind)
{
    /* The compiler cannot take a column of a table: each call writes the same pointers again. */
    static const char *names[SECRET_KINDS][ARRAY_SIZE(methods)];
    for (size_t i = 0; methods[i]; i++)
        names[kind][i] = methods[i]->names[kind];
    return names[kind];
}

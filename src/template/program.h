/* What a parsed template is made of: shared by the parser, the check of its names and the renderer. */
#ifndef TEMPLATE_PROGRAM_H
#define TEMPLATE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "mustache.h"

enum op_kind {
    OP_TEXT,
    OP_VALUE,    /* {{x}} */
    OP_VERBATIM, /* {{{x}}}, {{&x}} */
    OP_SECTION,  /* {{#x}}: the ops up to `next` */
    OP_INVERTED,
};

struct op {
    enum op_kind kind;
    uint32_t start, size; /* of the text or the name, in the program's source */
    uint32_t next;        /* the op after a section's last one */
    /* The row that the name stands for; "." stands for the section it is in. NULL without a table. */
    const struct mustache_name *name;
};

struct mustache {
    char *source;
    struct op *ops;
    size_t n, room;
    bool turns; /* it has words that are written from right to left */
};

/* Tells F to what is wrong at an offset of the source. Returns 1. */
int program_problem(const struct mustache_source *s, size_t offset, struct findings *f, const char *code,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Resolves every name against the table. 0; 1 with F. */
int program_resolve(struct mustache *m, const struct mustache_source *s, struct findings *f);

#endif

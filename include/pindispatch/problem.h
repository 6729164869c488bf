/* What was wrong with an input, said to a person and to a program.
 * A problem never holds a secret: whoever fills one names the field, not its value. */
#ifndef PINDISPATCH_PROBLEM_H
#define PINDISPATCH_PROBLEM_H

struct problem {
    char code[32];     /* one stable word for programs: "conflict", "not-utf8" */
    char where[256];   /* "FILE:LINE", a JSON path ("$.data.holder.email"), a delivery id; may be empty */
    char message[512]; /* a sentence: what was expected, what to do */
};

/* Fills P (which may be NULL), cut to fit and made UTF-8. Always returns 1, the positive condition "the input was
 * refused", so that a checker can say `return problem_set(...)`. */
int problem_set(struct problem *p, const char *code, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Known names nearest to NAME by edit distance, or NULL when none is near; KNOWN ends with NULL. */
const char *nearest_name(const char *name, const char *const *known);

#endif

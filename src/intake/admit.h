/* Admission: one line becomes an event with its deliveries in the store, or a refusal. */
#ifndef PINDISPATCH_INTAKE_ADMIT_H
#define PINDISPATCH_INTAKE_ADMIT_H

#include <pindispatch/intake.h>

#include "ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct site;

struct admit {
    const struct site *site;
    struct intake_stat stat;
    unsigned pending;     /* tickets that wait for a commit */
    size_t pending_bytes; /* of their lines */
    int64_t second;       /* in which refusals were logged last */
    unsigned logged;      /* then */
    bool is_marked;       /* by what this turn's events left: clear secrets on the stack, a key agreement */
};

/* Who hands a line in. */
struct origin {
    const char *what; /* for the audit row: "submit", "drop" */
    int64_t uid;
};

/* Decides about LINE: T is settled now (refused), or later, when the commit is done: then T->notify is called. */
void admit_line(struct admit *a, struct ticket *t, const struct origin *o, const char *line, size_t size);
/* These settle T as refused without looking at a line. */
void admit_denied(struct admit *a, struct ticket *t, const struct origin *o);
void admit_too_long(struct admit *a, struct ticket *t);

#endif

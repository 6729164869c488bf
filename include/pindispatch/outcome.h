/* What came of an attempt, as a value. */
#ifndef PINDISPATCH_OUTCOME_H
#define PINDISPATCH_OUTCOME_H

#include <pindispatch/cleanup.h>

#include <jansson.h>
#include <stdbool.h>

enum outcome_kind {
    OUTCOME_DELIVERED, /* with evidence */
    OUTCOME_SPOOLED,   /* released, not at its end yet; also "followed, still there" */
    OUTCOME_DEFERRED,  /* nothing irreversible happened, or the peer said "later" */
    OUTCOME_FAILED,    /* will fail again in the same way */
    OUTCOME_IN_DOUBT,  /* the irreversible step may have happened */
    OUTCOME_HELD,      /* nothing was done, and nothing shall be until a person says so */
    OUTCOME_CANCELLED, /* there was nothing to deliver */
    OUTCOME_DRY_RUN,
    OUTCOME_KINDS
};

/* Bytes of evidence as compact JSON. A worker leaves out what is more; from the wire it is no outcome. An event, its
 * sealed secret and evidence fit into one line of the protocol. */
enum { EVIDENCE_MOST = 16 * 1024 };

struct outcome {
    enum outcome_kind kind;
    /* Whose fault it is; at most one of the two is set.
     * destination: certainly the destination's, not this delivery's (it cannot be reached, refuses us, has no paper):
     * everything of the method waits at once, and `status` says why. Only with OUTCOME_DEFERRED and, for a printer
     * that stopped, OUTCOME_SPOOLED.
     * unsure: the destination ended or refused this one and named no cause that is the delivery's own (a job that the
     * printer aborted, a relay's 554 without a word about the holder). Three in a row without a delivery in between
     * are an outage: the dispatcher then defers instead of failing, and probes with one. With OUTCOME_FAILED it
     * asserts that nothing came out or was accepted, so that the delivery may be sent again as a new copy; where that
     * is not known the kind is OUTCOME_IN_DOUBT. Never with OUTCOME_DELIVERED and OUTCOME_SPOOLED.
     * Neither: the delivery's own fault (its address, its template, its size) or nobody's. Such an outcome is no
     * strike against the destination and does not clear earlier ones. */
    bool destination, unsure;
    char code[32];    /* a stable word: "smtp-550", "tls-name", "printer-stopped", "glyph-missing" */
    char reason[256]; /* a sentence for a person; never a secret */
    json_t *evidence; /* object, owned; may be NULL */
};

const char *outcome_name(enum outcome_kind k); /* "delivered", "in-doubt" */

/* Sets kind, code and reason (cut to fit, at a UTF-8 border, and without control characters); evidence and whose
 * fault it is stay as they are. */
void outcome_set(struct outcome *o, enum outcome_kind kind, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void outcome_release(struct outcome *o);

/* A code is letters, digits, '.', '_' and '-', and fits. */
bool outcome_code_is_valid(const char *code);
/* NULL, or an object of at most EVIDENCE_MOST. */
bool evidence_is_valid(const json_t *evidence);

/* {"kind","code","reason","destination","unsure","evidence"}; evidence that is too much is left out. NULL: out of
 * memory. */
json_t *outcome_to_json(const struct outcome *o);
/* 0, -EINVAL (not an outcome: also a code, a reason or evidence that outcome_to_json() would not write). RET is set
 * whole or not at all. */
int outcome_from_json(const json_t *j, struct outcome *ret);

#endif

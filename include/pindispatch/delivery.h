/* A delivery: one secret of one card event on its way to the holder, and the states it can be in. */
#ifndef PINDISPATCH_DELIVERY_H
#define PINDISPATCH_DELIVERY_H

#include <stdbool.h>

enum secret_kind { SECRET_PIN, SECRET_PUK, SECRET_KINDS };
/* What may be sealed together: the secrets of a card, each of which is delivered, and the password of the document
 * that one of them is sent in. */
enum { SECRET_PASSWORD = SECRET_KINDS, SECRET_PARTS };
/* Characters. A password must stand against guessing at leisure: whoever reads the mail has the document. */
enum { PASSWORD_LEAST = 8 };

enum delivery_state {
    STATE_QUEUED,    /* accepted, waits for its turn */
    STATE_SENDING,   /* handed to a worker; committed before the worker hears of it */
    STATE_SPOOLED,   /* the printer's job is released and is followed to its end */
    STATE_DEFERRED,  /* tried, will be tried again when due */
    STATE_HELD,      /* stopped, by an operator or by a rule of the configuration, until an operator releases it */
    STATE_IN_DOUBT,  /* the irreversible step may have happened and nothing can tell; waits for a person */
    STATE_FAILED,    /* permanent or given up; the sealed secret is kept until retention, so that `retry` works */
    STATE_DELIVERED, /* final, with evidence */
    STATE_NOPIN,     /* final: recorded, the secret was never stored */
    STATE_CANCELLED, /* final: an operator took it back, or there was nothing to deliver */
    STATE_EXPIRED,   /* final: kept too long, the secret was erased */
    STATE_DRY_RUN,   /* final: rendered with a masked secret */
    STATE_COUNT
};

/* How far an attempt had come, kept beside the state: what recovery starts from. */
enum stage {
    STAGE_FRESH,     /* nothing was begun */
    STAGE_BEGUN,     /* a worker had it; nothing irreversible was allowed yet (print), or anything may have happened
                        (mail) */
    STAGE_RELEASING, /* the intent to do the irreversible step is committed */
    STAGE_SPOOLED,   /* the step was done; what became of it is followed */
    STAGE_COUNT
};

#define STATE_BIT(state) (1U << (state))
#define STATES_ALL       ((1U << STATE_COUNT) - 1)
/* Final states: the sealed secret is erased in the same transaction. */
#define STATES_FINAL                                                                                                 \
    (STATE_BIT(STATE_DELIVERED) | STATE_BIT(STATE_NOPIN) | STATE_BIT(STATE_CANCELLED) | STATE_BIT(STATE_EXPIRED) |   \
     STATE_BIT(STATE_DRY_RUN))
/* States that nothing leaves without a person: what `submit --wait` and `--once` wait for. */
#define STATES_SETTLED (STATES_FINAL | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_IN_DOUBT) | STATE_BIT(STATE_HELD))

const char *state_name(enum delivery_state s); /* "queued", "in-doubt", "dry-run" */
/* 0, or -EINVAL for a name that is none. */
int state_parse(const char *name, enum delivery_state *ret);
/* NULL-terminated, in the order of the enum. */
const char *const *state_names(void);
/* The law of design: may a delivery go from FROM to TO? */
bool state_may_become(enum delivery_state from, enum delivery_state to);

const char *secret_kind_name(enum secret_kind k); /* "pin", "puk" */
int secret_kind_parse(const char *name, enum secret_kind *ret);
const char *secret_part_name(unsigned part); /* also "password" */
int secret_part_parse(const char *name, unsigned *ret);

const char *stage_name(enum stage s); /* "fresh", "begun", "releasing", "spooled" */
int stage_parse(const char *name, enum stage *ret);

#endif

/* Deliveries that submit --wait follows to their ends. */
#ifndef PINDISPATCH_CTL_WAIT_H
#define PINDISPATCH_CTL_WAIT_H

#include <pindispatch/delivery.h>
#include <pindispatch/uuid.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;

struct wait {
    struct uuid *ids; /* owned: not settled yet */
    size_t n, capacity;
    uint64_t settled;
    bool quiet;
    uint64_t unwell; /* of those: not delivered, nopin or dry-run */
};

/* Notes one {"id","state"} of an answer. 0 or -ENOMEM. */
int wait_add(struct wait *w, const json_t *delivery);
/* Asks the daemon again and again, and tells each delivery as it settles (QUIET: only those that are not well).
 * TIMEOUT 0: without end. CTL_DONE when all are well. */
int wait_run(struct wait *w, struct ctl *c, int64_t timeout_microseconds, bool quiet);
void wait_release(struct wait *w);

#endif

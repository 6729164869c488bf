/* A key agreement (ECDH) kept for what follows at once: it costs more than all the rest of a JWE. What shares it has
 * a key of its own all the same, derived with a PartyUInfo of its own (`apu`, RFC 7518 section 4.6.1.2). The
 * ephemeral private key is not kept, only what was agreed on. */
#ifndef PINDISPATCH_SEAL_AGREEMENT_H
#define PINDISPATCH_SEAL_AGREEMENT_H

#include <pindispatch/secret.h>

#include "curve.h"

enum { AGREEMENT_USES = 256 }; /* sealings at most that share one */

struct agreement {
    struct point ephemeral; /* whose: ours when closing, the other side's when opening */
    struct secret *shared;  /* COORDINATE bytes; NULL: nothing is kept */
    unsigned uses;
};

bool agreement_is_with(const struct agreement *a, const struct point *ephemeral);
/* Replaces what was kept. 0 or -ENOMEM. */
int agreement_keep(struct agreement *a, const struct point *ephemeral, const uint8_t shared[COORDINATE]);
const uint8_t *agreement_shared(const struct agreement *a);
void agreement_forget(struct agreement *a);

#endif

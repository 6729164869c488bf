/* What a seal_ring is made of. */
#ifndef PINDISPATCH_SEAL_RING_H
#define PINDISPATCH_SEAL_RING_H

#include <pindispatch/seal.h>

struct seal_ring {
    size_t n; /* at least 1 once it is made */
    struct seal_key *keys[SEAL_RING_MOST];
};

#endif

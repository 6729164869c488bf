#include "agreement.h"

#include <string.h>

bool agreement_is_with(const struct agreement *a, const struct point *ephemeral)
{
    return a->shared && a->ephemeral.size == ephemeral->size &&
           memcmp(a->ephemeral.bytes, ephemeral->bytes, ephemeral->size) == 0;
}

int agreement_keep(struct agreement *a, const struct point *ephemeral, const uint8_t shared[COORDINATE])
{
    agreement_forget(a);
    a->ephemeral = *ephemeral;
    a->uses = 0;
    return secret_new(shared, COORDINATE, &a->shared);
}

const uint8_t *agreement_shared(const struct agreement *a)
{
    return (const uint8_t *)secret_reveal(a->shared);
}

void agreement_forget(struct agreement *a)
{
    a->shared = secret_free(a->shared);
}

/* What a seal_key is made of. */
#ifndef PINDISPATCH_SEAL_KEY_H
#define PINDISPATCH_SEAL_KEY_H

#include <pindispatch/seal.h>

#include "cipher.h"
#include "curve.h"

#define SEAL_ALG "ECDH-ES+A256KW"
#define SEAL_ENC "A256GCM"

enum { KEY_ID_MOST = 128 };

struct seal_key {
    enum seal_curve curve;
    bool can_open;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ephemeral; /* the curve's generator */
    struct ciphers ciphers;
    char *id;
};

/* Takes PKEY over, whether it fails or not. ID: NULL for the thumbprint. 0, -ENOMEM, -EIO. */
int seal_key_new(enum seal_curve curve, EVP_PKEY *pkey, bool can_open, const char *id, struct seal_key **ret);

#endif

/* What a seal_key is made of. */
#ifndef PINDISPATCH_SEAL_KEY_H
#define PINDISPATCH_SEAL_KEY_H

#include <pindispatch/seal.h>

#include <jansson.h>

#include "agreement.h"
#include "cipher.h"
#include "curve.h"

#define SEAL_ALG "ECDH-ES+A256KW"
#define SEAL_ENC "A256GCM"

enum { KEY_ID_MOST = 128 };

struct token;

struct seal_key {
    enum seal_curve curve;
    bool can_open;
    EVP_PKEY *pkey;          /* with a token: the public part alone */
    struct token *token;     /* owned; NULL: the private part, if any, is in pkey */
    EVP_PKEY_CTX *ephemeral; /* makes ephemeral keys of its curve */
    struct ciphers ciphers;
    struct agreements *kept; /* owned */
    char *id;
};

/* What the last sealing, and the last opening, agreed on; a key that is borrowed (const) has them too. */
struct agreements {
    struct agreement closing, opening;
};

/* Takes PKEY over, whether it fails or not. ID: NULL for the thumbprint. 0, -ENOMEM, -EIO. */
int seal_key_new(enum seal_curve curve, EVP_PKEY *pkey, bool can_open, const char *id, struct seal_key **ret);

void seal_key_forget(const struct seal_key *k);

/* 0; 1 with P (code "key"); -ENOMEM. */
int seal_key_from_json(const json_t *jwk, const char *name, struct seal_key **ret, struct problem *p);
/* 0; -EINVAL: it has no private part, or none that leaves its token; -ENOMEM. */
int seal_key_to_json(const struct seal_key *k, bool private_part, json_t **ret);

#endif

/* A private key that stays in a PKCS#11 token: P-256, CKM_ECDH1_DERIVE. */
#ifndef PINDISPATCH_SEAL_TOKEN_H
#define PINDISPATCH_SEAL_TOKEN_H

#include <pindispatch/seal.h>

#include "curve.h"

struct token;

/* The key that an RFC 7512 URI names, ready to agree; its id is the thumbprint. PIN: NULL for none.
 * 0; 1 with P (code "key"); -ENOMEM. */
int seal_key_in_token(const char *uri, const struct secret *pin, struct seal_key **ret, struct problem *p);

/* ECDH inside of the token. 0; -ENODEV: the token cannot be used, also after logging in anew. */
int token_agree(struct token *t, const struct point *peer, uint8_t shared[COORDINATE]);
struct token *token_free(struct token *t);
DEFINE_CLEANUP(struct token, token, token_free)

#endif

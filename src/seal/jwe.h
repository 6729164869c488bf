/* A JWE in compact form, taken apart (RFC 7516 section 3.1). */
#ifndef PINDISPATCH_SEAL_JWE_H
#define PINDISPATCH_SEAL_JWE_H

#include "content.h"
#include "key.h"
#include "ring.h"

/* Bytes of the protected header's JSON: an event's source (1,024) and id (256, each may need an escape) beside the
 * rest.
 */
enum { HEADER_MOST = 2048 };

struct jwe {
    const struct seal_key *key; /* whose id it names; borrowed from the ring */
    const char *header;         /* in base64url: what the tag covers; borrowed from the text */
    size_t header_length;
    struct party apu, apv; /* RFC 7518 sections 4.6.1.2 and 4.6.1.3 */
    struct point epk;      /* on the curve */
    EVP_PKEY *ephemeral;   /* at that point; owned; NULL: what was agreed on with it is kept */
    uint8_t wrapped[WRAPPED_SIZE];
    uint8_t iv[IV_SIZE];
    uint8_t ciphertext[CONTENT_MOST];
    size_t ciphertext_size;
    uint8_t tag[TAG_SIZE];
};

/* Strict: the form, the algorithms, a key's id and curve, and the event (BINDING: NULL for any).
 * 0; 1 with P (codes "form", "algorithm", "key", "binding"). */
int jwe_parse(const struct seal_ring *ring, const char *text, const struct seal_binding *binding, struct jwe *ret,
              struct problem *p);
void jwe_release(struct jwe *j);

#endif

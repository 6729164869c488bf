/* SHA-256 as the store uses it: keys of identities, and the chain of audit rows. */
#ifndef PINDISPATCH_STORE_CHAIN_H
#define PINDISPATCH_STORE_CHAIN_H

#include <pindispatch/cleanup.h>
#include <pindispatch/store.h>

#include <openssl/evp.h>

enum { CHAIN_HASH = 32, CHAIN_TEXT = 2 * CHAIN_HASH + 1 };

/* The algorithm and a context are fetched once: fetching costs more than hashing a row. */
struct hasher {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

int hasher_init(struct hasher *h); /* 0, -ENOMEM */
void hasher_release(struct hasher *h);

/* 48 bits of SHA-256(SOURCE, NUL, ID): few enough to be stored in six bytes, too many to collide by chance. */
int chain_key(struct hasher *h, const char *source, const char *id, int64_t *ret);

/* The hash of R, which follows a row whose hash is PREVIOUS (zeros for the first). R->hash is not looked at.
 *   SHA-256(PREVIOUS ‖ seq ‖ prior ‖ time ‖ delivery ‖ from ‖ to ‖ cause ‖ words ‖ uid ‖ generation ‖
 *           template_hash ‖ detail)
 * Numbers are 64 bits, the delivery is 16 bytes; a text is its length (32 bits) and its bytes, or ff ff ff ff when
 * there is none. All big-endian. No two rows have the same encoding. */
int chain_hash(struct hasher *h, const unsigned char previous[CHAIN_HASH], const struct audit_row *r,
               unsigned char ret[CHAIN_HASH]);

char *chain_format(const unsigned char hash[CHAIN_HASH], char text[CHAIN_TEXT]); /* hex; returns TEXT */

#endif

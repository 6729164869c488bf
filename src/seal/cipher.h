/* The symmetric half of ECDH-ES+A256KW with A256GCM, on OpenSSL's EVP. */
#ifndef PINDISPATCH_SEAL_CIPHER_H
#define PINDISPATCH_SEAL_CIPHER_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEK_SIZE = 32,
    CEK_SIZE = 32,
    WRAPPED_SIZE = CEK_SIZE + 8, /* RFC 3394 */
    IV_SIZE = 12,
    TAG_SIZE = 16,
    PARTY_MOST = 128, /* bytes of apu and of apv */
};

struct party {
    uint8_t bytes[PARTY_MOST];
    size_t size;
};

/* Fetched once a key: looking an algorithm up costs more than using it. */
struct ciphers {
    EVP_CIPHER *wrap;
    EVP_CIPHER *gcm;
    EVP_KDF_CTX *kdf;
};

int ciphers_init(struct ciphers *c); /* 0 or -EIO; release it in both cases */
void ciphers_release(struct ciphers *c);

/* The Concat KDF of RFC 7518 section 4.6.2: SIZE bytes of key for ALGORITHM ("ECDH-ES+A256KW" when the key wraps,
 * the content's algorithm when it encrypts directly). 0 or -EIO. */
int concat_kdf(const struct ciphers *c, const uint8_t *shared, size_t shared_size, const char *algorithm,
               const struct party *u, const struct party *v, uint8_t *key, size_t size);

/* 0 or -EIO; for the opening ones that also means: not made with this key. */
int key_wrap(const struct ciphers *c, const uint8_t kek[KEK_SIZE], const uint8_t cek[CEK_SIZE],
             uint8_t wrapped[WRAPPED_SIZE]);
int key_unwrap(const struct ciphers *c, const uint8_t kek[KEK_SIZE], const uint8_t wrapped[WRAPPED_SIZE],
               uint8_t cek[CEK_SIZE]);

/* A message for A256GCM. OUT has room for SIZE bytes. */
struct message {
    const uint8_t *iv;
    const char *authenticated; /* the protected header in base64url */
    size_t authenticated_size;
    const uint8_t *in;
    size_t size;
    uint8_t *out;
};
int gcm_close(const struct ciphers *c, const uint8_t cek[CEK_SIZE], const struct message *m, uint8_t tag[TAG_SIZE]);
int gcm_open(const struct ciphers *c, const uint8_t cek[CEK_SIZE], const struct message *m,
             const uint8_t tag[TAG_SIZE]);

#endif

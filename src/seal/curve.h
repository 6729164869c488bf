/* The two curves, and their points as JWK members (RFC 7518 section 6.2, RFC 8037 section 2) and OpenSSL keys. */
#ifndef PINDISPATCH_SEAL_CURVE_H
#define PINDISPATCH_SEAL_CURVE_H

#include <pindispatch/seal.h>

#include <jansson.h>
#include <openssl/types.h>
#include <stdint.h>

/* Both curves have coordinates, private parts and shared secrets of 32 bytes. */
enum { COORDINATE = 32, POINT_MOST = 1 + 2 * COORDINATE };

struct point {
    enum seal_curve curve;
    size_t size;
    uint8_t bytes[POINT_MOST]; /* P-256: 04 x y; X25519: x */
};

/* Reads kty, crv, x and y. 0, or -EINVAL (not one of the two curves, or not of its form). */
int point_from_json(const json_t *jwk, struct point *ret);
/* {"crv","kty","x"[,"y"]} and nothing else: exactly what RFC 7638 hashes. NULL: out of memory. */
json_t *point_to_json(const struct point *p);

/* The key at a point, with its private part when PRIVATE is not NULL. NULL: no point of the curve, or a private
 * part that belongs to another point. */
EVP_PKEY *point_key(const struct point *p, const uint8_t *private);
/* The public key at a point of LIKE's curve, whose group it takes over: OpenSSL works a group out anew for each key
 * by point_key(). NULL: no point of the curve. */
EVP_PKEY *point_peer(const struct point *p, const EVP_PKEY *like);
/* The public point of a key. 0 or -EIO. */
int point_of_key(enum seal_curve curve, const EVP_PKEY *key, struct point *ret);
/* Copies out the private part; the caller wipes it. 0 or -EIO. */
int private_of_key(enum seal_curve curve, const EVP_PKEY *key, uint8_t private[COORDINATE]);

/* What makes keys on CURVE. NULL: OpenSSL cannot. */
EVP_PKEY_CTX *curve_generator(enum seal_curve curve);
/* What makes ephemeral keys on the curve of LIKE, prepared once: it takes its group over. NULL: OpenSSL cannot. */
EVP_PKEY_CTX *curve_generator_like(EVP_PKEY *like);
/* ECDH. 0, or -EIO (a peer's point of low order, on X25519). PEER is a point of the curve: point_key() and
 * point_peer() make no other. */
int curve_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[COORDINATE]);

#endif

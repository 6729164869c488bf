/* Sealing: a secret closed to a public key as a JWE in compact form (RFC 7516, RFC 7518, RFC 8037):
 * alg ECDH-ES+A256KW, enc A256GCM, on P-256 or X25519, `kid` in the protected header. */
#ifndef PINDISPATCH_SEAL_H
#define PINDISPATCH_SEAL_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/delivery.h>
#include <pindispatch/problem.h>
#include <pindispatch/secret.h>

#include <stdbool.h>

enum { JWE_MOST = 4096, KEY_FILE_MOST = 16 * 1024 };

struct seal_key; /* a public key, or a pair */

enum seal_curve { SEAL_P256, SEAL_X25519 };

/* A JWK (RFC 7517) from its text; NAME (a file's) is for P. With a private part it can open.
 * 0; 1 with P; -ENOMEM. */
int seal_key_parse(const char *text, size_t size, const char *name, struct seal_key **ret, struct problem *p);
/* The same from a file. A private key that others than its owner may read (mode & 0077) is refused. */
int seal_key_load(const char *path, struct seal_key **ret, struct problem *p);
int seal_key_generate(enum seal_curve curve, struct seal_key **ret);
/* Appends the JWK. The buffer of a private one is wiped by its owner. */
int seal_key_write(const struct seal_key *k, bool private_part, struct buffer *b);
const char *seal_key_id(const struct seal_key *k); /* `kid`: the file's, else the RFC 7638 thumbprint */
bool seal_key_can_open(const struct seal_key *k);
struct seal_key *seal_key_free(struct seal_key *k);
DEFINE_CLEANUP(struct seal_key, seal_key, seal_key_free)

/* Closes {"pin":…,"puk":…} (those not NULL). *RET is malloc'ed text. 0, -EINVAL (none given), -ENOMEM, -EIO
 * (OpenSSL). */
int seal_close(const struct seal_key *k, struct secret *const secrets[SECRET_KINDS], char **ret);
/* Opens a JWE: secrets that it does not hold are NULL. 0; 1 with P (codes "form", "algorithm", "key", "decrypt",
 * "content"); -ENOMEM. Errors never tell more than that it did not open. */
int seal_open(const struct seal_key *k, const char *jwe, struct secret *ret[SECRET_KINDS], struct problem *p);
/* Form and key id only, with a public key: what intake can check. 0; 1 with P. */
int seal_check(const struct seal_key *k, const char *jwe, struct problem *p);

#endif

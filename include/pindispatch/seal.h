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

enum { JWE_MOST = 4096, KEY_FILE_MOST = 32 * 1024, SEAL_RING_MOST = 32 };

/* ---- one key ---- */

struct seal_key; /* a public key, or a pair, or a pair whose private part stays in a PKCS#11 token */

enum seal_curve { SEAL_P256, SEAL_X25519 };

/* A JWK (RFC 7517) from its text; NAME (a file's) is for P. With a private part it can open.
 * 0; 1 with P; -ENOMEM. */
int seal_key_parse(const char *text, size_t size, const char *name, struct seal_key **ret, struct problem *p);
int seal_key_generate(enum seal_curve curve, struct seal_key **ret);
/* Appends the JWK. The buffer of a private one is wiped by its owner. -EINVAL: it has no private part to write. */
int seal_key_write(const struct seal_key *k, bool private_part, struct buffer *b);
const char *seal_key_id(const struct seal_key *k); /* `kid`: the file's, else the RFC 7638 thumbprint */
bool seal_key_can_open(const struct seal_key *k);
struct seal_key *seal_key_free(struct seal_key *k);
DEFINE_CLEANUP(struct seal_key, seal_key, seal_key_free)

/* ---- a ring of keys: one or more, the newest first; all can open, or none ---- */

struct seal_ring;

/* Takes K over, whether it fails or not. 0, -ENOMEM. */
int seal_ring_new(struct seal_key *k, struct seal_ring **ret);
/* A JWK, or a JWK Set (RFC 7517 section 5), whose first key is the newest. A key in it that cannot be used here is an
 * error, not passed over: what is sealed to it could never be opened. 0; 1 with P; -ENOMEM. */
int seal_ring_parse(const char *text, size_t size, const char *name, struct seal_ring **ret, struct problem *p);
/* The same from where a setting says: a file; or, when PLACES begins with "pkcs11:", RFC 7512 URIs of private keys in
 * tokens and absolute paths of files, with blanks between them, the newest first. TOKEN_PIN logs in there; NULL:
 * none. A private file that others than its owner may read (mode & 0077) is refused. */
int seal_ring_load(const char *places, const struct secret *token_pin, struct seal_ring **ret, struct problem *p);
bool seal_place_is_token(const char *places);
/* Puts K (taken over, whether it fails or not) in front as the newest, and keeps at most KEEP keys.
 * 0; -EEXIST: its id is there. */
int seal_ring_renew(struct seal_ring *r, struct seal_key *k, size_t keep);
/* Appends a JWK when there is one key, else a JWK Set. */
int seal_ring_write(const struct seal_ring *r, bool private_part, struct buffer *b);
size_t seal_ring_size(const struct seal_ring *r);
const struct seal_key *seal_ring_at(const struct seal_ring *r, size_t i); /* 0: the newest */
const struct seal_key *seal_ring_newest(const struct seal_ring *r);
const struct seal_key *seal_ring_find(const struct seal_ring *r, const char *id); /* NULL: not there */
bool seal_ring_can_open(const struct seal_ring *r);
struct seal_ring *seal_ring_free(struct seal_ring *r);
DEFINE_CLEANUP(struct seal_ring, seal_ring, seal_ring_free)

/* ---- closing and opening ---- */

/* What is closed to a key one after the other shares a key agreement, with an ephemeral key of its own, as does what
 * is opened that shares one; each JWE has a key derived from it for itself alone. This ends that, and wipes what was
 * agreed on: to be called when those that belong together are done. */
void seal_ring_forget(const struct seal_ring *r);

/* The event that a sealed text belongs to, as "ce_source" and "ce_id" in its protected header: under another event it
 * does not open. */
struct seal_binding {
    const char *source, *id;
    bool required; /* checking: a JWE without the two members is refused as well */
};

/* Closes {"pin":…,"puk":…,"password":…} (those not NULL, with a pin or a puk). BINDING: NULL for none. *RET is
 * malloc'ed text. 0, -EINVAL (no secret given), -ENOMEM, -EIO (OpenSSL). */
int seal_close(const struct seal_key *k, struct secret *const secrets[SECRET_PARTS],
               const struct seal_binding *binding, char **ret);
/* Opens a JWE with the key that its `kid` names: secrets that it does not hold are NULL. BINDING: NULL for any.
 * 0; 1 with P (codes "form", "algorithm", "key", "binding", "token", "decrypt", "content"); -ENOMEM. Only "token" may
 * pass: the token could not be used just now. Errors never tell more than that it did not open. */
int seal_open(const struct seal_ring *r, const char *jwe, const struct seal_binding *binding,
              struct secret *ret[SECRET_PARTS], struct problem *p);
/* Form, key id and binding only, with public keys: what intake can check. 0; 1 with P. */
int seal_check(const struct seal_ring *r, const char *jwe, const struct seal_binding *binding, struct problem *p);

#endif

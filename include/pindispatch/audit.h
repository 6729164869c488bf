/* Anchors of the audit trail. The chain proves that nothing was changed within it, but whoever can write the store
 * can cut its end off, or compute all of it anew. An anchor is a signature over what the newest row was at a time,
 * kept in the store and in a file beside it (store.path with ".anchors", one JSON object a line, only ever appended
 * to). */
#ifndef PINDISPATCH_AUDIT_H
#define PINDISPATCH_AUDIT_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/problem.h>
#include <pindispatch/store.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- keys: Ed25519, as JWK (RFC 8037) ---- */

struct audit_key;

int audit_key_generate(struct audit_key **ret); /* 0, -ENOMEM, -EIO */
/* A private key that others than its owner may read (mode & 0077) is refused. 0; 1 with P; -ENOMEM. */
int audit_key_load(const char *path, struct audit_key **ret, struct problem *p);
/* Appends the JWK. -EINVAL: it has no private part. */
int audit_key_write(const struct audit_key *k, bool private_part, struct buffer *b);
const char *audit_key_id(const struct audit_key *k); /* the RFC 7638 thumbprint */
bool audit_key_can_sign(const struct audit_key *k);
struct audit_key *audit_key_free(struct audit_key *k);
DEFINE_CLEANUP(struct audit_key, audit_key, audit_key_free)

/* Over number, row, hash and time. 0, -EIO. */
int anchor_sign(const struct audit_key *k, struct anchor *a);
bool anchor_is_signed(const struct audit_key *k, const struct anchor *a);
/* The anchor as in the file. NULL: out of memory. */
json_t *anchor_to_json(const struct anchor *a);
/* 0, -EINVAL. */
int anchor_from_json(const json_t *j, struct anchor *ret);
/* "STORE.anchors". The caller frees. NULL: out of memory. */
char *anchor_path(const char *store_path);

/* ---- making anchors ---- */

struct auditor;

/* KEY is borrowed. 0; -ENOMEM, -errno when the file cannot be read. */
int auditor_new(struct store *s, const char *store_path, const struct audit_key *key, struct auditor **ret);
struct auditor *auditor_free(struct auditor *a);
DEFINE_CLEANUP(struct auditor, auditor, auditor_free)
uint64_t auditor_seq(const struct auditor *a); /* the row of the newest anchor; 0: none */
/* Anchors the newest row: in the file, synced; then in the store's open transaction, for the caller to commit.
 * 0 with *RET; 1: that row is anchored; -EBUSY: there are rows that are not committed; -errno: try later. */
int auditor_anchor(struct auditor *a, int64_t now, struct anchor *ret);

/* ---- checking ---- */

struct audit_check;

/* Of the chain, and of the anchors when KEY (borrowed) is not NULL. 0; 1 with P; -ENOMEM, -errno. */
int audit_check_new(struct store *s, const char *store_path, const struct audit_key *key, struct audit_check **ret,
                    struct problem *p);
struct audit_check *audit_check_free(struct audit_check *c);
DEFINE_CLEANUP(struct audit_check, audit_check, audit_check_free)
/* Checks about LIMIT rows more. 0: *RET_DONE tells whether these were all; 1 with P: where is "audit row N" of the
 * first one that is not as it was; -errno. */
int audit_check_step(struct audit_check *c, uint64_t limit, bool *ret_done, struct problem *p);
uint64_t audit_check_rows(const struct audit_check *c);
uint64_t audit_check_anchors(const struct audit_check *c);
uint64_t audit_check_anchored(const struct audit_check *c); /* the row of the newest anchor; 0: none */

#endif

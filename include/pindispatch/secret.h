/* A secret is a type that no format can print and that is wiped when it is freed.
 * Its bytes live in pages of their own: locked where the limit allows, left out of core dumps. */
#ifndef PINDISPATCH_SECRET_H
#define PINDISPATCH_SECRET_H

#include <pindispatch/cleanup.h>

#include <stddef.h>

struct secret;

enum { SECRET_MAX = 239 }; /* bytes; a longer one is refused */

/* Copies SIZE bytes. -ENOMEM, -E2BIG, -EINVAL when SIZE is 0. The caller wipes the original. */
int secret_new(const void *bytes, size_t size, struct secret **ret);
struct secret *secret_free(struct secret *s);
DEFINE_CLEANUP(struct secret, secret, secret_free)

/* Borrowed until secret_free(); the bytes are followed by a NUL that is not counted. */
const char *secret_reveal(const struct secret *s);
size_t secret_size(const struct secret *s);

/* A secret of the same length, all of it MASK. */
int secret_masked(const struct secret *s, char mask, struct secret **ret);

/* Overwrites memory in a way that the compiler may not drop. */
void secret_wipe(void *p, size_t size);

/* Overwrites what calls that have returned left on the stack below the caller's own frame (SECRET_STACK bytes):
 * libraries keep copies in their locals and do not wipe them. Registers as well. */
enum { SECRET_STACK = 128 * 1024 }; /* the deepest known use, a letter's, is 80 KiB */
void secret_wipe_stack(void);
/* The nearest SECRET_FRAMES bytes of it, which costs next to nothing: for many calls after which, from a frame not
 * that much deeper, all of it is wiped once. */
enum { SECRET_FRAMES = 16 * 1024 };
void secret_wipe_frames(void);

/* Makes this process hard to read: not dumpable, no core, not swapped out where the limits let it lock its memory.
 * Errors are ignored where a sandbox already did it. */
void secret_harden_process(void);

#endif

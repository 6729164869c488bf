/* What is sealed: {"pin":…,"puk":…,"password":…}, at least one of the first two, each 1–64 characters of printable
 * ASCII. */
#ifndef PINDISPATCH_SEAL_CONTENT_H
#define PINDISPATCH_SEAL_CONTENT_H

#include <pindispatch/delivery.h>
#include <pindispatch/problem.h>
#include <pindispatch/secret.h>

#include <stddef.h>

enum {
    CONTENT_SECRET_MOST = 64, /* characters of a secret */
    CONTENT_MOST = 1024,      /* bytes of the text: room for blanks and escapes of other writers */
};

/* Writes the text. 0, or -EINVAL (no secret, or one that is not of the form). The caller wipes TEXT. */
int content_write(struct secret *const secrets[SECRET_PARTS], char text[CONTENT_MOST], size_t *ret_size);
/* 0; 1 with P (code "content"); -ENOMEM. RET is touched only on 0. */
int content_read(const char *text, size_t size, struct secret *ret[SECRET_PARTS], struct problem *p);

#endif

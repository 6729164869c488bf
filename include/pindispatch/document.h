/* A rendered document: a letter (PDF, PNG) or a mail (RFC 5322 message). It carries the secret: it is wiped. */
#ifndef PINDISPATCH_DOCUMENT_H
#define PINDISPATCH_DOCUMENT_H

#include <pindispatch/buffer.h>

enum { DOCUMENT_MOST = 16 * 1024 * 1024 };

struct document {
    struct buffer bytes;    /* most = DOCUMENT_MOST */
    const char *media_type; /* static: "application/pdf", "image/png", "message/rfc822" */
    unsigned pages;         /* of a letter */
    char template_hash[65]; /* SHA-256 of the template's files, hex */
    char sender[256];       /* a mail's envelope sender */
    char recipient[256];    /* a mail's envelope recipient */
};

#define DOCUMENT ((struct document){ .bytes = BUFFER(DOCUMENT_MOST) })

static inline void document_release(struct document *d)
{
    buffer_release(&d->bytes);
}

#endif

/* A rendered document: a letter (PDF, PNG, what a printer takes) or a mail (RFC 5322 message). It carries the secret:
 * it is wiped. */
#ifndef PINDISPATCH_DOCUMENT_H
#define PINDISPATCH_DOCUMENT_H

#include <pindispatch/buffer.h>

enum { DOCUMENT_MOST = 16 * 1024 * 1024 };

/* How a mail is closed to all but its holder. */
struct protection {
    const char *kind;     /* static: "none", "smime", "pdf"; NULL: it is no mail */
    char fingerprint[65]; /* SHA-256 of the certificate that it is encrypted to, hex; "" for others than "smime" */
    char expires[32];     /* the certificate's end */
};

struct document {
    struct buffer bytes;    /* most = DOCUMENT_MOST */
    const char *media_type; /* static: "application/pdf", "image/png", "message/rfc822", or a form's */
    unsigned pages;         /* of a letter */
    char language[36];      /* of a letter: RFC 5646 */
    char template_hash[65]; /* SHA-256 of the template's files, hex */
    char sender[256];       /* a mail's envelope sender */
    char recipient[256];    /* a mail's envelope recipient */
    struct protection protection;
};

#define DOCUMENT ((struct document){ .bytes = BUFFER(DOCUMENT_MOST) })

/* One page of a letter, drawn. Borrowed, and wiped by its owner. */
struct picture {
    const unsigned char *pixels;     /* rows of words 0x..RRGGBB of 32 bits in the machine's order */
    unsigned width, height;          /* pixels */
    size_t stride;                   /* bytes from row to row */
    double points_wide, points_high; /* the paper, 1/72 inch */
    unsigned number, pages;          /* from 0; of so many */
};

/* How a letter must be for a printer that takes no PDF: each page drawn at DPI, and appended to B by ENCODE, which
 * returns 0, -ENOMEM or -ENOBUFS. */
struct document_form {
    const char *media_type; /* static: what ENCODE makes */
    unsigned dpi;
    int (*encode)(const struct document_form *form, const struct picture *p, struct buffer *b);
};

static inline void document_release(struct document *d)
{
    buffer_release(&d->bytes);
}

#endif

/* A PDF that a password opens (ISO 32000-2, security handler revision 6: AES-256). */
#ifndef PROTECT_PDF_H
#define PROTECT_PDF_H

#include <pindispatch/buffer.h>
#include <pindispatch/secret.h>

/* Appends the PDF PLAIN, encrypted, to RET. LANGUAGE (RFC 5646; "": not known) is said in it, for programs that read
 * aloud. 0; -EIO: the library could not; -ENOMEM, -ENOBUFS. */
int pdf_encrypt(const struct buffer *plain, const struct secret *password, const char *language, struct buffer *ret);

#endif

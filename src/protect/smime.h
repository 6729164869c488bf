/* S/MIME 4.0 (RFC 8551): a finished message becomes one that only the certificate's holder can read. */
#ifndef PROTECT_SMIME_H
#define PROTECT_SMIME_H

#include <pindispatch/buffer.h>

#include <openssl/x509.h>
#include <stdbool.h>

/* Appends to RET the message PLAIN (RFC 5322, CRLF) with the same header, its body encrypted to TO. The header is
 * also within (RFC 9788), where nobody on the way can change it. AUTHENTICATED: AES-256-GCM in AuthEnvelopedData (RFC
 * 5083), which fewer mail programs read, else AES-256-CBC. 0; -EIO: the library could not; -EINVAL: PLAIN is no
 * message; -ENOMEM, -ENOBUFS. */
int smime_encrypt(const struct buffer *plain, X509 *to, bool authenticated, struct buffer *ret);

#endif

/* The holder's certificate: where it is found, and whether a PIN may be encrypted to it. */
#ifndef PROTECT_CERTIFICATE_H
#define PROTECT_CERTIFICATE_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/document.h>
#include <pindispatch/outcome.h>
#include <pindispatch/problem.h>

#include <openssl/x509.h>
#include <stdint.h>

enum { CERTIFICATES_MOST = 64 * 1024 }; /* bytes of a file of one holder's certificates and their issuers */

struct certificate_rules {
    const char *address; /* of the holder: a certificate must name it */
    int64_t now;         /* microseconds since 1970 */
    X509_STORE *anchors; /* what the certificate must lead to; NULL: any issuer */
};

/* The first of TEXT's certificates (PEM, several allowed; or one in DER, or that in base64) that obeys the rules. The
 * others serve as intermediates. 0; 1 with P (codes "certificate-…" as in protect.h; where is left empty); -ENOMEM.
 */
int certificate_choose(const void *text, size_t size, const struct certificate_rules *rules, X509 **ret,
                       struct problem *p);

/* FOLDER/ADDRESS.pem, as it is written or in lower case, appended to B. 0; 1 with P: there is none; -errno: the
 * folder or the file cannot be read. */
int certificate_read(const char *folder, const char *address, struct buffer *b, struct problem *p);

/* The CA certificates in FILE. 0; 1 with P; -ENOMEM. */
int certificate_anchors(const char *file, X509_STORE **ret, struct problem *p);

/* SHA-256 of the certificate, and its end. 0, -ENOMEM. */
int certificate_describe(X509 *c, struct protection *ret);

static inline void x509_cleanup(X509 **c)
{
    X509_free(*c);
}

#endif

/* Certificates made on the spot. */
#ifndef UNIT_PROTECT_MAKER_H
#define UNIT_PROTECT_MAKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define ADDRESS "asa.oberg@example.com"
enum { NOW = 1800000000, DAY = 86400 }; /* seconds */

/* What a certificate says; NULL and 0 are the default of a good one. */
struct making {
    const char *address; /* in subjectAltName; "": none */
    const char *subject; /* an emailAddress in the subject */
    const char *usage;   /* "": no extension */
    const char *purpose; /* "": no extension */
    unsigned rsa;        /* bits; 0: P-256 */
    int64_t first, last; /* seconds since 1970 */
    EVP_PKEY *signer;    /* NULL: itself */
    X509 *issuer;
};

static inline EVP_PKEY *make_key(const struct making *m)
{
    EVP_PKEY *key = m->rsa ? EVP_RSA_gen(m->rsa) : EVP_EC_gen("P-256");

    assert_non_null(key);
    return key;
}

static inline void add_extension(X509 *c, int nid, const char *value)
{
    X509_EXTENSION *e;

    if (!value[0])
        return;
    e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(c, e, -1), 1);
    X509_EXTENSION_free(e);
}

static inline const char *or_else(const char *text, const char *standard)
{
    return text ? text : standard;
}

static inline X509 *make_certificate(const struct making *m, EVP_PKEY *key)
{
    X509 *c = X509_new();
    X509_NAME *name = X509_get_subject_name(c);
    char san[300];

    assert_non_null(c);
    assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(c), m->issuer ? 2 : 1);
    ASN1_TIME_set(X509_getm_notBefore(c), m->first ? m->first : NOW - DAY);
    ASN1_TIME_set(X509_getm_notAfter(c), m->last ? m->last : NOW + DAY);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)(m->issuer ? "Asa" : "CA"), -1, -1,
                               0);
    if (m->subject)
        X509_NAME_add_entry_by_txt(name, "emailAddress", MBSTRING_ASC, (const unsigned char *)m->subject, -1, -1, 0);
    X509_set_issuer_name(c, m->issuer ? X509_get_subject_name(m->issuer) : name);
    X509_set_pubkey(c, key);
    snprintf(san, sizeof(san), "email:%s", or_else(m->address, ADDRESS));
    add_extension(c, NID_subject_alt_name, or_else(m->address, ADDRESS)[0] ? san : "");
    add_extension(c, NID_key_usage, or_else(m->usage, m->rsa ? "keyEncipherment" : "keyAgreement"));
    add_extension(c, NID_ext_key_usage, or_else(m->purpose, "emailProtection"));
    assert_true(X509_sign(c, m->signer ? m->signer : key, EVP_sha256()) > 0);
    return c;
}

/* PEM; the caller frees. */
static inline char *certificate_text(X509 *c)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes, *text;
    long size;

    assert_int_equal(PEM_write_bio_X509(out, c), 1);
    size = BIO_get_mem_data(out, &bytes);
    text = strndup(bytes, (size_t)size);
    BIO_free(out);
    return text;
}

#endif

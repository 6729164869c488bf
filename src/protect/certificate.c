#include "certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <pindispatch/clock.h>
#include <pindispatch/file.h>

enum {
    CANDIDATES_MOST = 16,
    STRENGTH_LEAST = 112, /* bits: RSA of 2,048, NIST SP 800-57 */
};

static void stack_cleanup(STACK_OF(X509) * *s)
{
    sk_X509_pop_free(*s, X509_free);
}

static void bio_cleanup(BIO **b)
{
    BIO_free(*b);
}

static int refuse(struct problem *p, const char *what, const char *sentence)
{
    char code[sizeof(p->code)];

    snprintf(code, sizeof(code), "certificate-%s", what);
    return problem_set(p, code, "", "%s", sentence);
}

/* --- reading --- */

static int add(STACK_OF(X509) * all, X509 *c)
{
    if (sk_X509_push(all, c) > 0)
        return 0;
    X509_free(c);
    return -ENOMEM;
}

static int read_pem(const void *text, size_t size, STACK_OF(X509) * all)
{
    CLEANUP(bio_cleanup) BIO *in = BIO_new_mem_buf(text, (int)size);
    X509 *c;
    int r = in ? 0 : -ENOMEM;

    /* No password is ever asked for: certificates are not encrypted. */
    while (r == 0 && sk_X509_num(all) < CANDIDATES_MOST && (c = PEM_read_bio_X509(in, NULL, NULL, "")) != NULL)
        r = add(all, c);
    ERR_clear_error(); /* the end is an error there */
    return r;
}

static int read_der(const unsigned char *at, size_t size, STACK_OF(X509) * all)
{
    const unsigned char *end = at + size;
    X509 *c = d2i_X509(NULL, &at, (long)size);

    ERR_clear_error();
    if (c && at == end)
        return add(all, c);
    X509_free(c);
    return 0;
}

/* Blanks and line ends may stand anywhere in it. */
static int read_base64(const void *text, size_t size, STACK_OF(X509) * all)
{
    CLEANUP(buffer_release) struct buffer plain = BUFFER(CERTIFICATES_MOST), der = BUFFER(CERTIFICATES_MOST + 3);
    int n, r = buffer_reserve(&der, size + 3);

    for (size_t i = 0; r == 0 && i < size; i++)
        if (!strchr(" \t\r\n", ((const char *)text)[i]))
            r = buffer_add(&plain, (const char *)text + i, 1);
    if (r < 0)
        return r;
    n = EVP_DecodeBlock((unsigned char *)der.data, (unsigned char *)buffer_bytes(&plain), (int)buffer_size(&plain));
    for (size_t i = buffer_size(&plain); n > 0 && i > 0 && buffer_bytes(&plain)[i - 1] == '='; i--)
        n--; /* it counts the padding as bytes */
    return n > 0 ? read_der((unsigned char *)der.data, (size_t)n, all) : 0;
}

static int read_all(const void *text, size_t size, STACK_OF(X509) * all)
{
    int r;

    if (size == 0 || size > CERTIFICATES_MOST)
        return 0;
    r = memmem(text, size, "-----BEGIN", strlen("-----BEGIN")) ? read_pem(text, size, all)
                                                               : read_der(text, size, all);
    return r == 0 && sk_X509_num(all) == 0 ? read_base64(text, size, all) : r;
}

/* --- judging --- */

static bool names_address(X509 *c, const char *address)
{
    STACK_OF(OPENSSL_STRING) *names =
        X509_get1_email(c); /* of the subject and of subjectAltName, without NUL in them */
    bool found = false;

    /* No mail system in use tells local parts apart by case, and certificates are often written in another one. */
    for (int i = 0; i < sk_OPENSSL_STRING_num(names); i++)
        found |= strcasecmp(sk_OPENSSL_STRING_value(names, i), address) == 0;
    X509_email_free(names);
    return found;
}

static int check_time(X509 *c, int64_t now, struct problem *p)
{
    time_t seconds = (time_t)(now / MICROSECONDS_PER_SECOND);

    if (X509_cmp_time(X509_get0_notBefore(c), &seconds) >= 0)
        return refuse(p, "future", "the holder's certificate is not valid yet");
    if (X509_cmp_time(X509_get0_notAfter(c), &seconds) <= 0)
        return refuse(p, "expired", "the holder's certificate has expired");
    return 0;
}

/* RFC 8550 section 4.4.2: what encrypts the key must be allowed to, if the certificate says what it is for. */
static int check_usage(X509 *c, struct problem *p)
{
    EVP_PKEY *key = X509_get0_pubkey(c);
    int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    uint32_t needed = type == EVP_PKEY_EC ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;

    if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
        return refuse(p, "usage", "the holder's certificate has a key that mail cannot be encrypted to");
    if (!(X509_get_key_usage(c) & needed))
        return refuse(p, "usage",
                      type == EVP_PKEY_EC ? "the holder's certificate is not for keyAgreement"
                                          : "the holder's certificate is not for keyEncipherment");
    if (!(X509_get_extended_key_usage(c) & (XKU_SMIME | XKU_ANYEKU)))
        return refuse(p, "usage", "the holder's certificate is not for emailProtection");
    if (EVP_PKEY_get_security_bits(key) < STRENGTH_LEAST)
        return refuse(p, "weak", "the key of the holder's certificate is too short (RSA: 2,048 bits at least)");
    return 0;
}

static void context_cleanup(X509_STORE_CTX **c)
{
    X509_STORE_CTX_free(*c);
}

static int check_chain(X509 *c, STACK_OF(X509) * all, const struct certificate_rules *rules, struct problem *p)
{
    CLEANUP(context_cleanup) X509_STORE_CTX *x = X509_STORE_CTX_new();

    if (!rules->anchors)
        return 0;
    if (!x || X509_STORE_CTX_init(x, rules->anchors, c, all) != 1)
        return -ENOMEM;
    /* OpenSSL's purpose asks for keyEncipherment of an EC key as well: there check_usage() alone has judged. */
    if (EVP_PKEY_get_base_id(X509_get0_pubkey(c)) == EVP_PKEY_RSA)
        X509_STORE_CTX_set_purpose(x, X509_PURPOSE_SMIME_ENCRYPT);
    X509_STORE_CTX_set_time(x, 0, (time_t)(rules->now / MICROSECONDS_PER_SECOND));
    if (X509_verify_cert(x) == 1)
        return 0;
    return problem_set(p, "certificate-untrusted", "",
                       "the holder's certificate does not lead to email.certificates_ca_file: %s",
                       X509_verify_cert_error_string(X509_STORE_CTX_get_error(x)));
}

static int check(X509 *c, STACK_OF(X509) * all, const struct certificate_rules *rules, struct problem *p)
{
    int r;

    /* First: an issuer's certificate beside the holder's is no news. */
    if (!names_address(c, rules->address))
        return refuse(p, "address", "the certificate does not name the holder's mail address");
    r = check_time(c, rules->now, p);
    if (r == 0)
        r = check_usage(c, p);
    return r == 0 ? check_chain(c, all, rules, p) : r;
}

int certificate_choose(const void *text, size_t size, const struct certificate_rules *rules, X509 **ret,
                       struct problem *p)
{
    CLEANUP(stack_cleanup) STACK_OF(X509) *all = sk_X509_new_null();
    struct problem why;
    int r = all ? read_all(text, size, all) : -ENOMEM;

    if (r < 0)
        return r;
    refuse(p, "form", "the certificate cannot be read: neither PEM nor DER in base64");
    for (int i = 0; i < sk_X509_num(all); i++) {
        X509 *c = sk_X509_value(all, i);

        r = check(c, all, rules, &why);
        ERR_clear_error();
        if (r == 0 && X509_up_ref(c) == 1)
            *ret = c;
        if (r <= 0)
            return r;
        /* The reason that is told is that of a certificate of the holder's, if there is any. */
        if (i == 0 || strcmp(why.code, "certificate-address") != 0)
            *p = why;
    }
    return 1;
}

/* --- where they are --- */

/* No address leads out of the folder: the only character of one that means anything in a path is the slash, and it
 * does not begin with a dot. */
static int read_named(const char *folder, const char *address, struct buffer *b)
{
    CLEANUP(free_cleanup) char *path = NULL;

    if (strchr(address, '/') || address[0] == '.')
        return -ENOENT;
    if (asprintf(&path, "%s/%s.pem", folder, address) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    return file_read(path, b);
}

static void to_lower(const char *address, char lower[256])
{
    snprintf(lower, 256, "%s", address);
    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

int certificate_read(const char *folder, const char *address, struct buffer *b, struct problem *p)
{
    char lower[256];
    int r;

    to_lower(address, lower);
    r = read_named(folder, address, b);
    if (r == -ENOENT)
        r = read_named(folder, lower, b);
    if (r == -ENOENT && access(folder, R_OK | X_OK) < 0)
        return -errno;
    if (r == -ENOENT)
        return refuse(p, "missing", "there is no certificate of the holder");
    return r == -ENOBUFS ? refuse(p, "form", "the file of the holder's certificate is too large") : r;
}

int certificate_anchors(const char *file, X509_STORE **ret, struct problem *p)
{
    X509_STORE *s = X509_STORE_new();

    if (!s)
        return -ENOMEM;
    if (X509_STORE_load_file(s, file) != 1) {
        ERR_clear_error();
        X509_STORE_free(s);
        return problem_set(p, "certificates", "email.certificates_ca_file",
                           "%s has no CA certificates that can be read", file);
    }
    *ret = s;
    return 0;
}

static int format_time(const ASN1_TIME *t, char text[CLOCK_TEXT])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return -EINVAL;
    clock_format((int64_t)timegm(&tm) * MICROSECONDS_PER_SECOND, text);
    return 0;
}

int certificate_describe(X509 *c, struct protection *ret)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (X509_digest(c, EVP_sha256(), hash, &size) != 1 || 2 * size >= sizeof(ret->fingerprint))
        return -ENOMEM;
    for (unsigned i = 0; i < size; i++)
        snprintf(ret->fingerprint + (size_t)2 * i, 3, "%02x", hash[i]);
    return format_time(X509_get0_notAfter(c), ret->expires) < 0 ? -ENOMEM : 0;
}

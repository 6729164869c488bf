#include "smime.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <pindispatch/document.h>

/* --- the header --- */

/* A header field with its continuation lines and last CRLF. */
struct part {
    const char *at;
    size_t size;
};

/* Takes the next field from [*AT, END). False at the empty line that ends the header, *AT is then the body. */
static bool next_field(const char **at, const char *end, struct part *ret)
{
    const char *line = *at, *newline;

    if (end - line >= 2 && memcmp(line, "\r\n", 2) == 0) {
        *at += 2;
        return false;
    }
    do {
        newline = memchr(line, '\n', (size_t)(end - line));
        line = newline ? newline + 1 : end;
    } while (line < end && (*line == ' ' || *line == '\t'));
    *ret = (struct part){ .at = *at, .size = (size_t)(line - *at) };
    *at = line;
    return ret->size > 0;
}

static bool is_field(const struct part *f, const char *name)
{
    return f->size > strlen(name) && strncasecmp(f->at, name, strlen(name)) == 0;
}

/* What describes the body and not the message (RFC 9788 section 1.1). */
static bool is_structural(const struct part *f)
{
    return is_field(f, "Content-") || is_field(f, "MIME-Version:");
}

/* --- within --- */

/* RFC 9788 section 2: the parameter "hp" says that the header within is that of the message, and HP-Outer which of it
 * went in clear. Nothing in it is secret (the subject is checked for that): all of it does. */
static int add_protected_field(struct buffer *b, const struct part *f)
{
    int r = 0;

    if (is_field(f, "Content-Type:"))
        r = buffer_add(b, f->at, f->size - 2) < 0 ? -ENOMEM : buffer_add_text(b, ";\r\n\thp=\"cipher\"\r\n");
    else
        r = buffer_add(b, f->at, f->size);
    if (r == 0 && !is_structural(f))
        r = buffer_add_text(b, "HP-Outer: ");
    if (r == 0 && !is_structural(f))
        r = buffer_add(b, f->at, f->size);
    return r;
}

static int write_entity(const struct buffer *plain, struct buffer *b)
{
    const char *at = buffer_bytes(plain), *end = at + buffer_size(plain);
    struct part f;
    int r = buffer_reserve(b, 2 * buffer_size(plain)); /* growing would copy the secret about */

    while (r == 0 && at < end && next_field(&at, end, &f))
        r = add_protected_field(b, &f);
    if (r == 0)
        r = buffer_add_text(b, "\r\n");
    return r == 0 ? buffer_add(b, at, (size_t)(end - at)) : r;
}

/* --- the envelope --- */

static void cms_cleanup(CMS_ContentInfo **c)
{
    CMS_ContentInfo_free(*c);
}

static void bio_cleanup(BIO **b)
{
    BIO_free(*b);
}

/* RSA keys are used by PKCS #1 v1.5 and not by OAEP: the key is on a card, and many a middleware for cards does only
 * that. What OAEP guards against needs somebody who answers whether a padding was right, and mail does not answer.
 * With an EC key the KDF is SHA-256 (RFC 8551 section 2.3 by RFC 5753), where OpenSSL's standard is SHA-1. */
static int add_recipient(CMS_ContentInfo *cms, X509 *to)
{
    CMS_RecipientInfo *r = CMS_add1_recipient_cert(cms, to, CMS_KEY_PARAM);
    EVP_PKEY_CTX *key = r ? CMS_RecipientInfo_get0_pkey_ctx(r) : NULL;

    if (!r)
        return -EIO;
    if (CMS_RecipientInfo_type(r) != CMS_RECIPINFO_AGREE)
        return 0;
    return key && EVP_PKEY_CTX_set_ecdh_kdf_md(key, EVP_sha256()) == 1 ? 0 : -EIO;
}

static int encrypt(const struct buffer *entity, X509 *to, bool authenticated, BIO *out)
{
    const EVP_CIPHER *cipher = authenticated ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
    CLEANUP(cms_cleanup) CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, CMS_BINARY | CMS_PARTIAL);
    CLEANUP(bio_cleanup) BIO *in = BIO_new_mem_buf(buffer_bytes(entity), (int)buffer_size(entity));
    int r = cms && in ? add_recipient(cms, to) : -ENOMEM;

    if (r == 0 && (CMS_final(cms, in, NULL, CMS_BINARY) != 1 || i2d_CMS_bio(out, cms) != 1))
        r = -EIO;
    ERR_clear_error();
    return r;
}

/* --- without --- */

static int add_header(struct buffer *b, const struct buffer *plain, bool authenticated)
{
    const char *at = buffer_bytes(plain), *end = at + buffer_size(plain);
    struct part f;
    int r = 0;

    while (r == 0 && at < end && next_field(&at, end, &f))
        if (!is_structural(&f))
            r = buffer_add(b, f.at, f.size);
    if (r == 0)
        r = buffer_addf(b,
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n\tname=\"smime.p7m\"\r\n"
                        "Content-Transfer-Encoding: base64\r\n"
                        "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n",
                        authenticated ? "authEnveloped-data" : "enveloped-data");
    return r;
}

static int add_base64(struct buffer *b, const unsigned char *bytes, size_t size)
{
    enum { LINE = 57 }; /* bytes: 76 characters, RFC 2045 section 6.8 */
    int r = 0;

    for (size_t n; size > 0 && r == 0; bytes += n, size -= n) {
        unsigned char line[80];

        n = size < LINE ? size : LINE;
        EVP_EncodeBlock(line, bytes, (int)n);
        r = buffer_addf(b, "%s\r\n", line);
    }
    return r;
}

int smime_encrypt(const struct buffer *plain, X509 *to, bool authenticated, struct buffer *ret)
{
    CLEANUP(buffer_release) struct buffer entity = BUFFER(2 * DOCUMENT_MOST);
    CLEANUP(bio_cleanup) BIO *der = BIO_new(BIO_s_mem());
    char *bytes;
    long size;
    int r = der ? write_entity(plain, &entity) : -ENOMEM;

    if (r == 0)
        r = encrypt(&entity, to, authenticated, der);
    if (r == 0)
        r = add_header(ret, plain, authenticated);
    if (r < 0)
        return r;
    size = BIO_get_mem_data(der, &bytes);
    return add_base64(ret, (const unsigned char *)bytes, (size_t)size);
}

#include "cipher.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "openssl.h"

int ciphers_init(struct ciphers *c)
{
    CLEANUP(kdf_cleanup) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);

    c->wrap = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->kdf = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    return c->wrap && c->gcm && c->kdf ? 0 : openssl_failed(-EIO);
}

void ciphers_release(struct ciphers *c)
{
    EVP_CIPHER_free(TAKE(c->wrap));
    EVP_CIPHER_free(TAKE(c->gcm));
    EVP_KDF_CTX_free(TAKE(c->kdf));
}

enum { ALGORITHM_MOST = 32, INFO_MOST = 4 + ALGORITHM_MOST + 2 * (4 + PARTY_MOST) + 4 };

static uint8_t *add_number(uint8_t *at, size_t value)
{
    uint32_t number = htobe32((uint32_t)value);

    memcpy(at, &number, sizeof(number));
    return at + sizeof(number);
}

/* A datum of OtherInfo: its length in four bytes, then it. */
static uint8_t *add_datum(uint8_t *at, const void *bytes, size_t size)
{
    at = add_number(at, size);
    memcpy(at, bytes, size);
    return at + size;
}

int concat_kdf(const struct ciphers *c, const uint8_t *shared, size_t shared_size, const char *algorithm,
               const struct party *u, const struct party *v, uint8_t *key, size_t size)
{
    uint8_t info[INFO_MOST], *end = info;
    OSSL_PARAM params[4];
    int r;

    if (strlen(algorithm) > ALGORITHM_MOST)
        return -EIO;
    end = add_datum(end, algorithm, strlen(algorithm));
    end = add_datum(end, u->bytes, u->size);
    end = add_datum(end, v->bytes, v->size);
    end = add_number(end, size * 8);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)shared, shared_size);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)(end - info));
    params[3] = OSSL_PARAM_construct_end();
    r = EVP_KDF_derive(c->kdf, key, size, params);
    EVP_KDF_CTX_reset(c->kdf); /* wipes its copy of the shared secret */
    return r == 1 ? 0 : openssl_failed(-EIO);
}

static int wrap_or_unwrap(const struct ciphers *c, int wrap, const uint8_t *kek, const uint8_t *in, int in_size,
                          uint8_t *out, int out_size)
{
    CLEANUP(cipher_ctx_cleanup) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, rest = 0;

    if (!ctx)
        return openssl_failed(-EIO);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex2(ctx, c->wrap, kek, NULL, wrap, NULL) != 1 ||
        EVP_CipherUpdate(ctx, out, &n, in, in_size) != 1 || EVP_CipherFinal_ex(ctx, out + n, &rest) != 1 ||
        n + rest != out_size)
        return openssl_failed(-EIO);
    return 0;
}

int key_wrap(const struct ciphers *c, const uint8_t kek[KEK_SIZE], const uint8_t cek[CEK_SIZE],
             uint8_t wrapped[WRAPPED_SIZE])
{
    return wrap_or_unwrap(c, 1, kek, cek, CEK_SIZE, wrapped, WRAPPED_SIZE);
}

int key_unwrap(const struct ciphers *c, const uint8_t kek[KEK_SIZE], const uint8_t wrapped[WRAPPED_SIZE],
               uint8_t cek[CEK_SIZE])
{
    return wrap_or_unwrap(c, 0, kek, wrapped, WRAPPED_SIZE, cek, CEK_SIZE);
}

/* Everything but the tag, which the two directions treat differently. */
static int gcm_run(EVP_CIPHER_CTX *ctx, const struct message *m)
{
    int n = 0, ignored = 0;

    if (EVP_CipherUpdate(ctx, NULL, &ignored, (const unsigned char *)m->authenticated, (int)m->authenticated_size) !=
        1)
        return -EIO;
    return EVP_CipherUpdate(ctx, m->out, &n, m->in, (int)m->size) == 1 && (size_t)n == m->size ? 0 : -EIO;
}

int gcm_close(const struct ciphers *c, const uint8_t cek[CEK_SIZE], const struct message *m, uint8_t tag[TAG_SIZE])
{
    CLEANUP(cipher_ctx_cleanup) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    if (!ctx || EVP_EncryptInit_ex2(ctx, c->gcm, cek, m->iv, NULL) != 1 || gcm_run(ctx, m) < 0 ||
        EVP_EncryptFinal_ex(ctx, m->out + m->size, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) != 1)
        return openssl_failed(-EIO);
    return 0;
}

int gcm_open(const struct ciphers *c, const uint8_t cek[CEK_SIZE], const struct message *m,
             const uint8_t tag[TAG_SIZE])
{
    CLEANUP(cipher_ctx_cleanup) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    if (!ctx || EVP_DecryptInit_ex2(ctx, c->gcm, cek, m->iv, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)tag) != 1 || gcm_run(ctx, m) < 0 ||
        EVP_DecryptFinal_ex(ctx, m->out + m->size, &n) != 1)
        return openssl_failed(-EIO);
    return 0;
}

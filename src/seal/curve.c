#include "curve.h"

#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <pindispatch/json.h>

#include "base64url.h"
#include "openssl.h"

struct curve {
    const char *kty;
    const char *crv;
    const char *algorithm; /* OpenSSL's name of the key type */
    const char *group;     /* OpenSSL's name of the group; NULL: the type says it */
    size_t point_size;
};

static const struct curve curves[] = {
    [SEAL_P256] = { "EC", "P-256", "EC", "P-256", 1 + 2 * COORDINATE },
    [SEAL_X25519] = { "OKP", "X25519", "X25519", NULL, COORDINATE },
};

enum { UNCOMPRESSED = 4 }; /* SEC 1 section 2.3.3 */

static bool same_text(const json_t *jwk, const char *name, const char *expected)
{
    const char *text = json_text(jwk, name);

    return text && strcmp(text, expected) == 0;
}

static int find_curve(const json_t *jwk, enum seal_curve *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        if (same_text(jwk, "kty", curves[i].kty) && same_text(jwk, "crv", curves[i].crv)) {
            *ret = (enum seal_curve)i;
            return 0;
        }
    }
    return -EINVAL;
}

int point_from_json(const json_t *jwk, struct point *ret)
{
    struct point p = { .curve = SEAL_P256 };
    int r = find_curve(jwk, &p.curve);

    if (r < 0)
        return r;
    p.size = curves[p.curve].point_size;
    if (p.size == COORDINATE) {
        r = base64url_decode_exactly(json_text(jwk, "x"), p.bytes, COORDINATE);
    } else {
        p.bytes[0] = UNCOMPRESSED;
        r = base64url_decode_exactly(json_text(jwk, "x"), p.bytes + 1, COORDINATE);
        if (r == 0)
            r = base64url_decode_exactly(json_text(jwk, "y"), p.bytes + 1 + COORDINATE, COORDINATE);
    }
    if (r == 0)
        *ret = p;
    return r;
}

json_t *point_to_json(const struct point *p)
{
    const struct curve *c = &curves[p->curve];
    char x[BASE64URL_TEXT(COORDINATE)], y[BASE64URL_TEXT(COORDINATE)];

    if (p->size == COORDINATE) {
        base64url_encode(p->bytes, COORDINATE, x);
        return json_pack("{s:s,s:s,s:s}", "crv", c->crv, "kty", c->kty, "x", x);
    }
    base64url_encode(p->bytes + 1, COORDINATE, x);
    base64url_encode(p->bytes + 1 + COORDINATE, COORDINATE, y);
    return json_pack("{s:s,s:s,s:s,s:s}", "crv", c->crv, "kty", c->kty, "x", x, "y", y);
}

/* An EC private part is a number to OpenSSL, which it takes in the machine's byte order; a JWK has it big-endian. */
static int native_number(const uint8_t *big_endian, uint8_t native[COORDINATE])
{
    CLEANUP(bignum_cleanup) BIGNUM *n = BN_bin2bn(big_endian, COORDINATE, NULL);

    return n && BN_bn2nativepad(n, native, COORDINATE) == COORDINATE ? 0 : -EIO;
}

static OSSL_PARAM private_param(enum seal_curve curve, uint8_t private[COORDINATE])
{
    return curves[curve].group ? OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, private, COORDINATE)
                               : OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private, COORDINATE);
}

static EVP_PKEY *import(const struct point *p, uint8_t *private)
{
    const struct curve *c = &curves[p->curve];
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, c->algorithm, NULL);
    OSSL_PARAM params[4] = { OSSL_PARAM_construct_end() };
    EVP_PKEY *key = NULL;
    size_t n = 0;

    if (c->group)
        params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)c->group, 0);
    params[n++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)p->bytes, p->size);
    if (private)
        params[n++] = private_param(p->curve, private);
    params[n] = OSSL_PARAM_construct_end();
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return key;
}

/* Taking a pair in does not compare its halves; a private part of another key would open nothing, much later. */
static bool halves_match(EVP_PKEY *key)
{
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

    return ctx && EVP_PKEY_pairwise_check(ctx) == 1;
}

EVP_PKEY *point_key(const struct point *p, const uint8_t *private)
{
    CLEANUP(pkey_cleanup) EVP_PKEY *key = NULL;
    uint8_t own[COORDINATE];

    if (!private) {
        key = import(p, NULL);
    } else {
        memcpy(own, private, COORDINATE);
        if (!curves[p->curve].group || native_number(private, own) == 0)
            key = import(p, own);
        secret_wipe(own, sizeof(own));
    }
    if (!key || (private && !halves_match(key)))
        openssl_failed(0);
    else
        return TAKE(key);
    return NULL;
}

EVP_PKEY *point_peer(const struct point *p, const EVP_PKEY *like)
{
    CLEANUP(pkey_cleanup) EVP_PKEY *key = NULL;

    if (!curves[p->curve].group)
        return point_key(p, NULL);
    key = EVP_PKEY_new();
    if (key && EVP_PKEY_copy_parameters(key, like) == 1 &&
        EVP_PKEY_set1_encoded_public_key(key, p->bytes, p->size) == 1)
        return TAKE(key);
    openssl_failed(0);
    return NULL;
}

int point_of_key(enum seal_curve curve, const EVP_PKEY *key, struct point *ret)
{
    *ret = (struct point){ .curve = curve };
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, ret->bytes, sizeof(ret->bytes),
                                        &ret->size) != 1 ||
        ret->size != curves[curve].point_size)
        return openssl_failed(-EIO);
    return 0;
}

static int private_number(const EVP_PKEY *key, uint8_t private[COORDINATE])
{
    CLEANUP(bignum_cleanup) BIGNUM *n = NULL;

    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n) != 1)
        return -EIO;
    return BN_bn2binpad(n, private, COORDINATE) == COORDINATE ? 0 : -EIO;
}

int private_of_key(enum seal_curve curve, const EVP_PKEY *key, uint8_t private[COORDINATE])
{
    size_t size = COORDINATE;

    if (curves[curve].group ? private_number(key, private) < 0
                            : EVP_PKEY_get_raw_private_key(key, private, &size) != 1)
        return openssl_failed(-EIO);
    return 0;
}

EVP_PKEY_CTX *curve_generator(enum seal_curve curve)
{
    const struct curve *c = &curves[curve];
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, c->algorithm, NULL);

    if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && (!c->group || EVP_PKEY_CTX_set_group_name(ctx, c->group) == 1))
        return TAKE(ctx);
    openssl_failed(0);
    return NULL;
}

EVP_PKEY_CTX *curve_generator_like(EVP_PKEY *like)
{
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, like, NULL);

    if (ctx && EVP_PKEY_keygen_init(ctx) == 1)
        return TAKE(ctx);
    openssl_failed(0);
    return NULL;
}

/* The peer is not validated once more: its point was found to be on the curve when it was read, P-256 has no points
 * of low order (SP 800-56A section 5.6.2.3.4), and X25519 tells them by its result (RFC 7748 section 6.1). OpenSSL's
 * validation multiplies it by the order of the group, as dear as the agreement itself. */
int curve_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[COORDINATE])
{
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    size_t size = COORDINATE;

    if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1 ||
        EVP_PKEY_derive(ctx, shared, &size) != 1 || size != COORDINATE)
        return openssl_failed(-EIO);
    return 0;
}

/* A seal_key from and to its JWK (RFC 7517). */
#include <pindispatch/seal.h>

#include <errno.h>
#include <string.h>

#include <pindispatch/json.h>

#include "base64url.h"
#include "key.h"
#include "openssl.h"

static int refuse(struct problem *p, const char *name, const char *why)
{
    return problem_set(p, "key", name, "not a key that can be used here: %s", why);
}

/* Where the key says what it is for, that must be this. */
static int check_purpose(const json_t *jwk, const char *name, struct problem *p)
{
    const json_t *use = json_object_get(jwk, "use"), *alg = json_object_get(jwk, "alg");

    if (use && strcmp(json_is_string(use) ? json_string_value(use) : "", "enc") != 0)
        return refuse(p, name, "its \"use\" is not \"enc\"");
    if (alg && strcmp(json_is_string(alg) ? json_string_value(alg) : "", SEAL_ALG) != 0)
        return refuse(p, name, "its \"alg\" is not \"" SEAL_ALG "\"");
    return 0;
}

/* The id goes into messages and logs, hence printable. *RET is NULL when there is none. */
static int read_id(const json_t *jwk, const char *name, const char **ret, struct problem *p)
{
    const json_t *kid = json_object_get(jwk, "kid");
    const char *text = json_string_value(kid);
    size_t size = json_string_length(kid);

    *ret = NULL;
    if (!kid)
        return 0;
    if (!text || size == 0 || size > KEY_ID_MOST)
        return refuse(p, name, "its \"kid\" is not a text of 1 to 128 characters");
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e)
            return refuse(p, name, "its \"kid\" is not printable ASCII");
    }
    *ret = text;
    return 0;
}

static int read_pkey(const json_t *jwk, const char *name, struct point *point, EVP_PKEY **ret, struct problem *p)
{
    const json_t *d = json_object_get(jwk, "d");
    uint8_t private[COORDINATE];
    int r = 0;

    if (point_from_json(jwk, point) < 0)
        return refuse(p, name, "it must be of \"kty\" EC and \"crv\" P-256, or of OKP and X25519, with x (and y)");
    if (d)
        r = base64url_decode_exactly(json_string_value(d), private, sizeof(private));
    if (r == 0)
        *ret = point_key(point, d ? private : NULL);
    secret_wipe(private, sizeof(private));
    if (r < 0)
        return refuse(p, name, "its private part \"d\" is not 32 bytes in base64url");
    return *ret ? 0 : refuse(p, name, "its point is not on the curve, or its private part belongs to another one");
}

int seal_key_from_json(const json_t *jwk, const char *name, struct seal_key **ret, struct problem *p)
{
    CLEANUP(pkey_cleanup) EVP_PKEY *pkey = NULL;
    const char *id = NULL;
    struct point point;
    bool can_open = json_object_get(jwk, "d") != NULL;
    int r = json_is_object(jwk) ? check_purpose(jwk, name, p) : refuse(p, name, "it must be a JSON object");

    if (r == 0)
        r = read_id(jwk, name, &id, p);
    if (r == 0)
        r = read_pkey(jwk, name, &point, &pkey, p);
    if (r == 0)
        r = seal_key_new(point.curve, TAKE(pkey), can_open, id, ret);
    return r == -EIO ? refuse(p, name, "OpenSSL cannot work with it") : r;
}

int seal_key_parse(const char *text, size_t size, const char *name, struct seal_key **ret, struct problem *p)
{
    CLEANUP(json_cleanup) json_t *jwk = NULL;

    if (size > KEY_FILE_MOST)
        return refuse(p, name, "it is too large");
    jwk = json_parse_line(text, size);
    if (!json_is_object(jwk))
        return refuse(p, name, "it must be a JSON object, a JWK (RFC 7517)");
    return seal_key_from_json(jwk, name, ret, p);
}

static int put_private(json_t *jwk, const struct seal_key *k)
{
    uint8_t private[COORDINATE];
    char text[BASE64URL_TEXT(COORDINATE)];
    int r = private_of_key(k->curve, k->pkey, private);

    if (r == 0) {
        base64url_encode(private, sizeof(private), text);
        r = json_put_text(jwk, "d", text);
    }
    secret_wipe(private, sizeof(private));
    secret_wipe(text, sizeof(text));
    return r;
}

int seal_key_to_json(const struct seal_key *k, bool private_part, json_t **ret)
{
    CLEANUP(json_cleanup) json_t *jwk = NULL;
    struct point point;
    int r = private_part && (!k->can_open || k->token) ? -EINVAL : point_of_key(k->curve, k->pkey, &point);

    if (r < 0)
        return r;
    jwk = point_to_json(&point);
    if (!jwk)
        return -ENOMEM;
    if (private_part)
        r = put_private(jwk, k);
    if (r == 0 && (json_put_text(jwk, "kid", k->id) < 0 || json_put_text(jwk, "use", "enc") < 0 ||
                   json_put_text(jwk, "alg", SEAL_ALG) < 0))
        r = -ENOMEM;
    if (r == 0)
        *ret = TAKE(jwk);
    return r;
}

int seal_key_write(const struct seal_key *k, bool private_part, struct buffer *b)
{
    CLEANUP(json_cleanup) json_t *jwk = NULL;
    int r = seal_key_to_json(k, private_part, &jwk);

    return r == 0 ? json_add_line(b, jwk) : r;
}

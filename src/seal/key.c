#include "key.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/json.h>

#include "base64url.h"
#include "openssl.h"
#include "token.h"

enum { SHA256_SIZE = 32, THUMBPRINT_INPUT = 512 };

/* RFC 7638: SHA-256 over the required members, sorted, without blanks. */
static int thumbprint(const struct point *p, char text[BASE64URL_TEXT(SHA256_SIZE)])
{
    CLEANUP(json_cleanup) json_t *members = point_to_json(p);
    char input[THUMBPRINT_INPUT];
    uint8_t hash[SHA256_SIZE];
    size_t size;

    if (!members)
        return -ENOMEM;
    size = json_dumpb(members, input, sizeof(input), JSON_COMPACT | JSON_SORT_KEYS);
    if (size == 0 || size > sizeof(input) || EVP_Q_digest(NULL, "SHA256", NULL, input, size, hash, NULL) != 1)
        return openssl_failed(-EIO);
    base64url_encode(hash, sizeof(hash), text);
    return 0;
}

static int set_id(struct seal_key *k, const char *id)
{
    char text[BASE64URL_TEXT(SHA256_SIZE)];
    struct point p;
    int r = 0;

    if (!id) {
        r = point_of_key(k->curve, k->pkey, &p);
        if (r == 0)
            r = thumbprint(&p, text);
        id = text;
    }
    if (r == 0) {
        k->id = strdup(id);
        r = k->id ? 0 : -ENOMEM;
    }
    return r;
}

int seal_key_new(enum seal_curve curve, EVP_PKEY *pkey, bool can_open, const char *id, struct seal_key **ret)
{
    CLEANUP(seal_key_cleanup) struct seal_key *k = calloc(1, sizeof(*k));
    int r;

    if (!k) {
        EVP_PKEY_free(pkey);
        return -ENOMEM;
    }
    *k = (struct seal_key){ .curve = curve, .can_open = can_open, .pkey = pkey };
    k->kept = calloc(1, sizeof(*k->kept));
    if (!k->kept)
        return -ENOMEM;
    k->ephemeral = curve_generator_like(pkey);
    if (!k->ephemeral)
        return -EIO;
    r = ciphers_init(&k->ciphers);
    if (r == 0)
        r = set_id(k, id);
    if (r == 0)
        *ret = TAKE(k);
    return r;
}

int seal_key_generate(enum seal_curve curve, struct seal_key **ret)
{
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *ctx = curve_generator(curve);
    EVP_PKEY *pkey = NULL;

    if (!ctx || EVP_PKEY_generate(ctx, &pkey) != 1)
        return openssl_failed(-EIO);
    return seal_key_new(curve, pkey, true, NULL, ret);
}

const char *seal_key_id(const struct seal_key *k)
{
    return k->id;
}

bool seal_key_can_open(const struct seal_key *k)
{
    return k->can_open;
}

void seal_key_forget(const struct seal_key *k)
{
    agreement_forget(&k->kept->closing);
    agreement_forget(&k->kept->opening);
}

struct seal_key *seal_key_free(struct seal_key *k)
{
    if (!k)
        return NULL;
    if (k->kept)
        seal_key_forget(k);
    free(k->kept);
    token_free(k->token);
    EVP_PKEY_free(k->pkey);
    EVP_PKEY_CTX_free(k->ephemeral);
    ciphers_release(&k->ciphers);
    free(k->id);
    free(k);
    return NULL;
}

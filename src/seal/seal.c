/* Closing and opening. Own code and not libjose, because that has no X25519 and frees clear text without wiping. */
#include <pindispatch/seal.h>

#include <errno.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/json.h>

#include "base64url.h"
#include "jwe.h"
#include "openssl.h"
#include "token.h"

enum { APU_SIZE = 16 }; /* bytes by chance: no two sealings have the same */

/* Everything clear that one sealing or opening has in its hands, wiped as one. */
struct hands {
    uint8_t shared[COORDINATE]; /* until it is kept */
    uint8_t kek[KEK_SIZE];
    uint8_t cek[CEK_SIZE];
    char content[CONTENT_MOST];
    size_t content_size;
};

static void hands_wipe(struct hands *h)
{
    secret_wipe(h, sizeof(*h));
}

static int derive_kek(const struct seal_key *k, const struct agreement *a, const struct jwe *j, struct hands *h)
{
    return concat_kdf(&k->ciphers, agreement_shared(a), COORDINATE, SEAL_ALG, &j->apu, &j->apv, h->kek, KEK_SIZE);
}

/* The protected header in base64url, ready in B. */
static int write_header(const struct jwe *j, const struct seal_binding *binding, struct buffer *b)
{
    CLEANUP(json_cleanup) json_t *header = NULL;
    char json[HEADER_MOST], apu[BASE64URL_TEXT(APU_SIZE)];
    size_t size;
    int r;

    base64url_encode(j->apu.bytes, APU_SIZE, apu);
    header = json_pack("{s:s,s:s,s:s,s:o,s:s,s:s*,s:s*}", "alg", SEAL_ALG, "enc", SEAL_ENC, "kid", j->key->id, "epk",
                       point_to_json(&j->epk), "apu", apu, "ce_source", binding ? binding->source : NULL, "ce_id",
                       binding ? binding->id : NULL);
    size = header ? json_dumpb(header, json, sizeof(json), JSON_COMPACT) : 0;
    if (size == 0 || size > sizeof(json))
        return -ENOMEM;
    r = buffer_reserve(b, BASE64URL_TEXT(size));
    if (r == 0)
        b->end += base64url_encode((const uint8_t *)json, size, b->data + b->end);
    return r;
}

static int add_part(struct buffer *b, const uint8_t *bytes, size_t size)
{
    int r = buffer_add(b, ".", 1);

    if (r == 0)
        r = buffer_reserve(b, BASE64URL_TEXT(size));
    if (r == 0)
        b->end += base64url_encode(bytes, size, b->data + b->end);
    return r;
}

/* Fills wrapped, iv, ciphertext and tag. */
static int encrypt(struct hands *h, struct jwe *j)
{
    const struct seal_key *k = j->key;
    struct message m = { .iv = j->iv,
                         .authenticated = j->header,
                         .authenticated_size = j->header_length,
                         .in = (const uint8_t *)h->content,
                         .size = h->content_size,
                         .out = j->ciphertext };
    int r = derive_kek(k, &k->kept->closing, j, h);

    random_bytes(h->cek, sizeof(h->cek));
    random_bytes(j->iv, sizeof(j->iv));
    j->ciphertext_size = h->content_size;
    if (r == 0)
        r = key_wrap(&k->ciphers, h->kek, h->cek, j->wrapped);
    return r == 0 ? gcm_close(&k->ciphers, h->cek, &m, j->tag) : r;
}

/* With a new ephemeral key. */
static int agree_anew(const struct seal_key *k, struct hands *h)
{
    CLEANUP(pkey_cleanup) EVP_PKEY *ephemeral = NULL;
    struct point point;
    int r;

    if (EVP_PKEY_generate(k->ephemeral, &ephemeral) != 1)
        return openssl_failed(-EIO);
    r = point_of_key(k->curve, ephemeral, &point);
    if (r == 0)
        r = curve_agree(ephemeral, k->pkey, h->shared);
    return r == 0 ? agreement_keep(&k->kept->closing, &point, h->shared) : r;
}

static int begin_closing(const struct seal_key *k, struct hands *h)
{
    struct agreement *a = &k->kept->closing;
    int r = a->shared && a->uses < AGREEMENT_USES ? 0 : agree_anew(k, h);

    a->uses++;
    return r;
}

static int close_content(const struct seal_key *k, const struct seal_binding *binding, struct hands *h,
                         struct buffer *b)
{
    struct jwe j = { .key = k, .apu.size = APU_SIZE };
    int r = begin_closing(k, h);

    if (r < 0)
        return r;
    j.epk = k->kept->closing.ephemeral;
    random_bytes(j.apu.bytes, APU_SIZE);
    r = write_header(&j, binding, b);
    if (r < 0)
        return r;
    j.header = buffer_bytes(b);
    j.header_length = buffer_size(b);
    r = encrypt(h, &j);
    if (r == 0)
        r = add_part(b, j.wrapped, sizeof(j.wrapped));
    if (r == 0)
        r = add_part(b, j.iv, sizeof(j.iv));
    if (r == 0)
        r = add_part(b, j.ciphertext, j.ciphertext_size);
    return r == 0 ? add_part(b, j.tag, sizeof(j.tag)) : r;
}

int seal_close(const struct seal_key *k, struct secret *const secrets[SECRET_PARTS],
               const struct seal_binding *binding, char **ret)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(JWE_MOST + 1);
    CLEANUP(hands_wipe) struct hands h;
    int r = content_write(secrets, h.content, &h.content_size);

    if (r == 0)
        r = close_content(k, binding, &h, &b);
    if (r == 0)
        r = buffer_terminate(&b);
    if (r == 0)
        *ret = TAKE(b.data);
    return r;
}

static int begin_opening(const struct jwe *j, struct hands *h)
{
    const struct seal_key *k = j->key;
    int r;

    if (!j->ephemeral)
        return 0;
    r = k->token ? token_agree(k->token, &j->epk, h->shared) : curve_agree(k->pkey, j->ephemeral, h->shared);
    return r == 0 ? agreement_keep(&k->kept->opening, &j->epk, h->shared) : r;
}

static int decrypt(const struct jwe *j, struct hands *h)
{
    const struct seal_key *k = j->key;
    struct message m = { .iv = j->iv,
                         .authenticated = j->header,
                         .authenticated_size = j->header_length,
                         .in = j->ciphertext,
                         .size = j->ciphertext_size,
                         .out = (uint8_t *)h->content };
    int r = begin_opening(j, h);

    if (r == 0)
        r = derive_kek(k, &k->kept->opening, j, h);
    if (r == 0)
        r = key_unwrap(&k->ciphers, h->kek, j->wrapped, h->cek);
    h->content_size = j->ciphertext_size;
    return r == 0 ? gcm_open(&k->ciphers, h->cek, &m, j->tag) : r;
}

int seal_open(const struct seal_ring *ring, const char *jwe, const struct seal_binding *binding,
              struct secret *ret[SECRET_PARTS], struct problem *p)
{
    CLEANUP(hands_wipe) struct hands h;
    CLEANUP(jwe_release) struct jwe j = { .header = NULL };
    int r;

    if (!seal_ring_can_open(ring))
        return problem_set(p, "key", "", "the key %s has no private part", seal_key_id(seal_ring_newest(ring)));
    r = jwe_parse(ring, jwe, binding, &j, p);
    if (r != 0)
        return r;
    r = decrypt(&j, &h);
    if (r == -ENODEV)
        return problem_set(p, "token", "", "the token with the key %s cannot be used just now", seal_key_id(j.key));
    /* Which step failed stays unsaid: an oracle starts with such words. */
    if (r < 0)
        return problem_set(p, "decrypt", "", "the JWE does not open with the key %s", seal_key_id(j.key));
    return content_read(h.content, h.content_size, ret, p);
}

int seal_check(const struct seal_ring *ring, const char *jwe, const struct seal_binding *binding, struct problem *p)
{
    CLEANUP(jwe_release) struct jwe j = { .header = NULL };

    return jwe_parse(ring, jwe, binding, &j, p);
}

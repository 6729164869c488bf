#include "jwe.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/json.h>

#include "base64url.h"
#include "openssl.h"

enum { PARTS = 5 };

struct part {
    const char *text;
    size_t length;
};

static int bad_form(struct problem *p, const char *why)
{
    return problem_set(p, "form", "", "not a JWE in compact form: %s", why);
}

static int split(const char *text, struct part parts[PARTS], struct problem *p)
{
    size_t n = 0;

    if (strnlen(text, JWE_MOST + 1) > JWE_MOST)
        return bad_form(p, "it is longer than 4096 characters");
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ".");

        if (n == PARTS)
            return bad_form(p, "it has more than five parts");
        parts[n++] = (struct part){ at, length };
        at += length;
        if (!*at)
            break;
    }
    return n == PARTS ? 0 : bad_form(p, "it must have five parts with dots between them");
}

static int decode(const struct part *part, uint8_t *bytes, size_t size)
{
    size_t got = 0;

    return base64url_decode(part->text, part->length, bytes, size, &got) == 0 && got == size ? 0 : -EINVAL;
}

static int decode_parts(const struct part parts[PARTS], struct jwe *j, struct problem *p)
{
    if (decode(&parts[1], j->wrapped, WRAPPED_SIZE) < 0)
        return bad_form(p, "the encrypted key is not 40 bytes in base64url");
    if (decode(&parts[2], j->iv, IV_SIZE) < 0)
        return bad_form(p, "the initialization vector is not 12 bytes in base64url");
    if (base64url_decode(parts[3].text, parts[3].length, j->ciphertext, CONTENT_MOST, &j->ciphertext_size) < 0 ||
        j->ciphertext_size == 0)
        return bad_form(p, "the ciphertext is not 1 to 1024 bytes in base64url");
    if (decode(&parts[4], j->tag, TAG_SIZE) < 0)
        return bad_form(p, "the authentication tag is not 16 bytes in base64url");
    return 0;
}

static json_t *decode_header(const struct part *part)
{
    uint8_t bytes[HEADER_MOST];
    size_t size;

    if (base64url_decode(part->text, part->length, bytes, sizeof(bytes), &size) < 0)
        return NULL;
    return json_parse_line((const char *)bytes, size);
}

static bool says(const json_t *header, const char *name, const char *expected)
{
    const char *text = json_text(header, name);

    return text && strcmp(text, expected) == 0;
}

/* A critical extension is one that must be understood, and none is; compression before encryption tells lengths. */
static int check_algorithms(const json_t *header, struct problem *p)
{
    if (!says(header, "alg", SEAL_ALG) || !says(header, "enc", SEAL_ENC))
        return problem_set(p, "algorithm", "", "the JWE must have \"alg\" %s and \"enc\" %s", SEAL_ALG, SEAL_ENC);
    if (json_object_get(header, "crit") || json_object_get(header, "zip"))
        return problem_set(p, "algorithm", "", "a JWE with \"crit\" or \"zip\" in its header is not taken");
    return 0;
}

static int read_party(const json_t *header, const char *name, struct party *ret)
{
    const json_t *j = json_object_get(header, name);

    if (!j)
        return 0;
    if (!json_is_string(j))
        return -EINVAL;
    return base64url_decode(json_string_value(j), json_string_length(j), ret->bytes, PARTY_MOST, &ret->size);
}

static int find_key(const struct seal_ring *ring, const json_t *header, struct jwe *j, struct problem *p)
{
    const char *id = json_text(header, "kid");

    j->key = id ? seal_ring_find(ring, id) : NULL;
    if (j->key)
        return 0;
    return problem_set(p, "key", "", "the JWE is not for %s, whose \"kid\" is %s",
                       ring->n == 1 ? "the key in use" : "any of the keys in use, the newest of",
                       seal_key_id(ring->keys[0]));
}

/* CloudEvents' own spelling of an event's attributes where they stand outside of it ("ce_source" in its Kafka
 * binding). A JWE that says whose it is opens nowhere else, also where nobody asks that it says so. */
static int check_binding(const json_t *header, const struct seal_binding *binding, struct problem *p)
{
    const char *source = json_text(header, "ce_source"), *id = json_text(header, "ce_id");

    if (!binding)
        return 0;
    if (!json_object_get(header, "ce_source") && !json_object_get(header, "ce_id")) {
        if (!binding->required)
            return 0;
        return problem_set(p, "binding", "",
                           "the JWE must name its event: \"ce_source\" and \"ce_id\" in its header");
    }
    if (!source || !id)
        return problem_set(p, "binding", "", "\"ce_source\" and \"ce_id\" in a JWE's header must both be texts");
    if (!binding->source || !binding->id || strcmp(source, binding->source) != 0 || strcmp(id, binding->id) != 0)
        return problem_set(p, "binding", "", "the JWE was sealed for another event");
    return 0;
}

static int read_ephemeral(const json_t *header, struct jwe *j, struct problem *p)
{
    if (point_from_json(json_object_get(header, "epk"), &j->epk) < 0)
        return bad_form(p, "\"epk\" in its header is no public key on P-256 or X25519");
    if (j->epk.curve != j->key->curve)
        return problem_set(p, "form", "", "\"epk\" is on another curve than the key %s", seal_key_id(j->key));
    if (agreement_is_with(&j->key->kept->opening, &j->epk))
        return 0;
    j->ephemeral = point_peer(&j->epk, j->key->pkey);
    return j->ephemeral ? 0 : bad_form(p, "\"epk\" in its header is not on its curve");
}

static int read_header(const struct seal_ring *ring, const struct part *part, const struct seal_binding *binding,
                       struct jwe *j, struct problem *p)
{
    CLEANUP(json_cleanup) json_t *header = decode_header(part);
    int r;

    if (!json_is_object(header))
        return bad_form(p, "its header is not a JSON object of at most 2048 bytes in base64url");
    r = check_algorithms(header, p);
    if (r == 0)
        r = find_key(ring, header, j, p);
    if (r == 0 && (read_party(header, "apu", &j->apu) < 0 || read_party(header, "apv", &j->apv) < 0))
        r = bad_form(p, "\"apu\" or \"apv\" in its header is not at most 128 bytes in base64url");
    if (r == 0)
        r = read_ephemeral(header, j, p);
    if (r == 0)
        r = check_binding(header, binding, p);
    j->header = part->text;
    j->header_length = part->length;
    return r;
}

int jwe_parse(const struct seal_ring *ring, const char *text, const struct seal_binding *binding, struct jwe *ret,
              struct problem *p)
{
    struct part parts[PARTS];
    int r = split(text, parts, p);

    *ret = (struct jwe){ .header = NULL };
    if (r == 0)
        r = read_header(ring, &parts[0], binding, ret, p);
    if (r == 0)
        r = decode_parts(parts, ret, p);
    if (r != 0)
        jwe_release(ret);
    return r;
}

void jwe_release(struct jwe *j)
{
    EVP_PKEY_free(TAKE(j->ephemeral));
}

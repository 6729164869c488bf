/* The JWE's and the JWK Set's parsers. The input is a JWE that goes to both curves, what is in one, and a file of
 * keys. Opening with a right ephemeral point but wrong bytes reaches all of the cryptography; nothing may ever come
 * out of it. */
#include <pindispatch/seal.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 7517 appendix A.2 and RFC 8037 appendix A.6, with the id that the seeds name. */
static const char *const keys[] = {
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}",
    "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"k\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\","
    "\"d\":\"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os\"}",
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void try_jwe(const char *key_text, const char *jwe)
{
    static const struct seal_binding binding = { .source = "s", .id = "i" };
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL;
    struct secret *out[SECRET_PARTS] = { NULL };
    struct problem p = { .code = "" };
    int checked, opened;

    require(seal_ring_parse(key_text, strlen(key_text), "", &r, &p) == 0);
    checked = seal_check(r, jwe, &binding, &p);
    opened = seal_open(r, jwe, &binding, out, &p);
    require(checked == 0 || checked == 1);
    require(opened == 0 || (opened == 1 && !out[SECRET_PIN] && !out[SECRET_PUK] && p.code[0]));
    require(checked == 0 || opened == 1);
    require(opened != 0 || out[SECRET_PIN] || out[SECRET_PUK]);
    require(seal_check(r, jwe, NULL, &p) <= checked);
    secret_free(out[SECRET_PIN]);
    secret_free(out[SECRET_PUK]);
}

/* What a JWE has inside is its sender's as well. What is taken can be written and taken again. */
static void try_content(const uint8_t *data, size_t size)
{
    struct secret *first[SECRET_PARTS] = { NULL }, *second[SECRET_PARTS] = { NULL };
    struct problem p = { .code = "" };
    char text[CONTENT_MOST];
    int r = content_read((const char *)data, size, first, &p);

    require(r == 0 || (r == 1 && p.code[0] && p.message[0]));
    if (r == 0) {
        require(content_write(first, text, &size) == 0 && size <= sizeof(text));
        require(content_read(text, size, second, &p) == 0);
    }
    for (unsigned part = 0; part < SECRET_PARTS; part++) {
        require(r != 0 || (first[part] != NULL) == (second[part] != NULL));
        secret_free(first[part]);
        secret_free(second[part]);
    }
}

/* Keys that are taken can be written and taken again, under the same ids and in the same order. */
static void try_keys(const uint8_t *data, size_t size)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL, *again = NULL;
    CLEANUP(buffer_release) struct buffer b = BUFFER(2 * KEY_FILE_MOST);
    struct problem p;

    if (seal_ring_parse((const char *)data, size, "", &r, &p) != 0)
        return;
    require(seal_ring_write(r, seal_ring_can_open(r), &b) == 0);
    require(seal_ring_parse(buffer_bytes(&b), buffer_size(&b), "", &again, &p) == 0);
    require(seal_ring_size(r) == seal_ring_size(again));
    for (size_t i = 0; i < seal_ring_size(r); i++)
        require(strcmp(seal_key_id(seal_ring_at(r, i)), seal_key_id(seal_ring_at(again, i))) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(free_cleanup) char *jwe = strndup((const char *)data, size);

    require(jwe != NULL);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        try_jwe(keys[i], jwe);
    try_content(data, size);
    try_keys(data, size);
    return 0;
}

#include <pindispatch/seal.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/json.h>

#include "base64url.h"

#define PIN "canary-482913"
#define PUK "canary-8\"\\7"

struct pair {
    struct secret *secrets[SECRET_PARTS];
};

static void pair_release(struct pair *p)
{
    secret_free(p->secrets[SECRET_PIN]);
    secret_free(p->secrets[SECRET_PUK]);
}

static struct secret *secret(const char *text)
{
    struct secret *s = NULL;

    if (text)
        assert_int_equal(secret_new(text, strlen(text), &s), 0);
    return s;
}

static struct seal_ring *generate(enum seal_curve curve)
{
    struct seal_key *k = NULL;
    struct seal_ring *r = NULL;

    assert_int_equal(seal_key_generate(curve, &k), 0);
    assert_int_equal(seal_ring_new(k, &r), 0);
    return r;
}

/* What the dispatcher has of it. */
static struct seal_ring *public_part(const struct seal_ring *k)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);
    struct seal_ring *public = NULL;
    struct problem p;

    assert_int_equal(seal_ring_write(k, false, &b), 0);
    assert_int_equal(seal_ring_parse(buffer_bytes(&b), buffer_size(&b), "", &public, &p), 0);
    return public;
}

static char *close_pair(const struct seal_ring *k, const char *pin, const char *puk)
{
    CLEANUP(pair_release) struct pair in = { { secret(pin), secret(puk) } };
    char *jwe = NULL;

    assert_int_equal(seal_close(seal_ring_newest(k), in.secrets, NULL, &jwe), 0);
    assert_true(strlen(jwe) <= JWE_MOST);
    assert_null(strstr(jwe, "canary"));
    return jwe;
}

static void assert_same(const struct secret *s, const char *expected)
{
    if (expected)
        assert_string_equal(secret_reveal(s), expected);
    else
        assert_null(s);
}

static void assert_round(enum seal_curve curve, const char *pin, const char *puk)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(curve);
    CLEANUP(seal_ring_cleanup) struct seal_ring *public = public_part(k);
    CLEANUP(free_cleanup) char *jwe = close_pair(public, pin, puk);
    CLEANUP(pair_release) struct pair out = { { NULL } };
    struct problem p;

    assert_int_equal(seal_check(public, jwe, NULL, &p), 0);
    assert_int_equal(seal_open(k, jwe, NULL, out.secrets, &p), 0);
    assert_same(out.secrets[SECRET_PIN], pin);
    assert_same(out.secrets[SECRET_PUK], puk);
}

static void test_round_trips(void **state)
{
    static const enum seal_curve curves[] = { SEAL_P256, SEAL_X25519 };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
        assert_round(curves[i], PIN, PUK);
        assert_round(curves[i], PIN, NULL);
        assert_round(curves[i], NULL, PUK);
    }
}

static void test_nothing_to_seal(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_X25519);
    struct secret *none[SECRET_PARTS] = { NULL };
    char *jwe = NULL;

    (void)state;
    assert_int_equal(seal_close(seal_ring_newest(k), none, NULL, &jwe), -EINVAL);
    assert_null(jwe);
}

static void test_no_two_sealings_are_alike(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_P256);
    CLEANUP(free_cleanup) char *one = close_pair(k, PIN, NULL);
    CLEANUP(free_cleanup) char *two = close_pair(k, PIN, NULL);

    (void)state;
    assert_string_not_equal(one, two);
    for (const char *a = one, *b = two; (a = strchr(a, '.')) && (b = strchr(b, '.')); a++, b++)
        assert_memory_not_equal(a, b, 12);
}

/* A text of the header's, copied out; EPK: of the ephemeral key in it. */
static char *header_text(const char *jwe, const char *name, bool epk)
{
    uint8_t bytes[JWE_MOST];
    CLEANUP(json_cleanup) json_t *header = NULL;
    size_t size = 0;
    char *text;

    assert_int_equal(base64url_decode(jwe, strcspn(jwe, "."), bytes, sizeof(bytes), &size), 0);
    header = json_parse_line((const char *)bytes, size);
    text = strdup(json_text(epk ? json_object_get(header, "epk") : header, name));
    assert_non_null(text);
    return text;
}

static bool share_agreement(const char *one, const char *two)
{
    CLEANUP(free_cleanup) char *a = header_text(one, "x", true);
    CLEANUP(free_cleanup) char *b = header_text(two, "x", true);

    return strcmp(a, b) == 0;
}

static void assert_agreements(enum seal_curve curve)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(curve);
    CLEANUP(free_cleanup) char *one = close_pair(k, PIN, NULL);
    CLEANUP(free_cleanup) char *two = close_pair(k, PIN, NULL);
    CLEANUP(free_cleanup) char *apu = header_text(one, "apu", false);
    CLEANUP(free_cleanup) char *other_apu = header_text(two, "apu", false);
    CLEANUP(free_cleanup) char *three = NULL;

    assert_true(share_agreement(one, two));
    assert_string_not_equal(apu, other_apu);
    seal_ring_forget(k);
    three = close_pair(k, PIN, NULL);
    assert_false(share_agreement(one, three));
}

static void test_agreement_ends_when_it_is_forgotten(void **state)
{
    (void)state;
    assert_agreements(SEAL_P256);
    assert_agreements(SEAL_X25519);
}

static void test_agreement_ends_by_itself(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_X25519);
    CLEANUP(free_cleanup) char *first = close_pair(k, PIN, NULL);
    unsigned n = 1;

    (void)state;
    for (bool same = true; same; n++) {
        CLEANUP(free_cleanup) char *next = close_pair(k, PIN, NULL);

        same = share_agreement(first, next);
        assert_true(n <= 256);
    }
    assert_true(n > 1);
}

static void assert_closed(const struct seal_ring *k, const char *jwe, const char *code)
{
    struct secret *out[SECRET_PARTS] = { NULL };
    struct problem p = { .code = "" };
    int r = seal_open(k, jwe, NULL, out, &p);

    assert_null(out[SECRET_PIN]);
    assert_null(out[SECRET_PUK]);
    assert_int_equal(r, 1);
    assert_null(strstr(p.message, "canary"));
    if (code)
        assert_string_equal(p.code, code);
}

static void test_every_changed_character_is_refused(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_P256);
    CLEANUP(free_cleanup) char *jwe = close_pair(k, PIN, PUK);

    (void)state;
    for (char *at = jwe; *at; at++) {
        char was = *at;

        *at = was == 'A' ? 'B' : 'A';
        assert_closed(k, jwe, NULL);
        *at = was;
    }
    for (size_t n = strlen(jwe); n-- > 0;) {
        jwe[n] = '\0';
        assert_closed(k, jwe, "form");
    }
}

/* The parts of two sealings for the same key do not fit together. */
static void test_parts_of_two_are_refused(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_X25519);

    (void)state;
    for (unsigned part = 0; part < 5; part++) {
        CLEANUP(free_cleanup) char *one = close_pair(k, PIN, NULL);
        CLEANUP(free_cleanup) char *two = close_pair(k, PIN, NULL);
        char *a = one, *b = two;

        for (unsigned i = 0; i < part; i++) {
            a = strchr(a, '.') + 1;
            b = strchr(b, '.') + 1;
        }
        assert_int_equal(strcspn(a, "."), strcspn(b, "."));
        memcpy(a, b, strcspn(b, "."));
        assert_closed(k, one, "decrypt");
    }
}

/* What is kept of an opening opens what shares it, once more after it was forgotten, and nothing else. */
static void test_what_shares_an_agreement_opens(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_P256);
    CLEANUP(free_cleanup) char *one = close_pair(k, PIN, NULL);
    CLEANUP(free_cleanup) char *two = close_pair(k, NULL, PUK);
    const char *jwes[] = { one, two };

    (void)state;
    for (int i = 0; i < 4; i++) {
        CLEANUP(pair_release) struct pair out = { { NULL } };
        struct problem p;

        assert_int_equal(seal_open(k, jwes[i % 2], NULL, out.secrets, &p), 0);
        assert_same(out.secrets[SECRET_PIN], i % 2 ? NULL : PIN);
        assert_same(out.secrets[SECRET_PUK], i % 2 ? PUK : NULL);
        if (i == 2)
            seal_ring_forget(k);
    }
    memcpy(strchr(one, '.'), strchr(two, '.'), 12);
    assert_closed(k, one, "decrypt");
}

/* The same id on another key: only the mathematics tells them apart. */
static void test_another_key_does_not_open(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_P256);
    CLEANUP(seal_ring_cleanup) struct seal_ring *other = generate(SEAL_P256);
    CLEANUP(seal_ring_cleanup) struct seal_ring *disguised = NULL;
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);
    CLEANUP(free_cleanup) char *jwe = close_pair(k, PIN, NULL);
    CLEANUP(json_cleanup) json_t *jwk = NULL;
    struct problem p;

    (void)state;
    assert_closed(other, jwe, "key");
    assert_int_equal(seal_ring_write(other, true, &b), 0);
    jwk = json_parse_line(buffer_bytes(&b), buffer_size(&b));
    json_put_text(jwk, "kid", seal_key_id(seal_ring_newest(k)));
    buffer_clear(&b);
    assert_int_equal(json_add_line(&b, jwk), 0);
    assert_int_equal(seal_ring_parse(buffer_bytes(&b), buffer_size(&b), "", &disguised, &p), 0);
    assert_int_equal(seal_check(disguised, jwe, NULL, &p), 0);
    assert_closed(disguised, jwe, "decrypt");
}

static void test_public_key_opens_nothing(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_P256);
    CLEANUP(seal_ring_cleanup) struct seal_ring *public = public_part(k);
    CLEANUP(free_cleanup) char *jwe = close_pair(k, PIN, NULL);

    (void)state;
    assert_closed(public, jwe, "key");
}

static void test_check_names_our_key(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = generate(SEAL_P256);
    CLEANUP(seal_ring_cleanup) struct seal_ring *other = generate(SEAL_P256);
    CLEANUP(free_cleanup) char *jwe = close_pair(other, PIN, NULL);
    struct problem p = { .code = "" };

    (void)state;
    assert_int_equal(seal_check(k, jwe, NULL, &p), 1);
    assert_string_equal(p.code, "key");
    assert_non_null(strstr(p.message, seal_key_id(seal_ring_newest(k))));
    assert_null(strstr(p.message, seal_key_id(seal_ring_newest(other))));
}

#define X25519_KEY                                                                                                   \
    "{\"crv\":\"X25519\",\"d\":\"YGXVTOW8Pw-I5ZFbAxG9Cg1j5TsN_EW0eKDxs5CkhUo\",\"kty\":\"OKP\","                     \
    "\"x\":\"lIPBe9eonlBRVkWA8-6807etQ1-QBEXpNl_ImnC0SEM\",\"kid\":\"jwcrypto x25519\"}"

/* Made by python3-jwcrypto 1.1.0, without and with apu and apv: Debian's jose has no X25519 to compare with. */
static const char *const by_jwcrypto[] = {
    "eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00iLCJlcGsiOnsiY3J2IjoiWDI1NTE5Iiwia3R5IjoiT0tQIiwi"
    "eCI6Inc2ODNWcUs1dE9DRFpTYVZXNTh0alRfTXl3cGFpekE0WENHSWkza2ZTa2MifSwia2lkIjoiandjcnlwdG8geDI1NTE5In0."
    "ssp3bJ6Epmyz_4K-XueTbteEmzaOB7DF9Pwvmf4kG35paqTRrLt16g.L0yBLWYsgGqMfVg1.6MqJseVMKKguThW7Eh3NI9kVXY6n"
    "4VsaFhN7FZmOU5ALJNc5NYLaE-A3Og.V8Nw2aHeyEjWa4bx9-sshg",
    "eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImFwdSI6IlFXeHBZMlUiLCJhcHYiOiJRbTlpIiwiZW5jIjoiQTI1NkdDTSIsImVwayI6"
    "eyJjcnYiOiJYMjU1MTkiLCJrdHkiOiJPS1AiLCJ4IjoiWWJ4N21WLUVpVHY1ZnNEbEpRcVNKMVRON1ZkYktTR24wMWJCR2VMNUQw"
    "YyJ9LCJraWQiOiJqd2NyeXB0byB4MjU1MTkifQ.vaq0LMLsBLtrfzBxdlSZhjBHpJ_QBu6Re-qUjOKw9kyQUpRSsKBDzQ.HrYvxo"
    "CF5BR0rvH_.IieqWmnVsdUITSEjH_SSuc-iU_SdXbQpxHaAzN69clf9VOIPoQ_yKIy70g.hGlNY2LSJwhn9MOAztsOfQ",
};

static void test_x25519_of_another_implementation(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = NULL;
    struct problem p;

    (void)state;
    assert_int_equal(seal_ring_parse(X25519_KEY, strlen(X25519_KEY), "", &k, &p), 0);
    for (size_t i = 0; i < ARRAY_SIZE(by_jwcrypto); i++) {
        CLEANUP(pair_release) struct pair out = { { NULL } };

        assert_int_equal(seal_open(k, by_jwcrypto[i], NULL, out.secrets, &p), 0);
        assert_same(out.secrets[SECRET_PIN], "artificial-1");
        assert_same(out.secrets[SECRET_PUK], "artificial-2");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_nothing_to_seal),
        cmocka_unit_test(test_no_two_sealings_are_alike),
        cmocka_unit_test(test_agreement_ends_when_it_is_forgotten),
        cmocka_unit_test(test_agreement_ends_by_itself),
        cmocka_unit_test(test_what_shares_an_agreement_opens),
        cmocka_unit_test(test_every_changed_character_is_refused),
        cmocka_unit_test(test_parts_of_two_are_refused),
        cmocka_unit_test(test_another_key_does_not_open),
        cmocka_unit_test(test_public_key_opens_nothing),
        cmocka_unit_test(test_check_names_our_key),
        cmocka_unit_test(test_x25519_of_another_implementation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

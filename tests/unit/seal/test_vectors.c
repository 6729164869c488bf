/* The published examples, as far as they touch what is used here. None of them is whole in these algorithms (no RFC
 * has one of ECDH-ES+A256KW with A256GCM), so that each step is held against the example that has it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/json.h>

#include "base64url.h"
#include "cipher.h"
#include "curve.h"
#include "jwe.h"
#include "openssl.h"

#define RFC7520_5_2_HEADER                                                                                           \
    "eyJhbGciOiJSU0EtT0FFUCIsImtpZCI6InNhbXdpc2UuZ2FtZ2VlQGhvYmJpdG9uLmV4YW1wbGUiLCJlbmMiOiJBMjU2R0NNIn0"
#define RFC7520_5_2_TEXT                                                                                             \
    "o4k2cnGN8rSSw3IDo1YuySkqeS_t2m1GXklSgqBdpACm6UJuJowOHC5ytjqYgRL-I-soPlwqMUf4UgRWWeaOGNw6vGW-xyM01lTY"           \
    "xrXfVzIIaRdhYtEMRBvBWbEwP7ua1DRfvaOjgZv6Ifa3brcAM64d8p5lhhNcizPersuhw5f-pGYzseva-TUaL8iWnctc-sSwy7SQ"           \
    "mRkfhDjwbz0fz6kFovEgj64X1I5s7E6GLp5fnbYGLa1QUiML7Cc2GxgvI7zqWo0YIEc7aCflLG1-8BboVWFdZKLK9vNoycrYHumw"           \
    "zKluLWEbSVmaPpOslY2n525DxDfWaVFUfKQxMF56vn4B9QMpWAbnypNimbM8zVOw"
#define RFC7520_5_4                                                                                                  \
    "eyJhbGciOiJFQ0RILUVTK0ExMjhLVyIsImtpZCI6InBlcmVncmluLnRvb2tAdHVja2Jvcm91Z2guZXhhbXBsZSIsImVwayI6eyJr"           \
    "dHkiOiJFQyIsImNydiI6IlAtMzg0IiwieCI6InVCbzRrSFB3Nmtiang1bDB4b3dyZF9vWXpCbWF6LUdLRlp1NHhBRkZrYllpV2d1"           \
    "dEVLNml1RURzUTZ3TmROZzMiLCJ5Ijoic3AzcDVTR2haVkMyZmFYdW1JLWU5SlUyTW84S3BvWXJGRHI1eVBOVnRXNFBnRXdaT3lR"           \
    "VEEtSmRhWTh0YjdFMCJ9LCJlbmMiOiJBMTI4R0NNIn0.0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2.mH-G2zVqgztUtnW_.tkZuOO"           \
    "9h95OgHJmkkrfLBisku8rGf6nzVxhRM3sVOhXgz5NJ76oID7lpnAi_cPWJRCjSpAaUZ5dOR3Spy7QuEkmKx8-3RCMhSYMzsXaEwD"           \
    "dXta9Mn5B7cCBoJKB0IgEnj_qfo1hIi-uEkUpOZ8aLTZGHfpl05jMwbKkTe2yK3mjF6SBAsgicQDVCkcY9BLluzx1RmC3ORXaM0J"           \
    "aHPB93YcdSDGgpgBWMVrNU1ErkjcMqMoT_wtCex3w03XdLkjXIuEr2hWgeP-nkUZTPU9EoGSPj6fAS-bSz87RCPrxZdj_iVyC6QW"           \
    "cqAu07WNhjzJEPc4jVntRJ6K53NgPQ5p99l3Z408OUqj4ioYezbS6vTPlQ.WuGzxmcreYjpHGJoa17EBg"
#define RFC7520_5_5                                                                                                  \
    "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6"           \
    "IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4"           \
    "QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5s"           \
    "Yyv3iGQT926IUg.BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXv"           \
    "HteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7"           \
    "-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni"           \
    "5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg."           \
    "WCCkNa-x4BeB9hIDIfFuhg"
#define RFC8037_A_6                                                                                                  \
    "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoiQm9iIiwiZXBrIjp7Imt0eSI6Ik9LUCIsImNydiI6IlgyNTUxOSIsIngiOiJ4dlhIaDNR"           \
    "MlM0Vm90WGdCZGRHV0RfS2huellaX2V1QjJlYWVrTHZ2QURVIn0sImVuYyI6IkExMjhHQ00ifQ..0tCoBvRfolezYjpJ.cX3qZ4c"           \
    "fxiyr_Leem1b69MeLo-BHsMJy6RetGse91pgXjR7X87k1e7dJliYfzgse.Yd4jUyp_PC5cACOwaAGwUQ"

/* RFC 7516 appendix A.1: the key in bytes, the rest in base64url. */
static const uint8_t rfc7516_a_1_cek[CEK_SIZE] = { 177, 161, 244, 128, 84,  143, 225, 115, 63, 180, 3,
                                                   255, 107, 154, 212, 246, 138, 7,   110, 91, 112, 46,
                                                   34,  105, 47,  130, 203, 46,  122, 234, 64, 252 };
#define RFC7516_A_1_HEADER "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ"
#define RFC7516_A_1_TEXT   "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A"

/* RFC 7518 appendix C. */
#define ALICE                                                                                                        \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\","                        \
    "\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\""
#define ALICE_D "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"
#define BOB                                                                                                          \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ\","                        \
    "\"y\":\"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck\""
#define BOB_D "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"

/* RFC 7520 section 5.5. */
#define MERIADOC                                                                                                     \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0\","                        \
    "\"y\":\"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw\""
#define MERIADOC_D "r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8"
#define EPK_5_5                                                                                                      \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"mPUKT_bAWGHIhg0TpjjqVsP1rXWQu_vwVOHHtNkdYoA\","                        \
    "\"y\":\"8BQAsImGeAS46fyWw5MhYfGTT0IjBpFw2SS34Dv4Irs\""

/* RFC 8037 appendix A.6. */
#define X25519_BOB   "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\""
#define X25519_BOB_D "XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os"
#define X25519_EPK   "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo\""

static struct ciphers ciphers;

static int make_ciphers(void **state)
{
    (void)state;
    return ciphers_init(&ciphers);
}

static int drop_ciphers(void **state)
{
    (void)state;
    ciphers_release(&ciphers);
    return 0;
}

static EVP_PKEY *key_of(const char *jwk, const char *d)
{
    CLEANUP(json_cleanup) json_t *j = json_parse_line(jwk, strlen(jwk));
    uint8_t private[COORDINATE];
    struct point p;

    assert_int_equal(point_from_json(j, &p), 0);
    if (d)
        assert_int_equal(base64url_decode_exactly(d, private, sizeof(private)), 0);
    return point_key(&p, d ? private : NULL);
}

static void agree(const char *own, const char *d, const char *peer, uint8_t shared[COORDINATE])
{
    CLEANUP(pkey_cleanup) EVP_PKEY *a = key_of(own, d);
    CLEANUP(pkey_cleanup) EVP_PKEY *b = key_of(peer, NULL);

    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(curve_agree(a, b, shared), 0);
}

static void test_rfc7518_c(void **state)
{
    static const uint8_t z[COORDINATE] = { 158, 86,  217, 29,  129, 113, 53,  211, 114, 131, 66,
                                           131, 191, 132, 38,  156, 251, 49,  110, 163, 218, 128,
                                           106, 72,  246, 218, 167, 121, 140, 254, 144, 196 };
    uint8_t by_alice[COORDINATE], by_bob[COORDINATE];

    (void)state;
    agree("{" ALICE "}", ALICE_D, "{" BOB "}", by_alice);
    agree("{" BOB "}", BOB_D, "{" ALICE "}", by_bob);
    assert_memory_equal(by_alice, z, sizeof(z));
    assert_memory_equal(by_bob, z, sizeof(z));
}

/* The agreement and the KDF together: the content key of an example that agrees on it directly. */
static void test_rfc7520_5_5(void **state)
{
    static const struct party nobody = { .size = 0 };
    uint8_t shared[COORDINATE], key[32], expected[32];

    (void)state;
    agree("{" MERIADOC "}", MERIADOC_D, "{" EPK_5_5 "}", shared);
    assert_int_equal(
        concat_kdf(&ciphers, shared, sizeof(shared), "A128CBC-HS256", &nobody, &nobody, key, sizeof(key)), 0);
    assert_int_equal(
        base64url_decode_exactly("hzHdlfQIAEehb8Hrd_mFRhKsKLEzPfshfXs9l6areCc", expected, sizeof(expected)), 0);
    assert_memory_equal(key, expected, sizeof(key));
}

static void test_rfc8037_a_6(void **state)
{
    static const uint8_t z[COORDINATE] = { 0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
                                           0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
                                           0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42 };
    uint8_t shared[COORDINATE];

    (void)state;
    agree("{" X25519_BOB "}", X25519_BOB_D, "{" X25519_EPK "}", shared);
    assert_memory_equal(shared, z, sizeof(z));
}

/* A256GCM under a known key. */
static void assert_content(const uint8_t *cek, const char *header, const char *iv64, const char *text,
                           const char *tag64, const char *begin)
{
    uint8_t iv[IV_SIZE], tag[TAG_SIZE], closed[CONTENT_MOST], opened[CONTENT_MOST];
    struct message m = { iv, header, strlen(header), closed, 0, opened };

    assert_int_equal(base64url_decode_exactly(iv64, iv, sizeof(iv)), 0);
    assert_int_equal(base64url_decode_exactly(tag64, tag, sizeof(tag)), 0);
    assert_int_equal(base64url_decode(text, strlen(text), closed, sizeof(closed), &m.size), 0);
    assert_int_equal(gcm_open(&ciphers, cek, &m, tag), 0);
    assert_memory_equal(opened, begin, strlen(begin));
    closed[m.size - 1] ^= 1;
    assert_int_equal(gcm_open(&ciphers, cek, &m, tag), -EIO);
}

static void test_rfc7516_a_1(void **state)
{
    (void)state;
    assert_content(rfc7516_a_1_cek, RFC7516_A_1_HEADER, "48V1_ALb6US04U3b", RFC7516_A_1_TEXT,
                   "XFBoMYUZodetZdvTiFvSkQ", "The true sign of intelligence is not knowledge but imagination.");
}

static void test_rfc7520_5_2(void **state)
{
    uint8_t cek[CEK_SIZE];

    (void)state;
    assert_int_equal(base64url_decode_exactly("mYMfsggkTAm0TbvtlFh2hyoXnbEzJQjMxmgLN3d8xXA", cek, sizeof(cek)), 0);
    assert_content(cek, RFC7520_5_2_HEADER, "-nBoKLH0YkLZPSI9", RFC7520_5_2_TEXT, "UCGiqJxhBI3IFVdPalHHvA",
                   "You can trust us to stick with you through thick and thin");
}

static void assert_refused(const char *key, const char *jwe)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL;
    struct secret *out[SECRET_PARTS] = { NULL };
    struct problem p = { .code = "" };

    assert_int_equal(seal_ring_parse(key, strlen(key), "", &r, &p), 0);
    assert_int_equal(seal_open(r, jwe, NULL, out, &p), 1);
    assert_string_equal(p.code, "algorithm");
}

/* Right examples of other algorithms, to the very key that they are for. */
static void test_other_algorithms_are_refused(void **state)
{
    (void)state;
    assert_refused("{" MERIADOC ",\"kid\":\"meriadoc.brandybuck@buckland.example\",\"d\":\"" MERIADOC_D "\"}",
                   RFC7520_5_5);
    assert_refused("{" X25519_BOB ",\"kid\":\"Bob\",\"d\":\"" X25519_BOB_D "\"}", RFC8037_A_6);
    assert_refused("{" MERIADOC ",\"d\":\"" MERIADOC_D "\"}", RFC7520_5_4);
    assert_refused("{" MERIADOC ",\"d\":\"" MERIADOC_D "\"}", RFC7520_5_2_HEADER
                   "." RFC7520_5_2_HEADER ".-nBoKLH0YkLZPSI9." RFC7520_5_2_TEXT ".UCGiqJxhBI3IFVdPalHHvA");
    assert_refused("{" MERIADOC ",\"d\":\"" MERIADOC_D "\"}", RFC7516_A_1_HEADER
                   "." RFC7516_A_1_HEADER ".48V1_ALb6US04U3b." RFC7516_A_1_TEXT ".XFBoMYUZodetZdvTiFvSkQ");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc7518_c),   cmocka_unit_test(test_rfc7520_5_5),
        cmocka_unit_test(test_rfc8037_a_6), cmocka_unit_test(test_rfc7516_a_1),
        cmocka_unit_test(test_rfc7520_5_2), cmocka_unit_test(test_other_algorithms_are_refused),
    };

    return cmocka_run_group_tests(tests, make_ciphers, drop_ciphers);
}

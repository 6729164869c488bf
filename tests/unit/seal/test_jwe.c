#include "jwe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base64url.h"

/* RFC 7517 appendix A.1; the ephemeral point of these headers is that of RFC 7518 appendix C (Alice). */
#define KEY                                                                                                          \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","         \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}"
#define ALG     "\"alg\":\"ECDH-ES+A256KW\","
#define ENC     "\"enc\":\"A256GCM\","
#define KID     "\"kid\":\"k\","
#define X       "\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\""
#define Y       "\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\""
#define EPK     "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y "}"
#define WRAPPED ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define IV      ".AAAAAAAAAAAAAAAA"
#define TEXT    ".AAAA"
#define TAG     ".AAAAAAAAAAAAAAAAAAAAAA"

static struct seal_ring *keys;

static int make_key(void **state)
{
    struct problem p;

    (void)state;
    return seal_ring_parse(KEY, strlen(KEY), "", &keys, &p);
}

static int drop_key(void **state)
{
    (void)state;
    keys = seal_ring_free(keys);
    return 0;
}

static int parse_for(const struct seal_binding *binding, const char *header, const char *rest, struct problem *p)
{
    CLEANUP(jwe_release) struct jwe j = { .header = NULL };
    char text[2 * JWE_MOST];
    size_t n = base64url_encode((const uint8_t *)header, strlen(header), text);

    *p = (struct problem){ .code = "" };
    memcpy(text + n, rest, strlen(rest) + 1);
    return jwe_parse(keys, text, binding, &j, p);
}

static int parse(const char *header, const char *rest, struct problem *p)
{
    return parse_for(NULL, header, rest, p);
}

static void assert_header_refused(const char *header, const char *code)
{
    struct problem p;

    assert_int_equal(parse(header, WRAPPED IV TEXT TAG, &p), 1);
    if (strcmp(p.code, code) != 0)
        print_error("%s: %s %s\n", header, p.code, p.message);
    assert_string_equal(p.code, code);
}

static void test_least_header_is_taken(void **state)
{
    struct problem p;

    (void)state;
    assert_int_equal(parse("{" ALG ENC KID EPK "}", WRAPPED IV TEXT TAG, &p), 0);
    assert_int_equal(parse("{ " ALG ENC KID EPK ",\"typ\":\"JOSE\",\"apu\":\"QWxpY2U\"}", WRAPPED IV TEXT TAG, &p),
                     0);
}

static void test_other_algorithms_are_refused(void **state)
{
    (void)state;
    assert_header_refused("{" ENC KID EPK "}", "algorithm");
    assert_header_refused("{" ALG KID EPK "}", "algorithm");
    assert_header_refused("{\"alg\":\"ECDH-ES\"," ENC KID EPK "}", "algorithm");
    assert_header_refused("{\"alg\":\"dir\"," ENC KID EPK "}", "algorithm");
    assert_header_refused("{" ALG "\"enc\":\"A128CBC-HS256\"," KID EPK "}", "algorithm");
    assert_header_refused("{" ALG "\"enc\":7," KID EPK "}", "algorithm");
    assert_header_refused("{" ALG ENC KID EPK ",\"zip\":\"DEF\"}", "algorithm");
    assert_header_refused("{" ALG ENC KID EPK ",\"crit\":[\"exp\"]}", "algorithm");
}

static void test_another_key_is_refused_by_name(void **state)
{
    struct problem p;

    (void)state;
    assert_header_refused("{" ALG ENC EPK "}", "key");
    assert_int_equal(parse("{" ALG ENC "\"kid\":\"old\"," EPK "}", WRAPPED IV TEXT TAG, &p), 1);
    assert_string_equal(p.code, "key");
    assert_non_null(strstr(p.message, "is k"));
    assert_header_refused("{" ALG ENC KID "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\"," X "}}", "form");
}

static void test_malformed_headers_are_refused(void **state)
{
    (void)state;
    assert_header_refused("", "form");
    assert_header_refused("[]", "form");
    assert_header_refused("{" ALG ENC KID EPK "} x", "form");
    assert_header_refused("{" ALG ENC KID EPK "," EPK "}", "form");
    assert_header_refused("{" ALG ENC "\"kid\":\"k\"}", "form");
    assert_header_refused("{" ALG ENC KID "\"epk\":{}}", "form");
    assert_header_refused("{" ALG ENC KID "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X "}}", "form");
    assert_header_refused("{" ALG ENC KID "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"AAAA\"}}", "form");
    assert_header_refused("{" ALG ENC KID EPK ",\"apu\":7}", "form");
    assert_header_refused("{" ALG ENC KID EPK ",\"apv\":\"=\"}", "form");
}

static void test_point_off_the_curve_is_refused(void **state)
{
    (void)state;
    assert_header_refused("{" ALG ENC KID "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X
                          ",\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFppo\"}}",
                          "form");
}

static void assert_binding(const char *members, bool required, int expected)
{
    const struct seal_binding binding = { .source = "/identity-manager", .id = "7b\"1c", .required = required };
    char header[HEADER_MOST];
    struct problem p;

    snprintf(header, sizeof(header), "{" ALG ENC KID EPK "%s}", members);
    if (parse_for(&binding, header, WRAPPED IV TEXT TAG, &p) != expected)
        fail_msg("%s: %s", members, p.message);
    if (expected) {
        assert_string_equal(p.code, "binding");
        assert_null(strstr(p.message, "identity-manager"));
    }
    assert_int_equal(parse(header, WRAPPED IV TEXT TAG, &p), 0);
}

static void test_binding(void **state)
{
#define SOURCE ",\"ce_source\":\"/identity-manager\""
#define ID     ",\"ce_id\":\"7b\\\"1c\""
    static const char *const wrong[] = {
        SOURCE,
        ID,
        SOURCE ",\"ce_id\":\"7b\"",
        SOURCE ",\"ce_id\":\"7B\\\"1c\"",
        SOURCE ",\"ce_id\":\"\"",
        SOURCE ",\"ce_id\":7",
        SOURCE ",\"ce_id\":null",
        ID ",\"ce_source\":\"/identity-manager/\"",
        ID ",\"ce_source\":[\"/identity-manager\"]",
        ",\"ce_source\":null,\"ce_id\":null",
    };

    (void)state;
    assert_binding(SOURCE ID, false, 0);
    assert_binding(ID SOURCE, true, 0);
    assert_binding("", false, 0);
    assert_binding("", true, 1);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_binding(wrong[i], false, 1);
}

static void test_malformed_parts_are_refused(void **state)
{
    static const char *const rests[] = {
        "",
        WRAPPED IV TEXT,
        WRAPPED IV TEXT TAG ".",
        WRAPPED IV TEXT TAG "A",
        WRAPPED IV TEXT TAG "=",
        WRAPPED IV "." TAG,
        WRAPPED "." TEXT TAG,
        "." IV TEXT TAG,
        WRAPPED "AAAA" IV TEXT TAG,
        WRAPPED IV "AAAA" TEXT TAG,
        WRAPPED IV ".AA AA" TAG,
        WRAPPED IV TEXT ".AAAAAAAAAAAAAAAAAAAAAB",
        WRAPPED IV TEXT TAG "\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
        struct problem p;

        if (parse("{" ALG ENC KID EPK "}", rests[i], &p) != 1 || strcmp(p.code, "form") != 0)
            fail_msg("%s: %s", rests[i], p.code);
    }
}

static void test_sizes(void **state)
{
    char header[HEADER_MOST + 2], rest[JWE_MOST + 64];
    struct problem p;
    int n = snprintf(header, sizeof(header), "{" ALG ENC KID EPK "}");

    (void)state;
    memset(header + n, ' ', sizeof(header) - (size_t)n);
    header[HEADER_MOST] = '\0';
    assert_int_equal(parse(header, WRAPPED IV TEXT TAG, &p), 0);
    header[HEADER_MOST] = ' ';
    header[HEADER_MOST + 1] = '\0';
    assert_header_refused(header, "form");

    memset(rest, 'A', sizeof(rest));
    rest[sizeof(rest) - 1] = '\0';
    assert_int_equal(parse("{" ALG ENC KID EPK "}", rest, &p), 1);
    assert_string_equal(p.code, "form");
    assert_non_null(strstr(p.message, "4096"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_header_is_taken),          cmocka_unit_test(test_other_algorithms_are_refused),
        cmocka_unit_test(test_another_key_is_refused_by_name), cmocka_unit_test(test_malformed_headers_are_refused),
        cmocka_unit_test(test_point_off_the_curve_is_refused), cmocka_unit_test(test_binding),
        cmocka_unit_test(test_malformed_parts_are_refused),    cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, make_key, drop_key);
}

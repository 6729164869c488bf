#include <pindispatch/seal.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <pindispatch/json.h>

/* RFC 8037 appendix A.6 (Bob), whose private part RFC 7748 section 6.1 tells. */
#define BOB_PUBLIC  "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\""
#define BOB_PRIVATE BOB_PUBLIC ",\"d\":\"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os\""
/* RFC 7517 appendix A.1 and A.2. */
#define EC_X        "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\""
#define EC_Y        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC_PUBLIC   "\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X "," EC_Y
#define EC_PRIVATE  EC_PUBLIC ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\""

static struct seal_key *parse(const char *text)
{
    struct seal_key *k = NULL;
    struct problem p = { .code = "" };
    int r = seal_key_parse(text, strlen(text), "key.jwk", &k, &p);

    if (r != 0)
        print_error("%s: %s\n", text, p.message);
    assert_int_equal(r, 0);
    return k;
}

static void test_public_and_private(void **state)
{
    static const struct {
        const char *text;
        bool can_open;
    } keys[] = { { "{" BOB_PUBLIC "}", false },
                 { "{" BOB_PRIVATE "}", true },
                 { "{" EC_PUBLIC "}", false },
                 { "{" EC_PRIVATE ",\"use\":\"enc\",\"alg\":\"ECDH-ES+A256KW\"}", true } };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        CLEANUP(seal_key_cleanup) struct seal_key *k = parse(keys[i].text);

        assert_int_equal(seal_key_can_open(k), keys[i].can_open);
    }
}

/* Thumbprints computed by jwcrypto from the same keys. */
static void test_id_is_the_files_or_the_thumbprint(void **state)
{
    CLEANUP(seal_key_cleanup) struct seal_key *bob = parse("{" BOB_PRIVATE "}");
    CLEANUP(seal_key_cleanup) struct seal_key *ec = parse("{" EC_PUBLIC ",\"other\":[1]}");
    CLEANUP(seal_key_cleanup) struct seal_key *named = parse("{" EC_PUBLIC ",\"kid\":\"of 2026\"}");

    (void)state;
    assert_string_equal(seal_key_id(bob), "giQqigT_IKcuzHl0FVJ3k5ts3_TWNAxvsC08UZsfcM8");
    assert_string_equal(seal_key_id(ec), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    assert_string_equal(seal_key_id(named), "of 2026");
}

static void test_written_is_parsed(void **state)
{
    static const enum seal_curve curves[] = { SEAL_P256, SEAL_X25519 };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        CLEANUP(seal_key_cleanup) struct seal_key *k = NULL, *again = NULL;
        CLEANUP(buffer_release) struct buffer b = BUFFER(4096), second = BUFFER(4096);
        bool private = i % 2;

        assert_int_equal(seal_key_generate(curves[i / 2], &k), 0);
        assert_int_equal(seal_key_write(k, private, &b), 0);
        assert_int_equal(buffer_terminate(&b), 0);
        assert_int_equal(strstr(buffer_bytes(&b), "\"d\":") != NULL, private);
        again = parse(buffer_bytes(&b));
        assert_string_equal(seal_key_id(k), seal_key_id(again));
        assert_int_equal(seal_key_can_open(again), private);
        assert_int_equal(seal_key_write(again, private, &second), 0);
        assert_int_equal(buffer_size(&b), buffer_size(&second));
        assert_memory_equal(buffer_bytes(&b), buffer_bytes(&second), buffer_size(&b));
    }
}

static void test_known_key_is_written_back(void **state)
{
    CLEANUP(seal_key_cleanup) struct seal_key *k = parse("{" EC_PRIVATE "}");
    CLEANUP(buffer_release) struct buffer b = BUFFER(4096);
    CLEANUP(json_cleanup) json_t *jwk = NULL;

    (void)state;
    assert_int_equal(seal_key_write(k, true, &b), 0);
    jwk = json_parse_line(buffer_bytes(&b), buffer_size(&b));
    assert_string_equal(json_text(jwk, "d"), "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE");
    assert_string_equal(json_text(jwk, "x"), "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
    assert_string_equal(json_text(jwk, "y"), "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
}

static void test_public_key_has_no_private_part_to_write(void **state)
{
    CLEANUP(seal_key_cleanup) struct seal_key *k = parse("{" EC_PUBLIC "}");
    CLEANUP(buffer_release) struct buffer b = BUFFER(4096);

    (void)state;
    assert_int_equal(seal_key_write(k, true, &b), -EINVAL);
    assert_int_equal(buffer_size(&b), 0);
}

static void test_unfit_keys_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
        "{\"kty\":\"oct\",\"k\":\"AQAB\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\"," EC_X "," EC_Y "}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X "}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X ",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyN\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X ",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyw\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X ",\"y\":17}",
        "{" EC_PUBLIC ",\"d\":\"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os\"}",
        "{" EC_PUBLIC ",\"d\":\"\"}",
        "{" EC_PUBLIC ",\"d\":null}",
        "{" EC_PUBLIC ",\"use\":\"sig\"}",
        "{" EC_PUBLIC ",\"use\":[\"enc\"]}",
        "{" EC_PUBLIC ",\"alg\":\"ECDH-ES\"}",
        "{" EC_PUBLIC ",\"kid\":7}",
        "{" EC_PUBLIC ",\"kid\":\"\"}",
        "{" EC_PUBLIC ",\"kid\":\"line\\nfeed\"}",
        "{" EC_PUBLIC "," EC_X "}",
        "{" BOB_PUBLIC ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct seal_key *k = NULL;
        struct problem p = { .code = "" };
        int r = seal_key_parse(bad[i], strlen(bad[i]), "key.jwk", &k, &p);

        if (r != 1)
            print_error("%s: %d\n", bad[i], r);
        assert_int_equal(r, 1);
        assert_null(k);
        assert_string_equal(p.code, "key");
        assert_string_equal(p.where, "key.jwk");
        assert_null(strstr(p.message, "XasIfmJKikt54X"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_and_private),
        cmocka_unit_test(test_id_is_the_files_or_the_thumbprint),
        cmocka_unit_test(test_written_is_parsed),
        cmocka_unit_test(test_known_key_is_written_back),
        cmocka_unit_test(test_public_key_has_no_private_part_to_write),
        cmocka_unit_test(test_unfit_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

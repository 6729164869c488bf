#include "curve.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "openssl.h"

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void from_hex(const char *hex, uint8_t *bytes, size_t size)
{
    assert_int_equal(strlen(hex), 2 * size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

static EVP_PKEY *x25519(const char *public, const char *private)
{
    struct point p = { .curve = SEAL_X25519, .size = COORDINATE };
    uint8_t d[COORDINATE];

    from_hex(public, p.bytes, COORDINATE);
    if (private)
        from_hex(private, d, COORDINATE);
    return point_key(&p, private ? d : NULL);
}

#define BOB_PRIVATE  "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define ALICE_PUBLIC "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB_PUBLIC   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"

/* RFC 7748 section 6.1, which RFC 8037 appendix A.6 takes up. */
static void test_x25519_known_answer(void **state)
{
    CLEANUP(pkey_cleanup) EVP_PKEY *bob = x25519(BOB_PUBLIC, BOB_PRIVATE);
    CLEANUP(pkey_cleanup) EVP_PKEY *alice = x25519(ALICE_PUBLIC, NULL);
    uint8_t shared[COORDINATE], expected[COORDINATE], private[COORDINATE], d[COORDINATE];

    (void)state;
    assert_non_null(bob);
    assert_non_null(alice);
    from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", expected, COORDINATE);
    assert_int_equal(curve_agree(bob, alice, shared), 0);
    assert_memory_equal(shared, expected, COORDINATE);
    from_hex(BOB_PRIVATE, d, COORDINATE);
    assert_int_equal(private_of_key(SEAL_X25519, bob, private), 0);
    assert_memory_equal(private, d, COORDINATE);
}

static void test_halves_of_two_pairs_are_refused(void **state)
{
    (void)state;
    assert_null(x25519(ALICE_PUBLIC, BOB_PRIVATE));
    assert_int_equal(ERR_peek_error(), 0);
}

/* A peer of low order makes a shared secret that everybody knows: all zeroes (RFC 7748 section 6.1). */
static void test_low_order_points_agree_on_nothing(void **state)
{
    static const char *const low[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    CLEANUP(pkey_cleanup) EVP_PKEY *bob = x25519(BOB_PUBLIC, BOB_PRIVATE);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(low); i++) {
        CLEANUP(pkey_cleanup) EVP_PKEY *peer = x25519(low[i], NULL);
        uint8_t shared[COORDINATE];

        assert_non_null(peer);
        assert_int_equal(curve_agree(bob, peer, shared), -EIO);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

/* An invalid-curve attack reads the private key off from answers to such points. */
static void test_points_off_the_curve_are_refused(void **state)
{
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *generator = curve_generator(SEAL_P256);
    CLEANUP(pkey_cleanup) EVP_PKEY *key = NULL, *again = NULL;
    struct point p;

    (void)state;
    assert_int_equal(EVP_PKEY_generate(generator, &key), 1);
    assert_int_equal(point_of_key(SEAL_P256, key, &p), 0);
    again = point_key(&p, NULL);
    assert_non_null(again);
    p.bytes[POINT_MOST - 1] ^= 1;
    assert_null(point_key(&p, NULL));
    memset(p.bytes + 1, 0, 2 * COORDINATE);
    assert_null(point_key(&p, NULL));
    memset(p.bytes + 1, 0xff, 2 * COORDINATE);
    assert_null(point_key(&p, NULL));
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_private_zero_is_refused(void **state)
{
    static const uint8_t zero[COORDINATE];
    CLEANUP(pkey_ctx_cleanup) EVP_PKEY_CTX *generator = curve_generator(SEAL_P256);
    CLEANUP(pkey_cleanup) EVP_PKEY *key = NULL;
    struct point p;

    (void)state;
    assert_int_equal(EVP_PKEY_generate(generator, &key), 1);
    assert_int_equal(point_of_key(SEAL_P256, key, &p), 0);
    assert_null(point_key(&p, zero));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x25519_known_answer),
        cmocka_unit_test(test_halves_of_two_pairs_are_refused),
        cmocka_unit_test(test_low_order_points_agree_on_nothing),
        cmocka_unit_test(test_points_off_the_curve_are_refused),
        cmocka_unit_test(test_private_zero_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

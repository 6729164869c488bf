#include "cipher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base64url.h"

static int make_ciphers(void **state)
{
    static struct ciphers c;

    *state = &c;
    return ciphers_init(&c);
}

static int drop_ciphers(void **state)
{
    ciphers_release(*state);
    return 0;
}

/* RFC 7518 appendix C. */
static void test_concat_kdf(void **state)
{
    static const uint8_t z[] = { 158, 86, 217, 29,  129, 113, 53,  211, 114, 131, 66,  131, 191, 132, 38,  156,
                                 251, 49, 110, 163, 218, 128, 106, 72,  246, 218, 167, 121, 140, 254, 144, 196 };
    static const struct party alice = { "Alice", 5 }, bob = { "Bob", 3 };
    uint8_t key[16];
    char text[BASE64URL_TEXT(sizeof(key))];

    assert_int_equal(concat_kdf(*state, z, sizeof(z), "A128GCM", &alice, &bob, key, sizeof(key)), 0);
    base64url_encode(key, sizeof(key), text);
    assert_string_equal(text, "VqqN6vgjbSBcIijNcacQGg");
    /* The prepared context remembers nothing of the run before. */
    assert_int_equal(concat_kdf(*state, z, sizeof(z), "A128GCM", &bob, &alice, key, sizeof(key)), 0);
    base64url_encode(key, sizeof(key), text);
    assert_string_not_equal(text, "VqqN6vgjbSBcIijNcacQGg");
    assert_int_equal(
        concat_kdf(*state, z, sizeof(z), "an algorithm's name that is far too long", &alice, &bob, key, sizeof(key)),
        -EIO);
}

/* RFC 3394 section 4.6. */
static void test_key_wrap(void **state)
{
    static const uint8_t expected[WRAPPED_SIZE] = { 0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc,
                                                    0xb3, 0x5c, 0xfb, 0x87, 0xf8, 0x26, 0x3f, 0x57, 0x86, 0xe2,
                                                    0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7, 0x1a, 0x99,
                                                    0xf4, 0x3b, 0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21 };
    static const uint8_t cek[CEK_SIZE] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                                           0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
                                           0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };
    uint8_t kek[KEK_SIZE], wrapped[WRAPPED_SIZE], opened[CEK_SIZE];

    for (size_t i = 0; i < KEK_SIZE; i++)
        kek[i] = (uint8_t)i;
    assert_int_equal(key_wrap(*state, kek, cek, wrapped), 0);
    assert_memory_equal(wrapped, expected, sizeof(expected));
    assert_int_equal(key_unwrap(*state, kek, wrapped, opened), 0);
    assert_memory_equal(opened, cek, sizeof(cek));
    wrapped[39] ^= 1;
    assert_int_equal(key_unwrap(*state, kek, wrapped, opened), -EIO);
}

static void test_gcm(void **state)
{
    static const uint8_t cek[CEK_SIZE] = { 1, 2, 3 }, iv[IV_SIZE] = { 4, 5, 6 };
    uint8_t closed[5], opened[5], tag[TAG_SIZE];
    struct message m = { iv, "header", 6, (const uint8_t *)"clear", 5, closed };
    struct message back = { iv, "header", 6, closed, 5, opened };

    assert_int_equal(gcm_close(*state, cek, &m, tag), 0);
    assert_memory_not_equal(closed, "clear", 5);
    assert_int_equal(gcm_open(*state, cek, &back, tag), 0);
    assert_memory_equal(opened, "clear", 5);
    back.authenticated = "Header";
    assert_int_equal(gcm_open(*state, cek, &back, tag), -EIO);
    back.authenticated = "header";
    tag[0] ^= 1;
    assert_int_equal(gcm_open(*state, cek, &back, tag), -EIO);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concat_kdf),
        cmocka_unit_test(test_key_wrap),
        cmocka_unit_test(test_gcm),
    };

    return cmocka_run_group_tests(tests, make_ciphers, drop_ciphers);
}

#include "base64url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648 section 10, without the padding, and the two characters that differ from base64. */
static const struct {
    const char *bytes, *text;
} pairs[] = {
    { "", "" },           { "f", "Zg" },          { "fo", "Zm8" },          { "foo", "Zm9v" },
    { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xef\xff", "--__" },
};

static void test_known_pairs_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        size_t size = strlen(pairs[i].bytes), got;
        char text[BASE64URL_TEXT(8)];
        uint8_t bytes[8];

        assert_int_equal(base64url_encode((const uint8_t *)pairs[i].bytes, size, text), BASE64URL_LENGTH(size));
        assert_string_equal(text, pairs[i].text);
        assert_int_equal(base64url_decode(text, strlen(text), bytes, size, &got), 0);
        assert_int_equal(got, size);
        assert_memory_equal(bytes, pairs[i].bytes, size);
    }
}

static void test_only_one_spelling_is_taken(void **state)
{
    static const char *const bad[] = {
        "Zg==", "Zm9v\n", "Z", "Zm9vY", "Zh", "Zm9", "+/+/", " Zm8", "Zm.v", "Zm9\x80"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t bytes[8];
        size_t got;

        assert_int_equal(base64url_decode(bad[i], strlen(bad[i]), bytes, sizeof(bytes), &got), -EINVAL);
    }
}

static void test_bounds(void **state)
{
    uint8_t bytes[4] = { 0, 0, 0, 0x5a };
    size_t got;

    (void)state;
    assert_int_equal(base64url_decode("Zm9vYg", 6, bytes, 3, &got), -ENOBUFS);
    assert_int_equal(base64url_decode("Zm9v", 4, bytes, 3, &got), 0);
    assert_int_equal(bytes[3], 0x5a);
    assert_int_equal(base64url_decode_exactly("Zm9v", bytes, 3), 0);
    assert_int_equal(base64url_decode_exactly("Zm8", bytes, 3), -EINVAL);
    assert_int_equal(base64url_decode_exactly("Zm9vYg", bytes, 3), -EINVAL);
    assert_int_equal(base64url_decode_exactly(NULL, bytes, 3), -EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_pairs_both_ways),
        cmocka_unit_test(test_only_one_spelling_is_taken),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

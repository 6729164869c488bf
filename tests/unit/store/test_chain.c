/* The audit chain's encoding is a promise to whoever checks an export without us: the hashes below were computed
 * by another program (Python's hashlib and struct) from the description in chain.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chain.h"

static const unsigned char zeros[CHAIN_HASH];

static int setup(void **state)
{
    struct hasher *h = calloc(1, sizeof(*h));

    assert_non_null(h);
    assert_int_equal(hasher_init(h), 0);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    hasher_release(*state);
    free(*state);
    return 0;
}

static struct audit_row sample(void)
{
    struct audit_row r = { .seq = 1,
                           .time = INT64_C(1790000000000000),
                           .from = "",
                           .to = "queued",
                           .cause = "submit",
                           .uid = -1,
                           .generation = 7 };

    for (uint8_t i = 0; i < sizeof(r.delivery.bytes); i++)
        r.delivery.bytes[i] = i;
    return r;
}

static void rows_hash_as_another_program_says(void **state)
{
    struct audit_row r = sample();
    unsigned char first[CHAIN_HASH], second[CHAIN_HASH];
    char text[CHAIN_TEXT];

    assert_int_equal(chain_hash(*state, zeros, &r, first), 0);
    assert_string_equal(chain_format(first, text),
                        "27360543aa4ac66d6e71832ae937e03dec2a4dedef98c1040d52fab2e3f7a961");
    r.seq = 2;
    r.prior = 1;
    r.time++;
    r.from = "queued";
    r.to = "cancelled";
    r.cause = "operator:cancel";
    r.words = "hört";
    r.uid = 1000;
    r.generation = 8;
    r.template_hash = "ab12";
    r.detail = "{\"x\":1}";
    assert_int_equal(chain_hash(*state, first, &r, second), 0);
    assert_string_equal(chain_format(second, text),
                        "ca2c4985de48332aca6f935f755546591335b1b22b109adb8f1b53f410cc1f92");
}

static void different(struct hasher *h, const struct audit_row *a, const struct audit_row *b)
{
    unsigned char one[CHAIN_HASH], other[CHAIN_HASH];

    assert_int_equal(chain_hash(h, zeros, a, one), 0);
    assert_int_equal(chain_hash(h, zeros, b, other), 0);
    assert_memory_not_equal(one, other, CHAIN_HASH);
}

static void no_two_rows_are_encoded_alike(void **state)
{
    struct audit_row a = sample(), b = sample();

    a.words = "ab";
    a.template_hash = "c";
    b.words = "a";
    b.template_hash = "bc";
    different(*state, &a, &b);
    a = b = sample();
    a.words = "";
    different(*state, &a, &b);
    a = b = sample();
    a.template_hash = "x";
    b.detail = "x";
    different(*state, &a, &b);
}

static void the_key_of_an_identity_is_48_bits_of_its_hash(void **state)
{
    int64_t key = 0, other = 0;

    assert_int_equal(chain_key(*state, "/issuer", "e1", &key), 0);
    assert_true(key == INT64_C(133584535992800));
    assert_int_equal(chain_key(*state, "/issuere", "1", &other), 0);
    assert_true(key != other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_hash_as_another_program_says, setup, teardown),
        cmocka_unit_test_setup_teardown(no_two_rows_are_encoded_alike, setup, teardown),
        cmocka_unit_test_setup_teardown(the_key_of_an_identity_is_48_bits_of_its_hash, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

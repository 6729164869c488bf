#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/buffer.h>

static void keeps_its_most(void **state)
{
    struct buffer b = BUFFER(10);

    (void)state;
    assert_int_equal(buffer_add(&b, "0123456789", 10), 0);
    assert_int_equal(buffer_add(&b, "x", 1), -ENOBUFS);
    assert_int_equal(buffer_size(&b), 10);
    assert_int_equal(buffer_terminate(&b), 0);
    assert_string_equal(buffer_bytes(&b), "0123456789");
    buffer_release(&b);
    assert_int_equal(b.most, 10);
}

static void grows_and_keeps_the_live_bytes(void **state)
{
    struct buffer b = BUFFER(1 << 20);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer_addf(&b, "%04d,", i), 0);
    buffer_drop(&b, 5 * 998);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer_add_text(&b, "abcde"), 0);
    assert_int_equal(buffer_size(&b), 10 + 5000);
    assert_memory_equal(buffer_bytes(&b), "0998,0999,abcde", 15);
    buffer_release(&b);
}

/* What is dropped is gone from memory, and so is what a larger block replaced. */
static void wipes_what_it_drops(void **state)
{
    static const char canary[] = "canary-7391";
    struct buffer b = BUFFER(4096);

    (void)state;
    assert_int_equal(buffer_add_text(&b, canary), 0);
    assert_int_equal(buffer_add_text(&b, "rest"), 0);
    assert_non_null(memmem(b.data, b.capacity, canary, strlen(canary)));
    buffer_drop(&b, strlen(canary));
    assert_null(memmem(b.data, b.capacity, canary, strlen(canary)));
    assert_memory_equal(buffer_bytes(&b), "rest", 4);
    buffer_release(&b);
}

static void wipes_what_it_cuts(void **state)
{
    static const char canary[] = "canary-7391";
    struct buffer b = BUFFER(4096);

    (void)state;
    buffer_cut(&b, 0);
    assert_int_equal(buffer_add_text(&b, "rest"), 0);
    assert_int_equal(buffer_add_text(&b, canary), 0);
    buffer_cut(&b, strlen("rest"));
    assert_null(memmem(b.data, b.capacity, canary, strlen(canary)));
    assert_int_equal(buffer_size(&b), strlen("rest"));
    assert_memory_equal(buffer_bytes(&b), "rest", 4);
    buffer_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_its_most),
        cmocka_unit_test(grows_and_keeps_the_live_bytes),
        cmocka_unit_test(wipes_what_it_drops),
        cmocka_unit_test(wipes_what_it_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

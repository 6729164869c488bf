#include "unit.h"

#include <errno.h>

#include <pindispatch/uuid.h>

static void grows_even_when_the_clock_goes_back(void **state)
{
    int64_t now = INT64_C(1795341600000000);
    uint64_t last = 0, before = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct uuid u = uuid_v7(now - i * 1000, &last);

        assert_int_equal(u.bytes[6] >> 4, 7);
        assert_int_equal(u.bytes[8] >> 6, 2);
        assert_true(uuid_order(&u) > before);
        assert_int_equal(uuid_order(&u), last);
        before = last;
    }
}

static void survives_text(void **state)
{
    uint64_t last = 0;
    struct uuid u = uuid_v7(INT64_C(1795341600000000), &last), back;
    char text[UUID_TEXT];

    (void)state;
    assert_int_equal(uuid_parse(uuid_format(&u, text), &back), 0);
    assert_true(uuid_equal(&u, &back));
    assert_memory_equal(text, "01a202b2-c500-7", 15); /* the milliseconds are in front */
    assert_int_equal(uuid_parse("0192AB00-0000-7000-8000-00000000000F", &back), 0);
    assert_int_equal(uuid_parse("", &back), -EINVAL);
    assert_int_equal(uuid_parse("0192ab00-0000-7000-8000-00000000000", &back), -EINVAL);
    assert_int_equal(uuid_parse("0192ab00-0000-7000-8000-00000000000g", &back), -EINVAL);
    assert_int_equal(uuid_parse("0192ab00x0000-7000-8000-000000000000", &back), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_even_when_the_clock_goes_back),
        cmocka_unit_test(survives_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

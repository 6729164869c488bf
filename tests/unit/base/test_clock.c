#include "unit.h"

#include <errno.h>

#include <pindispatch/clock.h>

static void formats_utc(void **state)
{
    char text[CLOCK_TEXT];

    (void)state;
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format(INT64_C(1795341600123456), text), "2026-11-22T10:00:00.123Z");
    assert_string_equal(clock_format(-1000, text), "1969-12-31T23:59:59.999Z");
}

static void parses_what_rfc_3339_allows(void **state)
{
    int64_t t;

    (void)state;
    assert_int_equal(clock_parse("2026-11-22T10:00:00Z", &t), 0);
    assert_int_equal(t, INT64_C(1795341600000000));
    assert_int_equal(clock_parse("2026-11-22t12:00:00.5+02:00", &t), 0);
    assert_int_equal(t, INT64_C(1795341600500000));
    assert_int_equal(clock_parse("2024-02-29T00:00:00-00:30", &t), 0);
    assert_int_equal(clock_parse("2016-12-31T23:59:60Z", &t), 0);
}

static void refuses_the_rest(void **state)
{
    static const char *const wrong[] = { "",
                                         "2026-11-22",
                                         "2026-11-22 10:00:00Z",
                                         "2026-13-01T00:00:00Z",
                                         "2026-02-29T00:00:00Z",
                                         "2026-11-31T00:00:00Z",
                                         "2026-11-22T24:00:00Z",
                                         "2026-11-22T10:00:00",
                                         "2026-11-22T10:00:00.Z",
                                         "2026-11-22T10:00:00Zx",
                                         "2026-11-22T10:00:00+2:00" };
    int64_t t;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(clock_parse(wrong[i], &t), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_utc),
        cmocka_unit_test(parses_what_rfc_3339_allows),
        cmocka_unit_test(refuses_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

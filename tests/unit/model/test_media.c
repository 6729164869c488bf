/* Names of paper, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/media.h>

static void test_names(void **state)
{
    static const struct {
        const char *name;
        double width, height;
    } good[] = {
        { "iso_a4_210x297mm", 210, 297 },
        { "na_letter_8.5x11in", 215.9, 279.4 },
        { "jis_b5_182x257mm", 182, 257 },
        { "om_small-photo_100x150mm", 100, 150 },
        { "custom_my.form_99.5x210.25mm", 99.5, 210.25 },
    };
    static const char *const bad[] = {
        "",
        "nonsense",
        "A4",
        "iso_a4",
        "iso_a4_210x297",
        "iso_a4_210x297cm",
        "iso_a4_210mm",
        "iso_a4_x297mm",
        "iso_a4_210x mm",
        "iso_a4_0x297mm",
        "iso_a4_210x297mm ",
        "ISO_A4_210x297mm",
        "iso_a4_-210x297mm",
        "_210x297mm",
        "iso__210x297mm",
        "iso_210x297mm",
        "iso_a4_210x297x1mm",
        "iso_a4_1e3x297mm",
        "iso_a4_.x.mm",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        double width = 0, height = 0;

        assert_true(media_size(good[i].name, &width, &height));
        assert_float_equal(width, good[i].width, 0.001);
        assert_float_equal(height, good[i].height, 0.001);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        double width, height;

        if (media_size(bad[i], &width, &height))
            print_error("taken: %s\n", bad[i]);
        assert_false(media_size(bad[i], &width, &height));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

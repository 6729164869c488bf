/* What a printer's answers mean for letters. */
#include "print_ability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int all_operations[] = { IPP_OP_PRINT_JOB,  IPP_OP_CREATE_JOB,         IPP_OP_SEND_DOCUMENT,
                                      IPP_OP_CANCEL_JOB, IPP_OP_GET_JOB_ATTRIBUTES, IPP_OP_GET_JOBS };

static ipp_t *printer(size_t n_operations, const char *format, const char *type)
{
    ipp_t *a = ippNew();
    const char *const formats[] = { "application/octet-stream", format };
    const char *const types[] = { "black_1", type };
    ippAddIntegers(a, IPP_TAG_PRINTER, IPP_TAG_ENUM, "operations-supported", (int)n_operations, all_operations);
    ippAddStrings(a, IPP_TAG_PRINTER, IPP_TAG_MIMETYPE, "document-format-supported", 2, NULL, formats);
    ippAddStrings(a, IPP_TAG_PRINTER, IPP_TAG_KEYWORD, "pwg-raster-document-type-supported", 2, NULL, types);
    return a;
}

static void add_resolutions(ipp_t *a, int n, const int *x, const int *y)
{
    ippAddResolutions(a, IPP_TAG_PRINTER, "pwg-raster-document-resolution-supported", n, IPP_RES_PER_INCH, x, y);
}

static struct ability ability_of(ipp_t *answer)
{
    struct ability a;
    ability_read(answer, &a);
    ippDelete(answer);
    return a;
}

static void assert_unfit(const struct ability *a, const char *why)
{
    struct outcome o = { 0 };
    assert_int_equal(ability_judge(a, "ipps://printer.example.com/ipp/print", &o), 1);
    assert_string_equal(o.code, "printer-unfit");
    assert_true(o.destination && o.kind == OUTCOME_DEFERRED);
    assert_non_null(strstr(o.reason, why));
}

static void test_pdf(void **state)
{
    struct outcome o = { 0 };
    struct ability a = ability_of(printer(6, "application/pdf", "sgray_8"));
    (void)state;
    assert_true(a.jobs && a.pdf && !a.raster && !a.two_sided);
    assert_int_equal(ability_judge(&a, "p", &o), 0);
}

static unsigned chosen(int n, const int *x, const int *y)
{
    ipp_t *answer = printer(6, "image/pwg-raster", "sgray_8");
    add_resolutions(answer, n, x, y);
    struct ability a = ability_of(answer);
    assert_int_equal(a.raster, a.dpi != 0);
    return a.dpi;
}

static void test_resolution(void **state)
{
    (void)state;
    assert_int_equal(chosen(1, (int[]){ 600 }, (int[]){ 600 }), 600);
    assert_int_equal(chosen(3, (int[]){ 150, 300, 600 }, (int[]){ 150, 300, 600 }), 300);
    assert_int_equal(chosen(3, (int[]){ 1200, 600, 360 }, (int[]){ 1200, 600, 360 }), 360);
    assert_int_equal(chosen(2, (int[]){ 150, 200 }, (int[]){ 150, 200 }), 200);
    assert_int_equal(chosen(2, (int[]){ 600, 200 }, (int[]){ 300, 200 }), 200); /* square ones only */
    assert_int_equal(chosen(2, (int[]){ 2400, -5 }, (int[]){ 2400, -5 }), 0);
}

static void test_kinds_of_raster(void **state)
{
    ipp_t *answer = printer(6, "image/pwg-raster", "srgb_8");
    (void)state;
    add_resolutions(answer, 1, (int[]){ 300 }, (int[]){ 300 });
    ippAddString(answer, IPP_TAG_PRINTER, IPP_TAG_KEYWORD, "pwg-raster-document-sheet-back", NULL, "rotated");
    ippAddString(answer, IPP_TAG_PRINTER, IPP_TAG_KEYWORD, "sides-supported", NULL, "two-sided-long-edge");
    struct ability a = ability_of(answer);
    assert_true(a.raster && a.colour && a.two_sided);
    assert_string_equal(a.back, "rotated");
    answer = printer(6, "image/pwg-raster", "cmyk_8");
    add_resolutions(answer, 1, (int[]){ 300 }, (int[]){ 300 });
    a = ability_of(answer);
    assert_unfit(&a, "sgray_8");
}

static void test_operations(void **state)
{
    (void)state;
    for (size_t n = 1; n < 6; n++) {
        struct ability a = ability_of(printer(n, "application/pdf", "sgray_8"));
        assert_unfit(&a, "IPP operation");
    }
    struct ability nothing = ability_of(ippNew());
    assert_unfit(&nothing, "IPP operation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pdf),
        cmocka_unit_test(test_resolution),
        cmocka_unit_test(test_kinds_of_raster),
        cmocka_unit_test(test_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

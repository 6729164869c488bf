#include "unit.h"

#include <pindispatch/problem.h>

static void names_code_place_and_sentence(void **state)
{
    struct problem p;

    (void)state;
    assert_int_equal(problem_set(&p, "range", "f:3", "%d is too many", 9), 1);
    assert_string_equal(p.code, "range");
    assert_string_equal(p.where, "f:3");
    assert_string_equal(p.message, "9 is too many");
    assert_int_equal(problem_set(NULL, "x", NULL, "y"), 1);
}

static void finds_the_near_name_only(void **state)
{
    static const char *const known[] = { "print", "email", "nopin", "printer", NULL };

    (void)state;
    assert_string_equal(nearest_name("prnt", known), "print");
    assert_string_equal(nearest_name("e-mail", known), "email");
    assert_string_equal(nearest_name("printr", known), "print");
    assert_null(nearest_name("carrier-pigeon", known));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_code_place_and_sentence),
        cmocka_unit_test(finds_the_near_name_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

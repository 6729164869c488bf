#include "unit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/secret.h>

static void holds_and_masks(void **state)
{
    struct secret *s, *masked;

    (void)state;
    assert_int_equal(secret_new("48291374", 8, &s), 0);
    assert_int_equal(secret_size(s), 8);
    assert_string_equal(secret_reveal(s), "48291374");
    assert_int_equal(secret_masked(s, '*', &masked), 0);
    assert_string_equal(secret_reveal(masked), "********");
    secret_free(masked);
    secret_free(s);
    assert_null(secret_free(NULL));
}

static void refuses_what_does_not_fit(void **state)
{
    char large[SECRET_MAX + 1] = "";
    struct secret *s;

    (void)state;
    assert_int_equal(secret_new("", 0, &s), -EINVAL);
    assert_int_equal(secret_new(large, SECRET_MAX + 1, &s), -E2BIG);
    memset(large, 'x', sizeof(large));
    assert_int_equal(secret_new(large, SECRET_MAX, &s), 0);
    secret_free(s);
}

/* A freed slot is zeroes; the same slot is given out again, which lets the test look at it. */
static void wipes_when_freed(void **state)
{
    struct secret *s, *again;
    const char *bytes;

    (void)state;
    assert_int_equal(secret_new("canary-55", 9, &s), 0);
    bytes = secret_reveal(s);
    secret_free(s);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(bytes[i], 0);
    assert_int_equal(secret_new("x", 1, &again), 0);
    assert_ptr_equal(secret_reveal(again), bytes);
    secret_free(again);
}

static void gives_out_many(void **state)
{
    struct secret *all[1000];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(secret_new(&i, sizeof(i), &all[i]), 0);
    for (size_t i = 0; i < 1000; i++) {
        assert_memory_equal(secret_reveal(all[i]), &i, sizeof(i));
        secret_free(all[i]);
    }
}

enum { DEEP = 16 * 1024, MARKED = 64 };

/* Leaves a mark on the stack and tells where, deep enough for the frames of later calls not to reach it. */
__attribute__((noinline, no_sanitize("address"))) static void leave_on_stack(uintptr_t *ret)
{
    volatile char local[DEEP];

    for (size_t i = 0; i < MARKED; i++)
        local[i] = 'Q';
    *ret = (uintptr_t)&local[0];
}

__attribute__((noinline, no_sanitize("address"))) static size_t count_marks(uintptr_t at)
{
    const volatile char *bytes = (const volatile char *)at;
    size_t n = 0;

    for (size_t i = 0; i < MARKED; i++)
        n += bytes[i] == 'Q';
    return n;
}

static void wipes_the_stack_below(void **state)
{
    uintptr_t at;
    size_t before;

    (void)state;
    leave_on_stack(&at);
    before = count_marks(at);
    secret_wipe_stack();
    assert_int_equal(count_marks(at), 0);
    assert_int_equal(before, MARKED);
}

/* The compiler does not use the registers in between. */
#ifdef __x86_64__
static void wipes_vector_registers(void **state)
{
    static const char mark[64] = "mark in a register, which nothing but the wipe takes out again";
    char low[16], high[64];

    (void)state;
    __asm__ volatile("movdqu %0, %%xmm7" ::"m"(mark) : "xmm7");
    secret_wipe_frames();
    __asm__ volatile("movdqu %%xmm7, %0" : "=m"(low));
    assert_memory_not_equal(low, mark, sizeof(low));
    if (!__builtin_cpu_supports("avx512f"))
        return;
    __asm__ volatile("vmovdqu64 %0, %%zmm25" ::"m"(mark));
    secret_wipe_frames();
    __asm__ volatile("vmovdqu64 %%zmm25, %0" : "=m"(high));
    assert_memory_not_equal(high, mark, sizeof(high));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_and_masks),        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(wipes_when_freed),       cmocka_unit_test(gives_out_many),
        cmocka_unit_test(wipes_the_stack_below),
#ifdef __x86_64__
        cmocka_unit_test(wipes_vector_registers),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The allocator as programs have it: without a sanitizer, which has its own. What was freed is looked at as another
 * process would look at it. */
#include "unit.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SMALL = 40, LARGE = 5000, MOST = 8192, TAIL = 20 };

static const char secret[] = "a secret that is long enough to be found";

/* How often the end of the secret (malloc() writes over the beginning of what is free) is in the SIZE bytes at
 * ADDRESS, whoever they belong to. */
static int count_secrets(uintptr_t address, size_t size)
{
    char bytes[MOST];
    struct iovec here = { bytes, size }, there = { (void *)address, size };
    int n = 0;

    assert_int_equal(process_vm_readv(getpid(), &here, 1, &there, 1, 0), size);
    for (char *p = bytes; (p = memmem(p, (size_t)(bytes + size - p), secret + TAIL, strlen(secret + TAIL))); p++)
        n++;
    return n;
}

static char *fill(char *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        p[i] = secret[i % (sizeof(secret) - 1)];
    return p;
}

/* Small pieces go to the caches of the thread, large ones to the lists of the arena. */
static void check_freed(size_t size)
{
    char *p = fill(malloc(size), size), *next = malloc(SMALL);
    uintptr_t address = (uintptr_t)p;

    assert_true(count_secrets(address, size) > 0);
    free(p);
    assert_int_equal(count_secrets(address, size), 0);
    free(next);
}

static void wipes_what_is_freed(void **state)
{
    (void)state;
    check_freed(SMALL);
    check_freed(LARGE);
}

/* The bytes behind what was asked for are the caller's as well, by malloc_usable_size(). */
static void wipes_all_that_was_usable(void **state)
{
    char *p = malloc(SMALL);
    size_t size = malloc_usable_size(p);
    uintptr_t address = (uintptr_t)p;

    (void)state;
    fill(p, size);
    free(p);
    assert_int_equal(count_secrets(address, size), 0);
}

static void wipes_what_moved_away(void **state)
{
    char *p = fill(malloc(SMALL), SMALL), *next = malloc(SMALL);
    uintptr_t address = (uintptr_t)p;
    char *moved = realloc(p, LARGE);

    (void)state;
    assert_true((uintptr_t)moved != address);
    assert_memory_equal(moved, secret, SMALL);
    assert_int_equal(count_secrets(address, SMALL), 0);
    free(moved);
    free(next);
}

static void wipes_what_becomes_smaller(void **state)
{
    char *p = fill(malloc(LARGE), LARGE);
    uintptr_t address = (uintptr_t)p;
    char *less = realloc(p, SMALL);

    (void)state;
    assert_memory_equal(less, secret, SMALL);
    assert_int_equal(count_secrets(address + SMALL, LARGE - SMALL), 0);
    free(less);
}

static void keeps_the_rules_of_realloc(void **state)
{
    char *p = realloc(NULL, SMALL);

    (void)state;
    assert_non_null(p);
    assert_ptr_equal(realloc(p, SMALL - 1), p);
    assert_null(realloc(p, 0));
    free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wipes_what_is_freed),        cmocka_unit_test(wipes_all_that_was_usable),
        cmocka_unit_test(wipes_what_moved_away),      cmocka_unit_test(wipes_what_becomes_smaller),
        cmocka_unit_test(keeps_the_rules_of_realloc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

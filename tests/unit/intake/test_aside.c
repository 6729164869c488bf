#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house.h"

static int open_drop(const struct house *h)
{
    int fd = open(h->drop, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void put(struct aside *a, int dir, const char *line)
{
    struct buffer reason = BUFFER(64);

    assert_int_equal(buffer_add_text(&reason, "{}\n"), 0);
    assert_int_equal(aside_add(a, dir, line, strlen(line)), 0);
    assert_int_equal(aside_explain(a, dir, &reason), 0);
    buffer_release(&reason);
}

static void nothing_refused_leaves_no_trace(void **state)
{
    struct aside a = ASIDE("a.json");

    assert_int_equal(aside_publish(&a), 0);
    aside_release(&a);
    assert_false(house_has(*state, "rejected"));
}

static void unpublished_is_forgotten(void **state)
{
    CLEANUP(fd_cleanup) int dir = open_drop(*state);
    struct aside a = ASIDE("a.json");

    put(&a, dir, "x\n");
    assert_true(house_has(*state, "rejected/.lines"));
    aside_release(&a);
    assert_false(house_has(*state, "rejected/.lines"));
    assert_false(house_has(*state, "rejected/.reasons"));
    assert_false(house_has(*state, "rejected/a.json"));
}

static void published_stays_and_can_be_withdrawn(void **state)
{
    CLEANUP(fd_cleanup) int dir = open_drop(*state);
    struct aside a = ASIDE("a.json"), b = ASIDE("a.json");

    put(&a, dir, "x\n");
    assert_int_equal(aside_publish(&a), 0);
    aside_release(&a);
    put(&b, dir, "y\n");
    assert_int_equal(aside_publish(&b), 0);
    assert_true(house_has(*state, "rejected/a.json.2"));
    aside_withdraw(&b);
    aside_release(&b);
    assert_false(house_has(*state, "rejected/a.json.2"));
    assert_false(house_has(*state, "rejected/a.json.2.reason"));
    assert_true(house_has(*state, "rejected/a.json") && house_has(*state, "rejected/a.json.reason"));
}

static void link_in_the_way_is_not_followed(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int dir = open_drop(h);
    struct aside a = ASIDE("a.json");

    assert_int_equal(symlinkat("/tmp", dir, "rejected"), 0);
    assert_true(aside_add(&a, dir, "x", 1) < 0);
    aside_release(&a);
}

static void longest_name_still_has_its_reason(void **state)
{
    CLEANUP(fd_cleanup) int dir = open_drop(*state);
    char name[NAME_MAX + 1];
    struct aside a = ASIDE(name);

    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    put(&a, dir, "x\n");
    assert_int_equal(aside_publish(&a), -ENAMETOOLONG);
    name[NAME_MAX - strlen(".reason")] = '\0';
    assert_int_equal(aside_publish(&a), 0);
    aside_release(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_build, house_tear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_refused_leaves_no_trace),      TEST(unpublished_is_forgotten),
        TEST(published_stays_and_can_be_withdrawn), TEST(link_in_the_way_is_not_followed),
        TEST(longest_name_still_has_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

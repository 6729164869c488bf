#include "unit.h"

#include "print_life.h"

#include <stdlib.h>
#include <string.h>

#include <pindispatch/cleanup.h>

#include "cups.h"
#include "desk.h"
#include "print_connection.h"
#include "print_spooler.h"
#include "rows.h"

struct fixture {
    struct private_cups cups;
    struct stub_desk *desk;
};

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    private_cups_start(&f->cups, NULL);
    f->desk = stub_desk_new(method_print.settings);
    stub_desk_set(f->desk, "print.server", f->cups.server);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    stub_desk_free(f->desk);
    private_cups_stop(&f->cups);
    free(f);
    return 0;
}

/* As a new worker asks. */
static struct print_life life_of(struct fixture *f)
{
    struct spooler *s = NULL;
    struct outcome trouble = { 0 };
    struct print_life first, again;
    assert_int_equal(spooler_new(&f->desk->desk, NULL, &s), 0);
    assert_int_equal(spooler_life(s, &first, &trouble), 0);
    assert_int_equal(spooler_life(s, &again, &trouble), 0);
    assert_string_equal(first.name, again.name);
    spooler_free(s);
    return first;
}

static void test_a_life_is_the_same_for_all_workers(void **state)
{
    struct print_life first = life_of(*state), second = life_of(*state);
    assert_string_equal(first.name, second.name);
    assert_true(strchr(first.name, '/'));
    assert_true(first.since != second.since);
}

static void test_a_restart_is_another_life(void **state)
{
    struct fixture *f = *state;
    struct print_life before = life_of(f), after, later;
    private_cups_reload(&f->cups);
    do /* it ends its connections when it has come so far */
        after = life_of(f);
    while (strcmp(before.name, after.name) == 0);
    assert_true(life_follows(&after, before.name) > 0);
    assert_int_equal(life_follows(&after, after.name), 0);
    later = life_of(f);
    assert_string_equal(after.name, later.name);
}

/* No life of it is told from another one, and it is not asked again: here it has as many subscriptions as it takes
 * (MaxSubscriptions). */
static void test_a_server_that_does_not_tell(void **state)
{
    struct fixture *f = *state;
    struct connection *c = NULL;
    struct outcome trouble = { 0 };
    struct print_life l;
    assert_int_equal(connection_new(&f->desk->desk, f->cups.server, "pin", &c), 0);
    for (int i = 0; i <= 100; i++) {
        char user[16];
        snprintf(user, sizeof(user), "user%d", i);
        l = (struct print_life){ .count = 0 };
        assert_int_equal(life_ask(&l, c, user, &trouble), 0);
        assert_int_equal(strchr(l.name, '/') != NULL, i < 100);
        assert_int_equal(l.untold, i >= 100);
    }
    assert_string_equal(l.name, "");
    assert_int_equal(life_ask(&l, NULL, "user100", &trouble), 0);
    assert_int_equal(life_follows(&l, l.name), 0);
    connection_free(c);
}

static void add_watch(ipp_t *answer, int id, const char *data)
{
    ippAddInteger(answer, IPP_TAG_SUBSCRIPTION, IPP_TAG_INTEGER, "notify-subscription-id", id);
    ippAddOctetString(answer, IPP_TAG_SUBSCRIPTION, "notify-user-data", data, (int)strlen(data));
    ippAddSeparator(answer);
}

static void test_only_our_subscription_counts(void **state)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = ippNew();
    char token[LIFE_NAME] = "";
    (void)state;
    assert_int_equal(life_read_watch(answer, token), 0);
    add_watch(answer, 1, "somebody");
    add_watch(answer, 2, "pindispatch2-00000000000000");
    add_watch(answer, 3, "pindispatch2-00000000000000g0");
    add_watch(answer, 4, "pindispatch2-00000000000000a0\"");
    assert_int_equal(life_read_watch(answer, token), 0);
    add_watch(answer, 5, "pindispatch2-00000000000000ab");
    add_watch(answer, 6, "pindispatch2-00000000000000ac");
    assert_int_equal(life_read_watch(answer, token), 5);
    assert_string_equal(token, "00000000000000ab");
}

static void test_the_last_start_counts(void **state)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = ippNew();
    struct print_life l;
    (void)state;
    ippAddInteger(answer, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "printer-up-time", 300);
    life_read_starts(answer, "00000000000000ab", &l);
    assert_string_equal(l.name, "00000000000000ab/0/0");
    for (int n = 4; n <= 5; n++) {
        ippAddInteger(answer, IPP_TAG_EVENT_NOTIFICATION, IPP_TAG_INTEGER, "notify-sequence-number", n);
        ippAddInteger(answer, IPP_TAG_EVENT_NOTIFICATION, IPP_TAG_INTEGER, "printer-up-time", 100 * n);
        ippAddSeparator(answer);
    }
    life_read_starts(answer, "00000000000000ab", &l);
    assert_string_equal(l.name, "00000000000000ab/5/500");
    assert_int_equal(life_follows(&l, "00000000000000ab/4/400"), 500);
    assert_int_equal(life_follows(&l, "00000000000000ab/3/300"), 0);
    assert_int_equal(life_follows(&l, "00000000000000ac/4/400"), 0);
    assert_int_equal(life_follows(&l, ""), 0);
}

#define WITH_CUPS(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CUPS(test_a_life_is_the_same_for_all_workers), WITH_CUPS(test_a_restart_is_another_life),
        WITH_CUPS(test_a_server_that_does_not_tell),        cmocka_unit_test(test_only_our_subscription_counts),
        cmocka_unit_test(test_the_last_start_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

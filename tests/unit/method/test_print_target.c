/* What the settings say about where letters go. */
#include "print_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/cleanup.h>

static void test_only_servers_of_this_machine(void **state)
{
    (void)state;
    static const struct {
        const char *server, *code; /* NULL: taken */
    } cases[] = {
        { "/run/cups/cups.sock", NULL },
        { "localhost", NULL },
        { "localhost:631", NULL },
        { "127.0.0.1:8631", NULL },
        { "[::1]:631", NULL },
        { "[::1]", NULL },
        { "print.example.com", "server-not-local" },
        { "localhost.example.com:631", "server-not-local" },
        { "127.0.0.1.example.com", "server-not-local" },
        { "192.0.2.1:631", "server-not-local" },
        { "0.0.0.0", "server-not-local" },
        { "", "server" },
        { ":631", "server" },
        { "localhost:", "server" },
        { "localhost:0", "server" },
        { "localhost:65536", "server" },
        { "localhost:99999999999999999999", "server" },
        { "localhost: 631", "server" },
        { "localhost:631/printers", "server" },
        { "[::1", "server" },
        { "[::1]631", "server" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct problem p = { 0 };
        assert_int_equal(print_target_check_server(cases[i].server, &p), cases[i].code != NULL);
        assert_string_equal(p.code, cases[i].code ? cases[i].code : "");
    }
    char path[200];
    struct problem p = { 0 };
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(print_target_check_server(path, &p), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_servers_of_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

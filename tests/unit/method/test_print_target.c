/* What the settings say about where letters go. */
#include "print_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>

#include <pindispatch/cleanup.h>

#include "desk.h"
#include "rows.h"

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
        { "ipps://print.example.com", NULL },
        { "ipps://print.example.com:8631/", NULL },
        { "ipps://[2001:db8::1]:631", NULL },
        { "ipp://print.example.com", NULL }, /* print.tls decides */
        { "ipps://print.example.com/printers/pin", "server" },
        { "ipps://user@print.example.com", "server" },
        { "ipps://", "server" },
        { "ipps://a b", "server" },
        { "ipps://print.example.com:0", "server" },
        { "ipps://print.example.com:70000", "server" },
        { "https://print.example.com", "server" },
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

static struct print_target target_of(struct stub_desk *d, const char *server, const char *printer)
{
    struct print_target t;
    stub_desk_set(d, "print.server", server);
    stub_desk_set(d, "print.printer", printer);
    assert_int_equal(print_target_read(d->desk.settings, &t), 0);
    return t;
}

static void test_queues(void **state)
{
    CLEANUP(stub_desk_cleanup) struct stub_desk *d = stub_desk_new(method_print.settings);
    (void)state;
    struct print_target t = target_of(d, "/run/cups/cups.sock", "pin 2");
    assert_string_equal(t.host, "/run/cups/cups.sock");
    assert_string_equal(t.resource, "/printers/pin%202");
    assert_string_equal(t.uri, "ipp://localhost/printers/pin%202");
    assert_true(t.port == 0 && !t.tls && !t.refused && !t.direct);
    t = target_of(d, "[::1]:8631", "pin");
    assert_string_equal(t.origin, "http://[::1]:8631");
    assert_true(!t.refused);
    t = target_of(d, "ipps://print.example.com", "pin");
    assert_string_equal(t.origin, "https://print.example.com:631");
    assert_string_equal(t.uri, "ipps://print.example.com:631/printers/pin");
    assert_true(t.tls && !t.refused && !t.direct);
}

static void test_printers_without_a_server(void **state)
{
    CLEANUP(stub_desk_cleanup) struct stub_desk *d = stub_desk_new(method_print.settings);
    (void)state;
    struct print_target t = target_of(d, "/run/cups/cups.sock", "ipps://printer.example.com/ipp/print");
    assert_string_equal(t.origin, "https://printer.example.com:631");
    assert_string_equal(t.resource, "/ipp/print");
    assert_string_equal(t.uri, "ipps://printer.example.com/ipp/print");
    assert_true(t.tls && t.direct && !t.refused);
    for (const char *const *bad = (const char *const[]){ "ipps://printer.example.com", "http://printer.example.com/x",
                                                         "ipps:///ipp/print", "ipps://p/ipp?x", NULL };
         *bad; bad++) {
        struct problem p = { 0 };
        assert_int_equal(print_target_check_printer(*bad, &p), 1);
        assert_string_equal(p.code, "printer");
    }
}

static void count_warning(void *userdata, const struct problem *p)
{
    snprintf(userdata, sizeof(p->code), "%s", p->code);
}

static void test_in_clear_by_name_only(void **state)
{
    CLEANUP(stub_desk_cleanup) struct stub_desk *d = stub_desk_new(method_print.settings);
    char warned[sizeof(((struct problem *)NULL)->code)] = "";
    (void)state;
    assert_true(target_of(d, "ipp://127.0.0.1", "pin").refused == false);
    print_target_warn(d->desk.settings, "PIN", count_warning, warned);
    assert_string_equal(warned, "");
    assert_true(target_of(d, "ipp://print.example.com", "pin").refused);
    assert_true(target_of(d, "localhost", "ipp://print.example.com/ipp/print").refused);
    print_target_warn(d->desk.settings, "PIN", count_warning, warned);
    assert_string_equal(warned, "tls-required");
    stub_desk_set(d, "print.tls", PRINT_CLEAR_ANYWHERE);
    assert_false(target_of(d, "ipp://print.example.com", "pin").refused);
    print_target_warn(d->desk.settings, "PIN", count_warning, warned);
    assert_string_equal(warned, "print-in-clear");
}

static void test_pinned_keys(void **state)
{
    static const char good[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    struct problem p = { 0 };
    (void)state;
    assert_int_equal(print_target_check_key("", &p), 0);
    assert_int_equal(print_target_check_key(good, &p), 0);
    assert_int_equal(print_target_check_key(good + 1, &p), 1);
    assert_int_equal(print_target_check_key("sha256//AAAA", &p), 1);
    assert_int_equal(print_target_check_key("/etc/ssl/key.pem", &p), 1); /* libcurl would read the file */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_servers_of_this_machine),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_printers_without_a_server),
        cmocka_unit_test(test_in_clear_by_name_only),
        cmocka_unit_test(test_pinned_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

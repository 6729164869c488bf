/* The spool guard's rules, over answers as CUPS gives them. */
#include "print_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cups/cups.h>
#include <pindispatch/cleanup.h>

/* A queue as the tests' cupsd has it, and then with one thing changed. */
static ipp_t *queue(int type, const char *sheets, const char *policy, const char *device, bool shared)
{
    ipp_t *answer = ippNew();
    const char *const both[] = { sheets, "none" };
    ippAddInteger(answer, IPP_TAG_PRINTER, IPP_TAG_ENUM, "printer-type", type);
    ippAddStrings(answer, IPP_TAG_PRINTER, IPP_TAG_NAME, "job-sheets-default", 2, NULL, both);
    ippAddString(answer, IPP_TAG_PRINTER, IPP_TAG_NAME, "printer-error-policy", NULL, policy);
    ippAddString(answer, IPP_TAG_PRINTER, IPP_TAG_URI, "device-uri", NULL, device);
    ippAddBoolean(answer, IPP_TAG_PRINTER, "printer-is-shared", shared);
    return answer;
}

static struct guard judged(ipp_t *answer, bool keeps_documents)
{
    struct guard_facts facts = { .keeps_documents = keeps_documents };
    struct guard g;
    guard_read(answer, &facts);
    ippDelete(answer);
    guard_judge(&facts, "pin", &g);
    return g;
}

static void assert_finding(struct guard g, const char *code, const char *advice)
{
    assert_int_equal(g.n, 1);
    assert_string_equal(g.findings[0].code, code);
    assert_non_null(strstr(g.findings[0].reason, "pin"));
    assert_non_null(strstr(g.findings[0].reason, advice));
    assert_true(strlen(g.findings[0].reason) < sizeof(g.findings[0].reason) - 1); /* nothing is cut */
}

static void test_clean_queue(void **state)
{
    (void)state;
    assert_int_equal(judged(queue(4, "none", "abort-job", "usb://Brother/HL", false), false).n, 0);
}

static void test_what_is_not_told_is_good(void **state)
{
    (void)state;
    assert_int_equal(judged(ippNew(), false).n, 0);
}

static void test_each_rule(void **state)
{
    (void)state;
    assert_finding(judged(queue(4 | CUPS_PRINTER_CLASS, "none", "abort-job", "", false), false), "queue-class",
                   "print.printer");
    assert_finding(judged(queue(4, "none", "abort-job", "implicitclass://pin/", false), false), "queue-class",
                   "print.printer");
    assert_finding(judged(queue(4, "classified", "abort-job", "usb://a", false), false), "queue-banner",
                   "lpadmin -p pin -o job-sheets-default=none,none");
    assert_finding(judged(queue(4, "none", "retry-current-job", "usb://a", false), false), "queue-reprints",
                   "lpadmin -p pin -o printer-error-policy=abort-job");
    assert_finding(judged(queue(4, "none", "stop-printer", "usb://a", false), false), "queue-reprints",
                   "(stop-printer)");
    assert_finding(judged(queue(4, "none", "abort-job", "usb://a", true), false), "queue-shared",
                   "lpadmin -p pin -o printer-is-shared=false");
    assert_finding(judged(queue(4, "none", "abort-job", "file:/tmp/out", false), false), "queue-file", "/tmp/out");
    assert_finding(judged(queue(4, "none", "abort-job", "usb://a", false), true), "spool-keeps-documents",
                   "PreserveJobFiles No");
}

/* What makes less known of a letter is told, and keeps none waiting. */
static void test_what_cannot_be_known_is_told(void **state)
{
    (void)state;
    const struct guard_facts facts = {
        .device = "usb://a", .counts_nothing = true, .tells_no_starts = true, .moved_to = "other"
    };
    struct guard g;
    guard_judge(&facts, "pin", &g);
    assert_int_equal(g.n, 3);
    assert_string_equal(g.findings[0].code, "printer-counts-nothing");
    assert_string_equal(g.findings[1].code, "letters-moved");
    assert_string_equal(g.findings[2].code, "server-tells-no-starts");
    assert_true(g.findings[0].weak && g.findings[1].weak && g.findings[2].weak);
}

static void test_devices(void **state)
{
    static const char *const in_clear[] = { "socket://10.0.0.7:9100",
                                            "lpd://printer.example.com/queue",
                                            "ipp://printer.example.com/ipp/print",
                                            "ipp://user@printer.example.com:631/ipp/print",
                                            "http://[2001:db8::1]:631/ipp/print",
                                            "SMB://server/printer",
                                            "dnssd://Printer._ipp._tcp.local/?uuid=1" };
    static const char *const good[] = { "ipps://printer.example.com/ipp/print",
                                        "https://printer.example.com/ipp/print",
                                        "usb://HP/LaserJet?serial=1",
                                        "ipp://localhost:8631/ipp/print",
                                        "ipp://127.0.0.1:8631/ipp/print",
                                        "socket://[::1]:9100",
                                        "dnssd://Printer._ipps._tcp.local/?uuid=1",
                                        "capture:///tmp/printed",
                                        "hp:/usb/x",
                                        "socket",
                                        "" };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(in_clear); i++)
        assert_finding(judged(queue(4, "none", "abort-job", in_clear[i], false), false), "device-unencrypted",
                       "in clear");
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(judged(queue(4, "none", "abort-job", good[i], false), false).n, 0);
}

static void test_all_at_once_and_too_long(void **state)
{
    char device[600] = "socket://";
    struct guard g;
    (void)state;
    memset(device + strlen(device), 'a', 500);
    g = judged(queue(4 | CUPS_PRINTER_CLASS, device + 9, device + 9, device, true), true);
    assert_int_equal(g.n, 6);
    json_t *list = guard_to_json(&g);
    json_t *codes = guard_codes(&g);
    assert_int_equal(json_array_size(list), 6);
    assert_string_equal(json_string_value(json_array_get(codes, 0)), "queue-class");
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 5), "code")), "spool-keeps-documents");
    json_decref(list);
    json_decref(codes);
    assert_null(guard_codes(&(struct guard){ .n = 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean_queue), cmocka_unit_test(test_what_is_not_told_is_good),
        cmocka_unit_test(test_each_rule),   cmocka_unit_test(test_what_cannot_be_known_is_told),
        cmocka_unit_test(test_devices),     cmocka_unit_test(test_all_at_once_and_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

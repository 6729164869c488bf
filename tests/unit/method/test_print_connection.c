/* The connection to a CUPS server: requests and answers, and what becomes of a broken one. */
#include "print_connection.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cups.h"
#include "desk.h"
#include "rows.h"

struct fixture {
    struct private_cups cups;
    struct stub_desk *desk;
    struct connection *c;
};

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    private_cups_start(&f->cups, NULL);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    private_cups_stop(&f->cups);
    free(f);
    return 0;
}

static void open_at(struct fixture *f, const char *server)
{
    f->desk = stub_desk_new(method_print.settings);
    stub_desk_set(f->desk, "print.server", server);
    assert_int_equal(connection_new(&f->desk->desk, server, "pin", &f->c), 0);
}

static void close_it(struct fixture *f)
{
    f->c = connection_free(f->c);
    f->desk = stub_desk_free(f->desk);
}

static int ask(struct fixture *f, ipp_op_t operation, struct outcome *o)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = ippNewRequest(operation);
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, connection_target(f->c)->uri);
    *o = (struct outcome){ .code = "" };
    int e = connection_ask(f->c, r, connection_target(f->c)->resource, NULL, &answer, o);
    assert_int_equal(answer != NULL, e == 0);
    assert_true(e == 0 || (o->kind == OUTCOME_DEFERRED && o->destination));
    return e ? e : (int)ippGetStatusCode(answer);
}

static void test_socket_and_port(void **state)
{
    struct fixture *f = *state;
    const char *const servers[] = { f->cups.server, f->cups.tcp };
    struct outcome o;
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        open_at(f, servers[i]);
        assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), IPP_STATUS_OK);
        assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), IPP_STATUS_OK);
        assert_true(f->desk->armed > 0);
        close_it(f);
    }
}

static void test_nobody_there(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    open_at(f, "/nonexistent/cups.sock");
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), 1);
    assert_string_equal(o.code, "server-gone");
    close_it(f);
}

static void test_a_connection_that_the_server_closed_is_renewed(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    open_at(f, f->cups.server);
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), IPP_STATUS_OK);
    private_cups_reload(&f->cups);
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), IPP_STATUS_OK);
    close_it(f);
}

/* A repeated Create-Job is a second job: the relay would serve the repeated request. */
static void test_a_lost_answer_is_not_asked_for_again(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    open_at(f, f->cups.relay);
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), IPP_STATUS_OK);
    private_cups_lose(&f->cups, IPP_OP_GET_PRINTER_ATTRIBUTES, false);
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), 1);
    assert_true(private_cups_has_lost(&f->cups));
    assert_string_equal(o.code, "server-gone");
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), IPP_STATUS_OK);
    close_it(f);
}

static void test_far_in_clear_is_refused(void **state)
{
    struct fixture *f = *state;
    struct outcome o;
    open_at(f, "ipp://192.0.2.1");
    assert_int_equal(ask(f, IPP_OP_GET_PRINTER_ATTRIBUTES, &o), 1);
    assert_string_equal(o.code, "tls-required");
    close_it(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket_and_port),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_a_connection_that_the_server_closed_is_renewed),
        cmocka_unit_test(test_a_lost_answer_is_not_asked_for_again),
        cmocka_unit_test(test_far_in_clear_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

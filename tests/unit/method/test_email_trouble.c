/* Why a session came to nothing: logins, transport without TLS, nobody there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mail_bench.h>
#include <rows.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>

static struct mail_bench bench;

static void add(size_t n)
{
    while (n-- > 0)
        stub_desk_add(bench.desk, STAGE_FRESH);
}

static const struct stub_parcel *parcel(size_t i)
{
    return bench.desk->parcels[i];
}

static size_t count(size_t connections, const char *key, const char *begins)
{
    CLEANUP(json_cleanup) json_t *record = mail_server_record(&bench.server, connections);

    return mail_record_count(record, key, begins);
}

/* Authentication. */

static void put_password(const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/password", bench.folder);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
    stub_desk_set(bench.desk, "email.username", "pin-service");
    mail_bench_set_file(&bench, "email.password_file", "password");
}

static void log_in(const char *cert, const char *steps, const char *password)
{
    mail_bench_start(&bench, "localhost", cert, steps);
    put_password(password);
    add(2);
    mail_bench_deliver(&bench);
}

#define AUTH "'login':{'user':'pin-service','password':'artificial'}"

static void test_login(void **state)
{
    (void)state;
    log_in("good", AUTH, "artificial\n");
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    assert_outcome(&bench, parcel(1), OUTCOME_DELIVERED, "smtp-250", false);
    assert_int_equal(count(1, "line", "AUTH"), 1);
}

static void assert_locked_out(const char *code)
{
    assert_outcome(&bench, parcel(0), OUTCOME_DEFERRED, code, true);
    assert_outcome(&bench, parcel(1), OUTCOME_DEFERRED, code, true);
    assert_int_equal(parcel(1)->composed, 0); /* the trouble is the destination's: no second try */
    assert_null(strstr(parcel(0)->outcome.reason, "artificial"));
    assert_int_equal(count(1, "end", NULL), 1);
    assert_nothing_sent(&bench);
}

static void test_login_refused(void **state)
{
    (void)state;
    log_in("good", AUTH ",'mail':'250 2.1.0 Come in'", "artificial-wrong");
    assert_locked_out("auth");
    assert_int_equal(count(1, "line", "AUTH"), 2); /* PLAIN, LOGIN */
}

static void test_login_too_weak(void **state)
{
    (void)state;
    log_in("good", AUTH ",'auth':'534 5.7.9 artificial'", "artificial");
    assert_locked_out("auth");
}

static void test_login_not_offered(void **state)
{
    (void)state;
    log_in("good", "", "artificial");
    assert_locked_out("auth-not-offered");
}

static void test_login_dropped(void **state)
{
    (void)state;
    log_in("good", "'offer':['AUTH PLAIN'],'auth':{'drop':true}", "artificial");
    assert_locked_out("connection-lost");
}

/* The server would take a password in clear: it does not get one. */
static void test_login_in_clear(void **state)
{
    (void)state;
    log_in(NULL, AUTH, "artificial");
    assert_locked_out("tls-not-offered");
    assert_int_equal(count(1, "line", "AUTH"), 0);
}

static void test_no_password(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", AUTH);
    stub_desk_set(bench.desk, "email.username", "pin-service");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DEFERRED, "auth-password", true);
    assert_int_equal(count(0, "end", NULL), 0);
}

/* In clear. */

static void test_loopback_in_clear(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", NULL, AUTH);
    stub_desk_set(bench.desk, "email.tls", "none-on-loopback");
    put_password("artificial");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    assert_null(json_object_get(parcel(0)->outcome.evidence, "tls"));
}

/* RFC 5737's documentation addresses: were a packet sent, the answer would be a time-out. */
static void test_no_clear_text_elsewhere(void **state)
{
    (void)state;
    bench.server.port = 25;
    mail_bench_open(&bench, "192.0.2.1");
    stub_desk_set(bench.desk, "email.tls", "none-on-loopback");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DEFERRED, "tls-required", true);
}

#define IN_CLEAR_ANYWHERE "none-in-clear-over-the-network"

static void note_warning(void *userdata, const struct problem *p)
{
    if (strcmp(p->where, "email.tls") == 0)
        snprintf(userdata, sizeof(p->code), "%s", p->code);
}

static void test_clear_text_by_name(void **state)
{
    char warned[sizeof(((struct problem *)NULL)->code)] = "";

    (void)state;
    mail_bench_start(&bench, "localhost", NULL, "");
    method_email.warn(bench.desk->desk.settings, "PIN", note_warning, warned);
    assert_string_equal(warned, "");
    stub_desk_set(bench.desk, "email.tls", IN_CLEAR_ANYWHERE);
    method_email.warn(bench.desk->desk.settings, "PIN", note_warning, warned);
    assert_string_equal(warned, "mail-without-tls");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    assert_null(json_object_get(parcel(0)->outcome.evidence, "tls"));
}

static void test_no_login_in_clear_over_the_network(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", NULL, AUTH);
    stub_desk_set(bench.desk, "email.tls", IN_CLEAR_ANYWHERE);
    put_password("artificial");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DEFERRED, "auth-in-clear", true);
}

/* libesmtp looks for a client certificate where it cannot look: as in a sandbox that hides the home. */
static void test_hidden_home(void **state)
{
    (void)state;
    setenv("HOME", "/dev/null", 1);
    setenv("XDG_CONFIG_DIR", "/dev/null", 1);
    mail_bench_start(&bench, "localhost", "good", "");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
}

/* Nobody there. */

static unsigned unused_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void test_nobody(void **state)
{
    (void)state;
    bench.server.port = unused_port();
    mail_bench_open(&bench, "127.0.0.1");
    add(5);
    mail_bench_deliver(&bench);
    for (size_t i = 0; i < 5; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DEFERRED, "connect", true);
    assert_int_equal(parcel(0)->composed, 1);
    assert_int_equal(parcel(1)->composed, 0);
    assert_int_equal(parcel(0)->begun, 0);
}

static void test_no_ca_file(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "");
    mail_bench_set_file(&bench, "email.ca_file", "good.key"); /* readable, and no certificate */
    add(2);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DEFERRED, "tls-ca-file", true);
    assert_outcome(&bench, parcel(1), OUTCOME_DEFERRED, "tls-ca-file", true);
    mail_bench_set_file(&bench, "email.ca_file", "ca.pem"); /* repaired: the next try sees it */
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(2), OUTCOME_DELIVERED, "smtp-250", false);
}

static int make(void **state)
{
    (void)state;
    mail_bench_make(&bench);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    mail_bench_end(&bench);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    mail_bench_remove(&bench);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, clear)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_login),
        TEST(test_login_refused),
        TEST(test_login_too_weak),
        TEST(test_login_not_offered),
        TEST(test_login_dropped),
        TEST(test_login_in_clear),
        TEST(test_no_password),
        TEST(test_loopback_in_clear),
        TEST(test_no_clear_text_elsewhere),
        TEST(test_clear_text_by_name),
        TEST(test_no_login_in_clear_over_the_network),
        TEST(test_hidden_home),
        TEST(test_nobody),
        TEST(test_no_ca_file),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make, remove_all);
}

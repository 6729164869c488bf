/* The row `email`, against a scripted server and a real Postfix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <mail_bench.h>
#include <rows.h>

#include <pindispatch/json.h>

static struct mail_bench bench;

/* One parcel, one session, one outcome. */
struct scenario {
    const char *name, *host, *cert, *steps;
    enum outcome_kind kind;
    const char *code;
    bool destination;
    size_t messages; /* that the server got whole */
    bool silent;     /* not even the envelope left */
    const char *timeout;
};

#define HOST "localhost"

static const struct scenario scenarios[] = {
    { "delivered", HOST, "good", "", OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "delivered_to_an_address", "127.0.0.1", "good", "", OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "chunking_and_pipelining_offered", HOST, "good", "'offer':['PIPELINING','CHUNKING','SIZE 100000','8BITMIME']",
      OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "multi_line_replies", HOST, "good", "'greeting':'220-a\\r\\n220 b','end':'250-2.0.0 a\\r\\n250 2.0.0 b'",
      OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "a_reply_byte_by_byte", HOST, "good", "'mail':{'drip':0.02}", OUTCOME_DELIVERED, "smtp-250", false, 1, false,
      NULL },

    { "another_name", HOST, "wrong-name", "", OUTCOME_DEFERRED, "tls-name", true, 0, true, NULL },
    { "a_name_for_an_address", "127.0.0.1", "name-only", "", OUTCOME_DEFERRED, "tls-name", true, 0, true, NULL },
    { "expired", HOST, "expired", "", OUTCOME_DEFERRED, "tls-expired", true, 0, true, NULL },
    { "unknown_ca", HOST, "unknown-ca", "", OUTCOME_DEFERRED, "tls-chain", true, 0, true, NULL },
    { "no_starttls", HOST, NULL, "", OUTCOME_DEFERRED, "tls-not-offered", true, 0, true, NULL },
    { "no_ehlo", HOST, "good", "'ehlo':'502 5.5.1 What'", OUTCOME_DEFERRED, "smtp-502", true, 0, true, NULL },
    { "starttls_refused", HOST, "good", "'starttls':'454 4.7.0 Not now'", OUTCOME_DEFERRED, "tls-refused", true, 0,
      true, NULL },
    { "a_tls_that_we_do_not_speak", HOST, "good", "'minimum':'TLSv1_3'", OUTCOME_DEFERRED, "tls-handshake", true, 0,
      true, NULL },
    { "injected_behind_220", HOST, "good", "'starttls':{'inject':'250-x\\r\\n250 AUTH PLAIN\\r\\n'}",
      OUTCOME_DEFERRED, "tls-injection", true, 0, true, NULL },
    { "injected_part_of_a_line", HOST, "good", "'starttls':{'inject':'250'}", OUTCOME_DEFERRED, "tls-injection", true,
      0, true, NULL },
    { "injected_behind_ehlo", HOST, "good", "'ehlo':{'inject':'220 go\\r\\n250 x\\r\\n'}", OUTCOME_DEFERRED,
      "tls-injection", true, 0, true, NULL },
    { "a_reply_too_many_under_tls", HOST, "good", "'rcpt':{'inject':'250 2.0.0 Ok\\r\\n'}", OUTCOME_DEFERRED,
      "smtp-unasked", true, 0, false, NULL },

    { "greeting_421", HOST, "good", "'greeting':'421 Busy'", OUTCOME_DEFERRED, "smtp-421", true, 0, true, NULL },
    { "greeting_554", HOST, "good", "'greeting':'554 No mail here'", OUTCOME_DEFERRED, "smtp-554", true, 0, true,
      NULL },
    { "sender_451", HOST, "good", "'mail':'451 4.3.0 Later'", OUTCOME_DEFERRED, "smtp-451", false, 0, false, NULL },
    { "sender_550", HOST, "good", "'mail':'550 5.1.0 No'", OUTCOME_FAILED, "smtp-550", false, 0, false, NULL },
    { "sender_421", HOST, "good", "'mail':'421 4.3.2 Going'", OUTCOME_DEFERRED, "smtp-421", true, 0, false, NULL },
    { "sender_530", HOST, "good", "'mail':'530 5.7.0 Who are you'", OUTCOME_DEFERRED, "auth", true, 0, false, NULL },
    { "recipient_450", HOST, "good", "'rcpt':'450 4.2.0 Greylisted'", OUTCOME_DEFERRED, "smtp-450", false, 0, false,
      NULL },
    { "recipient_550", HOST, "good", "'rcpt':'550 5.1.1 Unknown'", OUTCOME_FAILED, "smtp-550", false, 0, false,
      NULL },
    { "recipient_421", HOST, "good", "'rcpt':'421 4.7.0 Enough'", OUTCOME_DEFERRED, "smtp-421", true, 0, false,
      NULL },
    { "data_451", HOST, "good", "'data':'451 4.3.0 Later'", OUTCOME_DEFERRED, "smtp-451", false, 0, false, NULL },
    { "data_554", HOST, "good", "'data':'554 5.5.0 No'", OUTCOME_FAILED, "smtp-554", false, 0, false, NULL },
    { "message_452", HOST, "good", "'end':'452 4.2.2 Full'", OUTCOME_DEFERRED, "smtp-452", false, 1, false, NULL },
    { "message_554", HOST, "good", "'end':'554 5.7.1 Spam'", OUTCOME_FAILED, "smtp-554", false, 1, false, NULL },
    { "message_421", HOST, "good", "'end':'421 4.3.0 Going'", OUTCOME_DEFERRED, "smtp-421", true, 1, false, NULL },
    { "message_199", HOST, "good", "'end':'199 Hm'", OUTCOME_IN_DOUBT, "smtp-199", false, 1, false, NULL },

    { "dropped_at_the_greeting", HOST, "good", "'greeting':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", true,
      0, true, NULL },
    { "dropped_at_ehlo", HOST, "good", "'ehlo':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", true, 0, true,
      NULL },
    { "dropped_at_starttls", HOST, "good", "'starttls':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", true, 0,
      true, NULL },
    { "dropped_at_mail", HOST, "good", "'mail':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", false, 0, false,
      NULL },
    { "reset_at_rcpt", HOST, "good", "'rcpt':{'reset':true}", OUTCOME_DEFERRED, "connection-lost", false, 0, false,
      NULL },
    { "dropped_at_data", HOST, "good", "'data':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", false, 0, false,
      NULL },
    { "dropped_after_the_message", HOST, "good", "'end':{'drop':true}", OUTCOME_IN_DOUBT, "smtp-no-reply", false, 1,
      false, NULL },
    { "reset_after_the_message", HOST, "good", "'end':{'reset':true}", OUTCOME_IN_DOUBT, "smtp-no-reply", false, 1,
      false, NULL },

    { "garbage_for_a_greeting", HOST, "good", "'greeting':{'raw':'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'}",
      OUTCOME_DEFERRED, "tls-injection", true, 0, true, NULL },
    { "an_endless_reply", HOST, "good", "'ehlo':{'endless':true}", OUTCOME_DEFERRED, "smtp-garbage", true, 0, true,
      NULL },
    { "silence_at_the_greeting", HOST, "good", "'greeting':{'stall':true}", OUTCOME_DEFERRED, "timeout", true, 0,
      true, "1s" },
    { "silence_at_rcpt", HOST, "good", "'rcpt':{'stall':true}", OUTCOME_DEFERRED, "timeout", true, 0, false, "1s" },
    { "silence_after_the_message", HOST, "good", "'end':{'stall':true}", OUTCOME_IN_DOUBT, "smtp-no-reply", false, 1,
      false, "1s" },
    { "a_byte_now_and_then", HOST, "good", "'ehlo':{'drip':0.3}", OUTCOME_DEFERRED, "timeout", true, 0, true, "1s" },
};

static void play(const struct scenario *c)
{
    struct stub_parcel *p;

    mail_bench_start(&bench, c->host, c->cert, c->steps);
    if (c->timeout)
        stub_desk_set(bench.desk, "email.timeout", c->timeout);
    p = stub_desk_add(bench.desk, STAGE_FRESH);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, p, c->kind, c->code, c->destination);

    CLEANUP(json_cleanup) json_t *record = mail_server_record(&bench.server, 1);
    assert_int_equal(mail_record_count(record, "message", NULL), c->messages);
    assert_int_equal(mail_record_count(record, "line", "BDAT"), 0);
    assert_int_equal(p->begun, c->messages);
    if (c->silent)
        assert_nothing_sent(&bench);
}

/* A test that failed has not put its things away. */
static int clear(void **state)
{
    (void)state;
    mail_bench_end(&bench);
    return 0;
}

static void test_scenario(void **state)
{
    play(*state);
}

static int run_scenarios(void)
{
    struct CMUnitTest tests[ARRAY_SIZE(scenarios)];

    for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
        tests[i] = (struct CMUnitTest){ .name = scenarios[i].name,
                                        .test_func = test_scenario,
                                        .teardown_func = clear,
                                        .initial_state = (void *)&scenarios[i] };
    return cmocka_run_group_tests_name("scenarios", tests, NULL, NULL);
}

/* The row's own rules. */

static int checked(const char *name, const char *value)
{
    const struct setting *row = method_email.settings;
    struct problem p = { .code = "" };

    while (strcmp(row->name, name) != 0)
        row++;
    return row->check(value, &p);
}

static void test_server_setting(void **state)
{
    static const char *const good[] = { "mail.example.com", "mail.example.com:25", "127.0.0.1:1", "a_b-c.d:65535" };
    static const char *const bad[] = { "",         ":25",      "mail:0",     "mail:65536", "mail:smtp",
                                       "[::1]:25", "a b:25",   "mail:25:25", "mail:",      "mail\r\n:25",
                                       "mail/x",   "mail:-25", "mail: 25",   "mail:000025" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(checked("email.server", good[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(checked("email.server", bad[i]), 1);
}

static void test_sender_setting(void **state)
{
    static const char *const good[] = { "pin@example.com", "PIN service <pin@example.com>", "<pin@localhost>" };
    static const char *const bad[] = { "", "PIN service", "a@b <a@b", "a <a@b> c", "a\n<a@b>", "a <a b@c>", "a@b>" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(checked("email.from", good[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(checked("email.from", bad[i]), 1);
}

static void test_login_settings(void **state)
{
    char long_name[300];

    (void)state;
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(checked("email.username", "pin-service"), 0);
    assert_int_equal(checked("email.username", "a\tb"), 1);
    assert_int_equal(checked("email.username", long_name), 1);
    assert_int_equal(checked("email.hello", ""), 0);
    assert_int_equal(checked("email.hello", "a\r\nRSET"), 1);
}

static void test_event(void **state)
{
    const struct setting *const schemas[] = { method_email.settings, NULL };
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    struct problem p = { .code = "" };
    struct event e = { .holder_email = "holder@example.com" };

    (void)state;
    assert_int_equal(settings_new(schemas, &s), 0);
    assert_int_equal(method_email.check(&e, s, &p), 0);
    e.holder_email = "holder@example.com>\r\nRCPT TO:<eve@example.com";
    assert_int_equal(method_email.check(&e, s, &p), 1);
    assert_string_equal(p.code, "email");
    e.holder_email = NULL;
    assert_int_equal(method_email.check(&e, s, &p), 1);
    assert_string_equal(p.code, "missing");
    assert_string_equal(p.where, "$.data.holder.email");
}

static void test_event_of_protected_mail(void **state)
{
    const struct setting *const schemas[] = { method_email.settings, NULL };
    CLEANUP(settings_cleanup) struct settings *s = NULL;
    struct problem p = { .code = "" };
    struct event e = { .holder_email = "holder@example.com" };

    (void)state;
    assert_int_equal(settings_new(schemas, &s), 0);
    assert_int_equal(settings_set(s, "email.protection", "smime", NULL), 0);
    assert_int_equal(method_email.check(&e, s, &p), 1);
    assert_string_equal(p.code, "missing");
    assert_string_equal(p.where, "$.data.holder.certificate");
    e.holder_certificate = "MII=";
    assert_int_equal(method_email.check(&e, s, &p), 0);
    assert_int_equal(settings_set(s, "email.protection", "pdf", NULL), 0);
    assert_int_equal(method_email.check(&e, s, &p), 1);
    assert_string_equal(p.where, "$.data.password");
    e.brings[SECRET_PASSWORD] = true;
    assert_int_equal(method_email.check(&e, s, &p), 0);
}

static void test_doubt(void **state)
{
    CLEANUP(stub_desk_cleanup) struct stub_desk *desk = stub_desk_new(method_email.settings);

    (void)state;
    assert_true(method_email.retries_doubt(desk->own));
    stub_desk_set(desk, "email.in_doubt", "hold");
    assert_false(method_email.retries_doubt(desk->own));
}

/* An argument chooses tests by name, with wildcards. */
int main(int argc, char **argv)
{
    const struct CMUnitTest rules[] = {
        cmocka_unit_test(test_server_setting),          cmocka_unit_test(test_sender_setting),
        cmocka_unit_test(test_login_settings),          cmocka_unit_test(test_event),
        cmocka_unit_test(test_event_of_protected_mail), cmocka_unit_test(test_doubt),
    };
    int r;

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    r = cmocka_run_group_tests(rules, NULL, NULL);
    mail_bench_make(&bench);
    r += run_scenarios();
    mail_bench_remove(&bench);
    return r;
}

/* Many messages in one SMTP session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <email_session.h>
#include <mail_bench.h>
#include <rows.h>

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

static void test_evidence(void **state)
{
    const json_t *e;
    char server[64];

    (void)state;
    mail_bench_start(&bench, "localhost", "good", "");
    add(1);
    mail_bench_deliver(&bench);
    e = parcel(0)->outcome.evidence;
    snprintf(server, sizeof(server), "localhost:%u", bench.server.port);
    assert_string_equal(json_text(e, "server"), server);
    assert_string_equal(json_text(e, "step"), "message");
    assert_int_equal(json_number(e, "code", 0), 250);
    assert_string_equal(json_text(e, "enhanced"), "2.0.0");
    assert_string_equal(json_text(e, "reply"), "Ok: queued as 1");
    assert_string_equal(json_text(e, "message_id"), "0190.1@example.com");
    /* 1.3 makes libesmtp hang now and then. */
    assert_string_equal(json_text(json_object_get(e, "tls"), "version"), "TLSv1.2");
    assert_true(strncmp(json_text(json_object_get(e, "tls"), "cipher"), "ECDHE-", 6) == 0);
    assert_int_equal(bench.desk->armed, 0);
}

static void test_bytes(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "'offer':['CHUNKING','PIPELINING','8BITMIME','DSN']");
    add(1);
    mail_bench_deliver(&bench);

    CLEANUP(json_cleanup) json_t *record = mail_server_record(&bench.server, 1);
    size_t i;
    json_t *row;

    assert_int_equal(mail_record_count(record, "message", NULL), 1);
    json_array_foreach (record, i, row) {
        if (!json_object_get(row, "message"))
            continue;
        assert_string_equal(json_text(row, "message"), bench.mail);
        assert_string_equal(json_text(row, "mail"), "FROM:<pin@example.com>");
        assert_string_equal(json_string_value(json_array_get(json_object_get(row, "rcpt"), 0)),
                            "TO:<holder@example.com>");
        assert_true(json_is_true(json_object_get(row, "tls")));
    }
}

static void test_many(void **state)
{
    const size_t n = 2 * EMAIL_SESSION_MOST + 20;

    (void)state;
    mail_bench_start(&bench, "localhost", "good", "'offer':['PIPELINING']");
    add(n);
    for (int i = 0; i < 3; i++)
        mail_bench_deliver(&bench);
    for (size_t i = 0; i < n; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DELIVERED, "smtp-250", false);
    assert_int_equal(count(3, "message", NULL), n);
    assert_int_equal(count(3, "line", "QUIT"), 3);
    mail_bench_deliver(&bench); /* none is waiting: no connection */
    assert_int_equal(count(3, "end", NULL), 3);
}

/* The next parcel arrives while the connection is open. */
static bool serve_one_more(struct stub_desk *desk, int other)
{
    assert_true(other >= 0);
    assert_true(parcel(desk->next - 1)->reported); /* nothing is kept back while it waits */
    assert_int_equal(desk->armed, 0);
    desk->serve++;
    return desk->serve <= desk->n;
}

static void test_connection_waits_for_the_next_mail(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "");
    bench.desk->on_wait = serve_one_more;
    bench.desk->serve = 1;
    add(3);
    mail_bench_deliver(&bench);
    for (size_t i = 0; i < 3; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DELIVERED, "smtp-250", false);
    assert_int_equal(count(1, "message", NULL), 3);
    assert_int_equal(count(1, "line", "QUIT"), 1);
}

/* A refusal is that message's own: the session goes on, and statuses stay with their messages. */
static void refuse_in_turn(const char *steps, size_t connections)
{
    mail_bench_start(&bench, "localhost", "good", steps);
    add(3);
    for (size_t i = 0; i < connections; i++)
        mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    assert_outcome(&bench, parcel(1), OUTCOME_FAILED, "smtp-550", false);
    assert_outcome(&bench, parcel(2), OUTCOME_DELIVERED, "smtp-250", false);
    assert_int_equal(count(connections, "end", NULL), connections);
}

static void test_refused_sender(void **state)
{
    (void)state;
    refuse_in_turn("'mail':[null,'550 5.1.0 No',null]", 1);
}

static void test_refused_recipient(void **state)
{
    (void)state;
    refuse_in_turn("'offer':['PIPELINING'],'rcpt':[null,'550 5.1.1 Unknown',null]", 1);
}

static void test_refused_data(void **state)
{
    (void)state;
    refuse_in_turn("'data':[null,'550 5.5.0 No',null]", 2); /* libesmtp cannot go on from there */
    mail_bench_end(&bench);
    refuse_in_turn("'offer':['PIPELINING'],'data':[null,'550 5.5.0 No',null]", 2);
}

/* DATA is sent before the recipient is answered for: whatever is answered to it, and to the empty message that a 354
 * must be followed by (RFC 2920 section 3.1), the refusal counts, and not a byte of the mail leaves. */
static const struct {
    const char *rcpt, *nobody, *end; /* what is answered; END: to the empty message */
    enum outcome_kind kind;
    const char *code;
    bool goes_on; /* the next mail has the same connection */
} unwelcome[] = {
    { "'550 5.1.1 Unknown'", "null", "null", OUTCOME_FAILED, "smtp-550", true },
    { "'550 5.1.1 Unknown'", "'503 5.5.1 Order'", "null", OUTCOME_FAILED, "smtp-550", true },
    { "'550 5.1.1 Unknown'", "'354 Go on'", "'554 5.5.1 Nobody'", OUTCOME_FAILED, "smtp-550", true },
    { "'550 5.1.1 Unknown'", "'354 Go on'", "'250 2.0.0 Taken'", OUTCOME_FAILED, "smtp-550", true },
    { "'550 5.1.1 Unknown'", "'354 Go on'", "{'drop':true}", OUTCOME_FAILED, "smtp-550", false },
    { "'550 5.1.1 Unknown'", "'250 2.0.0 What'", "null", OUTCOME_FAILED, "smtp-550", false },
    { "'550 5.1.1 Unknown'", "{'drop':true}", "null", OUTCOME_FAILED, "smtp-550", false },
    { "'550 5.1.1 Unknown'", "{'reset':true}", "null", OUTCOME_FAILED, "smtp-550", false },
    { "'450 4.2.1 Later'", "null", "null", OUTCOME_DEFERRED, "smtp-450", true },
    { "'450 4.2.1 Later'", "'354 Go on'", "'250 2.0.0 Taken'", OUTCOME_DEFERRED, "smtp-450", true },
    { "'354 Go on'", "null", "null", OUTCOME_DEFERRED, "smtp-354", true },
    { "'354 Go on'", "'354 Go on'", "'250 2.0.0 Taken'", OUTCOME_DEFERRED, "smtp-354", true },
};

/* All that arrived for nobody is empty. Returns the number of mails that are whole. */
static size_t count_whole(size_t connections)
{
    CLEANUP(json_cleanup) json_t *record = mail_server_record(&bench.server, connections);
    size_t i, n = 0;
    json_t *row;

    json_array_foreach (record, i, row) {
        const char *message = json_text(row, "message");

        assert_null(json_object_get(row, "cut"));
        if (message && json_array_size(json_object_get(row, "rcpt")) == 0)
            assert_string_equal(message, "");
        else if (message)
            assert_string_equal(message, bench.mail);
        n += message && *message;
    }
    return n;
}

static void test_nothing_leaves_for_a_refused_recipient(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(unwelcome); i++) {
        char steps[256];
        bool asked = strstr(unwelcome[i].nobody, "354");

        snprintf(steps, sizeof(steps),
                 "'offer':['PIPELINING'],'rcpt':[null,%s,null],'nobody':%s,'end':[null,%s,null]", unwelcome[i].rcpt,
                 unwelcome[i].nobody, asked ? unwelcome[i].end : "null");
        mail_bench_start(&bench, "localhost", "good", steps);
        add(3);
        mail_bench_deliver(&bench);
        assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
        assert_outcome(&bench, parcel(1), unwelcome[i].kind, unwelcome[i].code, false);
        assert_int_equal(parcel(1)->begun, 0);
        assert_int_equal(parcel(1)->reports, 1);
        assert_outcome(&bench, parcel(2), unwelcome[i].goes_on ? OUTCOME_DELIVERED : OUTCOME_DEFERRED,
                       unwelcome[i].goes_on ? "smtp-250" : "connection-lost", false);
        assert_int_equal(count_whole(1), unwelcome[i].goes_on ? 2 : 1);
        mail_bench_end(&bench);
    }
}

/* Going, between the answers. */
static void test_closing_at_the_recipient(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good",
                     "'offer':['PIPELINING'],'rcpt':[null,'421 4.3.2 Going'],'nobody':{'drop':true}");
    add(3);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    for (size_t i = 1; i < 3; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DEFERRED, "smtp-421", true);
    assert_int_equal(count_whole(1), 1);
    mail_bench_end(&bench);
    mail_bench_start(&bench, "localhost", "good", "'offer':['PIPELINING'],'data':[null,'421 4.3.2 Going',null]");
    add(3);
    mail_bench_deliver(&bench);
    for (size_t i = 1; i < 3; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DEFERRED, "smtp-421", true);
    assert_int_equal(parcel(1)->begun, 0);
    assert_int_equal(count_whole(1), 1);
}

static void test_refused_message(void **state)
{
    (void)state;
    refuse_in_turn("'end':[null,'550 5.7.1 Spam',null]", 1);
}

/* The connection goes in the middle: what was answered stands, the one under way is in doubt, the rest comes by a
 * new connection. */
static void test_dropped_in_the_middle(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "'end':[null,{'drop':true},null]");
    add(3);
    mail_bench_deliver(&bench);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    assert_outcome(&bench, parcel(1), OUTCOME_IN_DOUBT, "smtp-no-reply", false);
    assert_outcome(&bench, parcel(2), OUTCOME_DELIVERED, "smtp-250", false);
}

static void test_closing_server(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "'mail':[null,'421 4.3.2 Going','250 2.1.0 Ok']");
    add(4);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DELIVERED, "smtp-250", false);
    for (size_t i = 1; i < 4; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DEFERRED, "smtp-421", true);
    assert_int_equal(count(1, "message", NULL), 1);
}

/* A message of some megabytes that the server does not take: without its end it cannot have been accepted. */
static void refuse_large(const char *steps, const char *code)
{
    CLEANUP(free_cleanup) char *large = malloc(6 * 1024 * 1024);
    size_t n = strlen(bench.mail);

    assert_non_null(large);
    memcpy(large, bench.mail, n);
    while (n + 80 < 6 * 1024 * 1024) {
        memset(large + n, 'x', 70);
        memcpy(large + n + 70, "\r\n", 2);
        n += 72;
    }
    mail_bench_start(&bench, "localhost", "good", steps);
    bench.desk->document = large;
    bench.desk->document_size = n;
    stub_desk_set(bench.desk, "email.timeout", "1s");
    add(1);
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_DEFERRED, code, false);
    assert_int_equal(parcel(0)->begun, 1);
}

static void test_dropped_in_data(void **state)
{
    (void)state;
    refuse_large("'content':{'after':10000}", "connection-lost");
}

static void test_stalled_in_data(void **state)
{
    (void)state;
    refuse_large("'content':{'after':10000,'stall':true}", "timeout");
}

/* The desk's words. */

static int refuse_begin(struct desk *d, const struct parcel *p)
{
    (void)d;
    ((struct stub_parcel *)p)->begun++;
    return -EPIPE;
}

static void test_dispatcher_gone(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "");
    bench.desk->desk.begin = refuse_begin;
    add(2);
    assert_int_equal(method_email.deliver(&bench.desk->desk, bench.session), -EPIPE);
    assert_int_equal(parcel(0)->reports, 0);
    assert_false(parcel(1)->handed);

    CLEANUP(json_cleanup) json_t *record = mail_server_record(&bench.server, 1);
    assert_int_equal(mail_record_count(record, "message", NULL), 0);
    assert_int_equal(json_number(json_array_get(record, json_array_size(record) - 2), "cut", -1), 0);
}

static void test_report_fails(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "");
    bench.desk->report_fails = -EPIPE;
    add(3);
    assert_int_equal(method_email.deliver(&bench.desk->desk, bench.session), -EPIPE);
    assert_int_equal(count(1, "message", NULL), 1);
    assert_false(parcel(1)->handed);
}

static void test_no_document(void **state)
{
    (void)state;
    mail_bench_start(&bench, "localhost", "good", "");
    add(3);
    outcome_set(&bench.desk->parcels[0]->trouble, OUTCOME_FAILED, "sealed", "it cannot be opened");
    bench.desk->parcels[1]->recipient = "holder@example.com>\r\nRCPT TO:<eve@example.com";
    mail_bench_deliver(&bench);
    assert_outcome(&bench, parcel(0), OUTCOME_FAILED, "sealed", false);
    assert_outcome(&bench, parcel(1), OUTCOME_FAILED, "message-malformed", false);
    assert_outcome(&bench, parcel(2), OUTCOME_DELIVERED, "smtp-250", false);
    assert_int_equal(count(1, "line", "RCPT"), 1);
}

/* A real one, which also offers CHUNKING and everything else. */

static size_t kept_mails(void)
{
    char path[128];
    size_t n = 0;

    snprintf(path, sizeof(path), "%s/postfix/mail/new", bench.folder);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

static void test_postfix(void **state)
{
    (void)state;
    mail_server_postfix(&bench.server, bench.folder);
    mail_bench_open(&bench, "localhost");
    add(120);
    bench.desk->parcels[7]->recipient = "holder@localhost";
    mail_bench_deliver(&bench);
    mail_bench_deliver(&bench);
    for (size_t i = 0; i < 120; i++)
        assert_outcome(&bench, parcel(i), OUTCOME_DELIVERED, "smtp-250", false);
    assert_non_null(strstr(json_text(parcel(0)->outcome.evidence, "reply"), "queued as"));
    for (int tries = 0; kept_mails() < 120 && tries < 500; tries++)
        nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    assert_int_equal(kept_mails(), 120);
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
        TEST(test_evidence),
        TEST(test_bytes),
        TEST(test_many),
        TEST(test_connection_waits_for_the_next_mail),
        TEST(test_refused_sender),
        TEST(test_refused_recipient),
        TEST(test_refused_data),
        TEST(test_nothing_leaves_for_a_refused_recipient),
        TEST(test_closing_at_the_recipient),
        TEST(test_refused_message),
        TEST(test_dropped_in_the_middle),
        TEST(test_closing_server),
        TEST(test_dropped_in_data),
        TEST(test_stalled_in_data),
        TEST(test_dispatcher_gone),
        TEST(test_report_fails),
        TEST(test_no_document),
        TEST(test_postfix),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make, remove_all);
}

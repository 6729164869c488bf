/* The row `email`, against a scripted server and a real Postfix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <desk.h>
#include <mail_server.h>
#include <rows.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>

enum { CANARY = 24 };

static char folder[64];
static char canary[CANARY + 1]; /* stands for the PIN in the mail */
static char mail[2048];

static void make_mail(void)
{
    unsigned char bytes[CANARY / 2];

    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(canary + 2 * i, 3, "%02x", bytes[i]);
    snprintf(mail, sizeof(mail),
             "From: PIN service <pin@example.com>\r\n"
             "To: Test Holder\r\n <holder@example.com>\r\n"
             "Subject: Your card\r\n"
             "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
             "Message-ID: <0190.1@example.com>\r\n"
             "MIME-Version: 1.0\r\n"
             "Content-Type: text/plain; charset=utf-8\r\n"
             "\r\n"
             "Your PIN:\r\n"
             ".%s\r\n"
             ".\r\n"
             "..\r\n",
             canary);
}

/* A desk with a mail in its hands, and a server. */
struct bench {
    struct stub_desk *desk;
    struct mail_server server;
    void *session;
};

static void set_file(struct stub_desk *desk, const char *setting, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    stub_desk_set(desk, setting, path);
}

static void bench_desk(struct bench *b, const char *host)
{
    char server[128];

    b->desk = stub_desk_new(method_email.settings);
    b->desk->document = mail;
    b->desk->document_size = strlen(mail);
    b->desk->media_type = "message/rfc822";
    snprintf(server, sizeof(server), "%s:%u", host, b->server.port);
    stub_desk_set(b->desk, "email.server", server);
    set_file(b->desk, "email.ca_file", "ca.pem");
    stub_desk_set(b->desk, "email.hello", "client.example");
    stub_desk_set(b->desk, "email.timeout", "20s");
    assert_int_equal(method_email.open(&b->desk->desk, &b->session), 0);
}

/* STEPS are members of the script, with ' for ". CERT: NULL: no TLS. */
static void bench_start(struct bench *b, const char *host, const char *cert, const char *steps)
{
    char script[2048] = "{", quoted[1024];
    size_t n = 1;

    *b = (struct bench){ .desk = NULL };
    if (cert)
        n += (size_t)snprintf(script + n, sizeof(script) - n,
                              "\"tls\":{\"cert\":\"%s/%s.pem\",\"key\":\"%s/%s.key\"}", folder, cert, folder, cert);
    snprintf(quoted, sizeof(quoted), "%s%s", cert && steps[0] ? "," : "", steps);
    for (char *c = quoted; *c; c++)
        if (*c == '\'')
            *c = '"';
    snprintf(script + n, sizeof(script) - n, "%s}", quoted);
    mail_server_script(&b->server, folder, script);
    bench_desk(b, host);
}

static void bench_end(struct bench *b)
{
    method_email.close(b->session);
    stub_desk_free(b->desk);
    mail_server_stop(&b->server);
}

static void deliver(struct bench *b)
{
    assert_int_equal(method_email.deliver(&b->desk->desk, b->session), 0);
}

static void assert_outcome(const struct stub_parcel *p, enum outcome_kind kind, const char *code, bool destination)
{
    if (p->reports != 1 || p->outcome.kind != kind || strcmp(p->outcome.code, code) != 0)
        print_message("reports %u: %s %s: %s\n", p->reports, outcome_name(p->outcome.kind), p->outcome.code,
                      p->outcome.reason);
    assert_int_equal(p->reports, 1);
    assert_string_equal(p->outcome.code, code);
    assert_int_equal(p->outcome.kind, kind);
    assert_int_equal(p->outcome.destination, destination);
    assert_true(p->outcome.reason[0]);
    assert_null(strstr(p->outcome.reason, canary));
}

/* The mail's secret never came to the server, nor anything of its envelope in clear. */
static void assert_nothing_sent(const struct bench *b)
{
    struct buffer bytes = BUFFER(1 << 20);

    assert_int_equal(file_read(b->server.record, &bytes), 0);
    assert_int_equal(buffer_terminate(&bytes), 0);
    assert_null(strstr(buffer_bytes(&bytes), canary));
    assert_null(strstr(buffer_bytes(&bytes), "MAIL FROM"));
    assert_null(strstr(buffer_bytes(&bytes), "holder@example.com"));
    buffer_release(&bytes);
}

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
    { "delivered to an address", "127.0.0.1", "good", "", OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "chunking and pipelining offered", HOST, "good", "'offer':['PIPELINING','CHUNKING','SIZE 100000','8BITMIME']",
      OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "multi-line replies", HOST, "good", "'greeting':'220-a\\r\\n220 b','end':'250-2.0.0 a\\r\\n250 2.0.0 b'",
      OUTCOME_DELIVERED, "smtp-250", false, 1, false, NULL },
    { "a reply byte by byte", HOST, "good", "'mail':{'drip':0.02}", OUTCOME_DELIVERED, "smtp-250", false, 1, false,
      NULL },

    { "another name", HOST, "wrong-name", "", OUTCOME_DEFERRED, "tls-certificate-name", true, 0, true, NULL },
    { "a name for an address", "127.0.0.1", "name-only", "", OUTCOME_DEFERRED, "tls-certificate-name", true, 0, true,
      NULL },
    { "expired", HOST, "expired", "", OUTCOME_DEFERRED, "tls-certificate-expired", true, 0, true, NULL },
    { "unknown CA", HOST, "unknown-ca", "", OUTCOME_DEFERRED, "tls-certificate-unknown-ca", true, 0, true, NULL },
    { "no STARTTLS", HOST, NULL, "", OUTCOME_DEFERRED, "tls-not-offered", true, 0, true, NULL },
    { "no EHLO", HOST, "good", "'ehlo':'502 5.5.1 What'", OUTCOME_DEFERRED, "smtp-502", true, 0, true, NULL },
    { "STARTTLS refused", HOST, "good", "'starttls':'454 4.7.0 Not now'", OUTCOME_DEFERRED, "tls-refused", true, 0,
      true, NULL },
    { "no handshake", HOST, "good", "'starttls':{'raw':'220 go\\r\\n','inject':''},'tls':null", OUTCOME_DEFERRED,
      "tls-not-offered", true, 0, true, NULL },
    { "injected behind 220", HOST, "good", "'starttls':{'inject':'250-x\\r\\n250 AUTH PLAIN\\r\\n'}",
      OUTCOME_DEFERRED, "tls-injection", true, 0, true, NULL },
    { "injected part of a line", HOST, "good", "'starttls':{'inject':'250'}", OUTCOME_DEFERRED, "tls-injection", true,
      0, true, NULL },
    { "injected behind EHLO", HOST, "good", "'ehlo':{'inject':'220 go\\r\\n250 x\\r\\n'}", OUTCOME_DEFERRED,
      "tls-injection", true, 0, true, NULL },
    { "a reply too many under TLS", HOST, "good", "'rcpt':{'inject':'250 2.0.0 Ok\\r\\n'}", OUTCOME_DEFERRED,
      "smtp-unasked", true, 0, false, NULL },

    { "greeting 421", HOST, "good", "'greeting':'421 Busy'", OUTCOME_DEFERRED, "smtp-421", true, 0, true, NULL },
    { "greeting 554", HOST, "good", "'greeting':'554 No mail here'", OUTCOME_DEFERRED, "smtp-554", true, 0, true,
      NULL },
    { "sender 451", HOST, "good", "'mail':'451 4.3.0 Later'", OUTCOME_DEFERRED, "smtp-451", false, 0, false, NULL },
    { "sender 550", HOST, "good", "'mail':'550 5.1.0 No'", OUTCOME_FAILED, "smtp-550", false, 0, false, NULL },
    { "sender 421", HOST, "good", "'mail':'421 4.3.2 Going'", OUTCOME_DEFERRED, "smtp-421", true, 0, false, NULL },
    { "sender 530", HOST, "good", "'mail':'530 5.7.0 Who are you'", OUTCOME_DEFERRED, "auth", true, 0, false, NULL },
    { "recipient 450", HOST, "good", "'rcpt':'450 4.2.0 Greylisted'", OUTCOME_DEFERRED, "smtp-450", false, 0, false,
      NULL },
    { "recipient 550", HOST, "good", "'rcpt':'550 5.1.1 Unknown'", OUTCOME_FAILED, "smtp-550", false, 0, false,
      NULL },
    { "recipient 421", HOST, "good", "'rcpt':'421 4.7.0 Enough'", OUTCOME_DEFERRED, "smtp-421", true, 0, false,
      NULL },
    { "data 451", HOST, "good", "'data':'451 4.3.0 Later'", OUTCOME_DEFERRED, "smtp-451", false, 0, false, NULL },
    { "data 554", HOST, "good", "'data':'554 5.5.0 No'", OUTCOME_FAILED, "smtp-554", false, 0, false, NULL },
    { "message 452", HOST, "good", "'end':'452 4.2.2 Full'", OUTCOME_DEFERRED, "smtp-452", false, 1, false, NULL },
    { "message 554", HOST, "good", "'end':'554 5.7.1 Spam'", OUTCOME_FAILED, "smtp-554", false, 1, false, NULL },
    { "message 421", HOST, "good", "'end':'421 4.3.0 Going'", OUTCOME_DEFERRED, "smtp-421", true, 1, false, NULL },
    { "message 199", HOST, "good", "'end':'199 Hm'", OUTCOME_IN_DOUBT, "smtp-199", false, 1, false, NULL },

    { "dropped at the greeting", HOST, "good", "'greeting':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", true,
      0, true, NULL },
    { "dropped at EHLO", HOST, "good", "'ehlo':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", true, 0, true,
      NULL },
    { "dropped at STARTTLS", HOST, "good", "'starttls':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", true, 0,
      true, NULL },
    { "dropped at MAIL", HOST, "good", "'mail':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", false, 0, false,
      NULL },
    { "reset at RCPT", HOST, "good", "'rcpt':{'reset':true}", OUTCOME_DEFERRED, "connection-lost", false, 0, false,
      NULL },
    { "dropped at DATA", HOST, "good", "'data':{'drop':true}", OUTCOME_DEFERRED, "connection-lost", false, 0, false,
      NULL },
    { "dropped after the message", HOST, "good", "'end':{'drop':true}", OUTCOME_IN_DOUBT, "smtp-no-reply", false, 1,
      false, NULL },
    { "reset after the message", HOST, "good", "'end':{'reset':true}", OUTCOME_IN_DOUBT, "smtp-no-reply", false, 1,
      false, NULL },

    { "garbage for a greeting", HOST, "good", "'greeting':{'raw':'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'}",
      OUTCOME_DEFERRED, "tls-injection", true, 0, true, NULL },
    { "an endless reply", HOST, "good", "'ehlo':{'endless':true}", OUTCOME_DEFERRED, "smtp-garbage", true, 0, true,
      NULL },
    { "silence at the greeting", HOST, "good", "'greeting':{'stall':true}", OUTCOME_DEFERRED, "timeout", true, 0,
      true, "1s" },
    { "silence at RCPT", HOST, "good", "'rcpt':{'stall':true}", OUTCOME_DEFERRED, "timeout", true, 0, false, "1s" },
    { "silence after the message", HOST, "good", "'end':{'stall':true}", OUTCOME_IN_DOUBT, "smtp-no-reply", false, 1,
      false, "1s" },
    { "a byte now and then", HOST, "good", "'ehlo':{'drip':0.3}", OUTCOME_DEFERRED, "timeout", true, 0, true, "1s" },
};

static void play(const struct scenario *c)
{
    struct bench b;
    struct stub_parcel *p;

    bench_start(&b, c->host, c->cert, c->steps);
    if (c->timeout)
        stub_desk_set(b.desk, "email.timeout", c->timeout);
    p = stub_desk_add(b.desk, STAGE_FRESH);
    deliver(&b);
    assert_outcome(p, c->kind, c->code, c->destination);

    CLEANUP(json_cleanup) json_t *record = mail_server_record(&b.server, 1);
    assert_int_equal(mail_record_count(record, "message", NULL), c->messages);
    assert_int_equal(mail_record_count(record, "line", "BDAT"), 0);
    assert_int_equal(p->begun, c->messages);
    if (c->silent)
        assert_nothing_sent(&b);
    bench_end(&b);
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
                                        .initial_state = (void *)&scenarios[i] };
    return cmocka_run_group_tests_name("scenarios", tests, NULL, NULL);
}

/* An argument chooses tests by name, with wildcards. */
int main(int argc, char **argv)
{
    int r;

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    signal(SIGPIPE, SIG_IGN);
    mail_folder_make(folder);
    make_mail();
    r = run_scenarios();
    mail_folder_remove(folder);
    return r;
}

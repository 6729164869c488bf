#include "mail_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <rows.h>

#include <pindispatch/clock.h>
#include <pindispatch/file.h>

static void make_mail(struct mail_bench *b)
{
    unsigned char bytes[sizeof(b->canary) / 2];

    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(b->canary + 2 * i, 3, "%02x", bytes[i]);
    /* Folded headers, and lines that begin with dots. */
    snprintf(b->mail, sizeof(b->mail),
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
             b->canary);
}

void mail_bench_make(struct mail_bench *b)
{
    *b = (struct mail_bench){ .desk = NULL };
    signal(SIGPIPE, SIG_IGN); /* as in every worker */
    mail_folder_make(b->folder);
    make_mail(b);
}

void mail_bench_remove(struct mail_bench *b)
{
    mail_folder_remove(b->folder);
}

void mail_bench_set_file(struct mail_bench *b, const char *setting, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", b->folder, name);
    stub_desk_set(b->desk, setting, path);
}

void mail_bench_open(struct mail_bench *b, const char *host)
{
    char server[128];

    b->desk = stub_desk_new(method_email.settings);
    b->desk->document = b->mail;
    b->desk->document_size = strlen(b->mail);
    b->desk->media_type = "message/rfc822";
    snprintf(server, sizeof(server), "%s:%u", host, b->server.port);
    stub_desk_set(b->desk, "email.server", server);
    mail_bench_set_file(b, "email.ca_file", "ca.pem");
    stub_desk_set(b->desk, "email.hello", "client.example");
    stub_desk_set(b->desk, "email.timeout", "20s");
    assert_int_equal(method_email.open(&b->desk->desk, &b->session), 0);
}

void mail_bench_start(struct mail_bench *b, const char *host, const char *cert, const char *steps)
{
    char script[2048] = "{", quoted[1024];
    size_t n = 1;

    if (cert)
        n +=
            (size_t)snprintf(script + n, sizeof(script) - n, "\"tls\":{\"cert\":\"%s/%s.pem\",\"key\":\"%s/%s.key\"}",
                             b->folder, cert, b->folder, cert);
    snprintf(quoted, sizeof(quoted), "%s%s", cert && steps[0] ? "," : "", steps);
    for (char *c = quoted; *c; c++)
        if (*c == '\'')
            *c = '"';
    snprintf(script + n, sizeof(script) - n, "%s}", quoted);
    mail_server_script(&b->server, b->folder, script);
    mail_bench_open(b, host);
}

void mail_bench_end(struct mail_bench *b)
{
    method_email.close(b->session);
    b->session = NULL;
    b->desk = stub_desk_free(b->desk);
    mail_server_stop(&b->server);
}

void mail_bench_deliver(struct mail_bench *b)
{
    assert_int_equal(method_email.deliver(&b->desk->desk, b->session), 0);
}

void assert_outcome(const struct mail_bench *b, const struct stub_parcel *p, enum outcome_kind kind, const char *code,
                    bool destination)
{
    if (p->reports != 1 || p->outcome.kind != kind || strcmp(p->outcome.code, code) != 0)
        print_message("%u reports, %s %s: %s\n", p->reports, outcome_name(p->outcome.kind), p->outcome.code,
                      p->outcome.reason);
    assert_int_equal(p->reports, 1);
    assert_string_equal(p->outcome.code, code);
    assert_int_equal(p->outcome.kind, kind);
    assert_int_equal(p->outcome.destination, destination);
    assert_true(p->outcome.reason[0]);
    assert_null(strstr(p->outcome.reason, b->canary));
}

void assert_nothing_sent(const struct mail_bench *b)
{
    struct buffer bytes = BUFFER(1 << 20);

    assert_int_equal(file_read(b->server.record, &bytes), 0);
    assert_int_equal(buffer_terminate(&bytes), 0);
    assert_null(strstr(buffer_bytes(&bytes), b->canary));
    assert_null(strstr(buffer_bytes(&bytes), "MAIL FROM"));
    assert_null(strstr(buffer_bytes(&bytes), "holder@example.com"));
    buffer_release(&bytes);
}

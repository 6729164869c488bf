/* Replies to outcomes, and messages that may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <email_judge.h>

#include <pindispatch/json.h>

static void judged(enum mail_step step, int code, enum outcome_kind kind, const char *word, bool destination)
{
    struct mail_reply r = { .step = step, .code = code };
    struct outcome o = { .code = "" };

    mail_reply_set_text(&r, "words");
    mail_judge(&r, &o);
    assert_int_equal(o.kind, kind);
    assert_string_equal(o.code, word);
    assert_int_equal(o.destination, destination);
    assert_non_null(strstr(o.reason, "words"));
}

static void test_judge(void **state)
{
    (void)state;
    for (int step = STEP_MAIL; step <= STEP_MESSAGE; step++) {
        judged(step, 421, OUTCOME_DEFERRED, "smtp-421", true);
        judged(step, 450, OUTCOME_DEFERRED, "smtp-450", false);
        judged(step, 499, OUTCOME_DEFERRED, "smtp-499", false);
        judged(step, 550, OUTCOME_FAILED, "smtp-550", false);
        judged(step, 530, OUTCOME_DEFERRED, "auth", true);
        judged(step, 535, OUTCOME_DEFERRED, "auth", true);
        judged(step, 538, OUTCOME_DEFERRED, "auth", true);
        judged(step, 334, step == STEP_MESSAGE ? OUTCOME_IN_DOUBT : OUTCOME_DEFERRED, "smtp-334", false);
    }
    judged(STEP_MESSAGE, 250, OUTCOME_DELIVERED, "smtp-250", false);
    judged(STEP_DATA, 250, OUTCOME_DEFERRED, "smtp-250", false);
}

static void said(const char *text, const char *wanted)
{
    struct mail_reply r = { .code = 250 };

    mail_reply_set_text(&r, text);
    assert_string_equal(r.text, wanted);
}

static void test_words(void **state)
{
    char long_text[1000];

    (void)state;
    said(NULL, "");
    said("Ok: queued\r\n", "Ok: queued");
    said("one\r\ntwo\r\n", "one two");
    said("a\x1b[31mb\x7f"
         "c\xff\xfe d",
         "a [31mb c? d");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    long_text[MAIL_REPLY - 1] = '\0';
    struct mail_reply r = { .code = 250 };
    mail_reply_set_text(&r, memset(long_text, 'x', sizeof(long_text) - 1));
    assert_int_equal(strlen(r.text), MAIL_REPLY - 1);
}

static void test_reply_evidence(void **state)
{
    CLEANUP(json_cleanup) json_t *e = json_object();
    struct mail_reply r = { .step = STEP_RCPT, .code = 0 };

    (void)state;
    assert_int_equal(mail_reply_add(&r, e), 0);
    assert_int_equal(json_object_size(e), 0);
    r = (struct mail_reply){ .step = STEP_RCPT, .code = 550, .enhanced = "5.1.1", .text = "Unknown" };
    assert_int_equal(mail_reply_add(&r, e), 0);
    assert_string_equal(json_text(e, "step"), "rcpt");
    assert_string_equal(json_text(e, "enhanced"), "5.1.1");
    assert_int_equal(json_number(e, "code", 0), 550);
    assert_string_equal(json_text(e, "reply"), "Unknown");
}

#define HEAD "From: a@example.com\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"

/* The answer of mail_check() for these bytes, with good addresses. */
static int check(const char *bytes, size_t size, char id[MAIL_MESSAGE_ID])
{
    struct document d = DOCUMENT;
    struct outcome o = { .code = "" };
    int r;

    snprintf(d.sender, sizeof(d.sender), "a@example.com");
    snprintf(d.recipient, sizeof(d.recipient), "b@example.com");
    assert_int_equal(buffer_add(&d.bytes, bytes, size), 0);
    r = mail_check(&d, id, &o);
    if (r > 0)
        assert_string_equal(o.code, "message-malformed");
    document_release(&d);
    return r;
}

static void test_good_messages(void **state)
{
    static const char plain[] = HEAD "Message-ID: <1@example.com>\r\n\r\nbody\r\n";
    static const char folded[] = HEAD "message-id:\r\n <1@example.com>\r\nX: y\r\n\r\n";
    char id[MAIL_MESSAGE_ID];

    (void)state;
    assert_int_equal(check(plain, sizeof(plain) - 1, id), 0);
    assert_string_equal(id, "1@example.com");
    assert_int_equal(check(folded, sizeof(folded) - 1, id), 0);
    assert_string_equal(id, "1@example.com");
}

static void test_bad_messages(void **state)
{
#define TEXT(t)                                                                                                      \
    {                                                                                                                \
        t, sizeof(t) - 1                                                                                             \
    }
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        TEXT(""),
        TEXT("\r\n"),
        TEXT(HEAD "\r\nbody\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n"),
        TEXT("Message-ID: <1@example.com>\r\nDate: x\r\n\r\n"),
        TEXT("Message-ID: <1@example.com>\r\nFrom: x\r\n\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\nMessage-ID: <2@example.com>\r\n\r\n"),
        TEXT(HEAD "Message-ID: 1@example.com\r\n\r\n"),
        TEXT(HEAD "Message-ID: <1@a <2@example.com>\r\n\r\n"),
        TEXT(HEAD "Message-ID: <1@\r\n example.com>\r\n\r\n"),
        TEXT(HEAD "Message-ID: <>\r\n\r\n"),
        TEXT(HEAD "Message-ID: >1<\r\n\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n\r\n.\nMAIL\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n\r\nx\ry\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n\r\nx\0y\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n\r\n\xc3\xa5\r\n"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n\r\nno end"),
        TEXT(HEAD "Message-ID: <1@example.com>\r\n\r\nno end\r"),
    };
    char id[MAIL_MESSAGE_ID];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(check(bad[i].bytes, bad[i].size, id), 1);
}

static void test_line_length(void **state)
{
    static const char head[] = HEAD "Message-ID: <1@example.com>\r\n\r\n";
    char bytes[2048], id[MAIL_MESSAGE_ID];
    size_t n = sizeof(head) - 1;

    (void)state;
    memcpy(bytes, head, n);
    memset(bytes + n, 'x', 1000);
    memcpy(bytes + n + 998, "\r\n", 2);
    assert_int_equal(check(bytes, n + 1000, id), 0);
    memcpy(bytes + n + 998, "x\r\n", 3);
    assert_int_equal(check(bytes, n + 1001, id), 1);
}

static void test_envelope(void **state)
{
    static const char *const bad[] = {
        "", "b", "b@", "<b@example.com>", "b@example.com>", "b@example.com\r\nRSET", "b c@example.com"
    };
    struct document d = DOCUMENT;
    char id[MAIL_MESSAGE_ID];

    (void)state;
    assert_int_equal(buffer_add_text(&d.bytes, HEAD "Message-ID: <1@example.com>\r\n\r\n"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct outcome o = { .code = "" };

        snprintf(d.sender, sizeof(d.sender), "a@example.com");
        snprintf(d.recipient, sizeof(d.recipient), "%s", bad[i]);
        assert_int_equal(mail_check(&d, id, &o), 1);
        snprintf(d.sender, sizeof(d.sender), "%s", bad[i]);
        snprintf(d.recipient, sizeof(d.recipient), "a@example.com");
        assert_int_equal(mail_check(&d, id, &o), 1);
    }
    document_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),          cmocka_unit_test(test_words),
        cmocka_unit_test(test_reply_evidence), cmocka_unit_test(test_good_messages),
        cmocka_unit_test(test_bad_messages),   cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_envelope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

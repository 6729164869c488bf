/* The gate: what libesmtp must not be shown, and what must not leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <email_gate.h>

#include <pindispatch/cleanup.h>

static struct email_gate fresh(bool tls, bool auth)
{
    struct email_gate g = { .tls_required = tls, .auth_required = auth };

    email_gate_reset(&g);
    return g;
}

static bool in(struct email_gate *g, const char *bytes)
{
    char copy[2048];

    snprintf(copy, sizeof(copy), "%s", bytes);
    return email_gate_in(g, copy, strlen(copy));
}

static bool out(struct email_gate *g, const char *bytes)
{
    return email_gate_out(g, bytes, strlen(bytes));
}

/* Up to the EHLO under TLS and its answer. */
static struct email_gate secured(bool auth)
{
    struct email_gate g = fresh(true, auth);

    assert_true(in(&g, "220 mail\r\n"));
    assert_true(out(&g, "EHLO me\r\n"));
    assert_true(in(&g, "250-mail\r\n250 STARTTLS\r\n"));
    assert_true(out(&g, "STARTTLS\r\n"));
    assert_true(in(&g, "220 go\r\n"));
    g.tls = true;
    assert_true(out(&g, "EHLO me\r\n"));
    assert_true(in(&g, "250-mail\r\n250 AUTH PLAIN\r\n"));
    return g;
}

static void test_order(void **state)
{
    struct email_gate g = secured(true);

    (void)state;
    assert_true(out(&g, "AUTH PLAIN AGEAYg==\r\n"));
    assert_true(in(&g, "235 yes\r\n"));
    assert_true(g.authenticated);
    assert_true(out(&g, "MAIL FROM:<a@b>\r\n"));
    assert_true(g.mail_tried);
    assert_true(in(&g, "250 ok\r\n"));
    assert_true(out(&g, "RCPT TO:<a@b>\r\n") && in(&g, "250 ok\r\n"));
    assert_true(out(&g, "DATA\r\n") && in(&g, "354 go\r\n"));
    assert_true(in(&g, "250 taken\r\n")); /* the message itself goes past the gate */
    assert_true(out(&g, "RSET\r\nMAIL FROM:<a@b>\r\n") && in(&g, "250 ok\r\n250 ok\r\n"));
    assert_int_equal(g.breach, GATE_SOUND);
}

/* Replies belong to commands in their order, whatever left together. */
static void test_pipelined(void **state)
{
    static const char *const answers[] = {
        "550 no\r\n503 no\r\n", /* both refused */
        "354 go\r\n250 ok\r\n", /* no message is asked for by what answers RCPT */
        "250 ok\r\n354 go\r\n250 taken\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct email_gate g = secured(false);

        assert_true(out(&g, "RCPT TO:<a@b>\r\nDATA\r\n") && in(&g, answers[i]));
        assert_false(in(&g, "250 ok\r\n"));
        assert_int_equal(g.breach, GATE_INJECTION);
    }
}

/* A server may ask for the message although it refused the recipient: a dot alone ends it, and is no command. */
static void test_empty_message(void **state)
{
    struct email_gate g = secured(false);

    (void)state;
    assert_true(out(&g, "RCPT TO:<a@b>\r\nDATA\r\n") && in(&g, "550 no\r\n354 go\r\n"));
    assert_true(out(&g, ".\r\n") && in(&g, "554 nobody\r\n"));
    assert_false(in(&g, "250 ok\r\n"));
}

static void test_login_by_challenge(void **state)
{
    struct email_gate g = secured(true);

    (void)state;
    assert_true(out(&g, "AUTH LOGIN\r\n") && in(&g, "334 VXNlcm5hbWU6\r\n"));
    assert_true(out(&g, "mail\r\n") && !g.mail_tried && in(&g, "334 UGFzc3dvcmQ6\r\n"));
    assert_true(out(&g, "cXVpdA==\r\n") && in(&g, "235 yes\r\n"));
    assert_true(g.authenticated);
    g = secured(true);
    assert_true(out(&g, "AUTH LOGIN\r\n") && in(&g, "334 VXNlcm5hbWU6\r\n"));
    assert_false(out(&g, "MAIL FROM:<a@b>\r\n"));
}

static void test_never_in_clear(void **state)
{
    static const char *const commands[] = {
        "MAIL FROM:<a@b>\r\n", "mail from:<a@b>\r\n", "AUTH PLAIN x\r\n", "RSET\r\n", "XUSR\r\n",
        "RCPT TO:<a@b>\r\n",   "EHLO x\r\nMAIL\r\n",  "EHLOX\r\n",        "\r\n"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        struct email_gate g = fresh(true, false);

        assert_true(in(&g, "220 mail\r\n"));
        assert_false(out(&g, commands[i]));
        assert_int_equal(g.breach, GATE_NO_TLS);
        assert_false(out(&g, "QUIT\r\n")); /* nothing any more */
    }
}

static void test_never_unauthenticated(void **state)
{
    static const char *const answers[] = { NULL, "535 no\r\n", "454 later\r\n", "504 what\r\n", "500 x\r\n" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct email_gate g = secured(true);

        if (answers[i])
            assert_true(out(&g, "AUTH PLAIN x\r\n") && in(&g, answers[i]));
        assert_false(g.authenticated);
        assert_false(out(&g, "MAIL FROM:<a@b>\r\n"));
        assert_int_equal(g.breach, GATE_NO_AUTH);
        assert_int_equal(g.auth_tried, answers[i] != NULL);
    }
}

/* A command may come in pieces. */
static void test_split_command(void **state)
{
    struct email_gate g = fresh(true, false);

    (void)state;
    assert_true(in(&g, "220 mail\r\n"));
    assert_true(out(&g, "MA"));
    assert_true(out(&g, "IL FROM:"));
    assert_false(out(&g, "<a@b>\r\n"));
}

static void test_injection(void **state)
{
    static const char *const answers[] = { "220 go\r\n250 x\r\n", "220 go\r\n2", "220 go\r\n\r\n", "220 go\n250-",
                                           "220-a\r\n220 go\r\n4" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct email_gate g = fresh(true, false);

        assert_true(in(&g, "220 mail\r\n") && out(&g, "EHLO me\r\n") && in(&g, "250 STARTTLS\r\n"));
        assert_true(out(&g, "STARTTLS\r\n"));
        assert_false(in(&g, answers[i]));
        assert_int_equal(g.breach, GATE_INJECTION);
    }
}

static void test_unasked(void **state)
{
    struct email_gate g = secured(false);

    (void)state;
    assert_false(in(&g, "250 ok\r\n"));
    g = secured(false);
    assert_false(in(&g, "451 later\r\n"));
    g = secured(false);
    assert_true(in(&g, "421-bye\r\n421 bye\r\n")); /* the one thing that a server may say of its own accord */
    assert_true(g.closing);
}

static void test_bounds(void **state)
{
    static char line[GATE_LINE + 2], reply[200];
    struct email_gate g = fresh(true, false);

    (void)state;
    memset(line, 'a', sizeof(line) - 1);
    memcpy(line, "220 ", 4);
    assert_false(in(&g, line)); /* libesmtp would make two replies of it */
    assert_int_equal(g.breach, GATE_GARBAGE);

    g = secured(false);
    for (size_t i = 0; i < GATE_OUTSTANDING; i++)
        assert_true(out(&g, "NOOP\r\n"));
    assert_false(out(&g, "NOOP\r\n"));

    g = fresh(true, false);
    snprintf(reply, sizeof(reply), "220-%0100d\r\n", 0);
    for (size_t n = 0; n < GATE_REPLY + sizeof(reply) && in(&g, reply); n += strlen(reply))
        ;
    assert_int_equal(g.breach, GATE_GARBAGE);
}

static void hide(const char *reply, const char *wanted, size_t piece)
{
    char copy[128];
    struct email_gate g = fresh(true, false);

    snprintf(copy, sizeof(copy), "%s", reply);
    assert_true(in(&g, "220 mail\r\n") && out(&g, "EHLO me\r\n"));
    for (size_t i = 0; i < strlen(reply); i += piece)
        assert_true(email_gate_in(&g, copy + i, strlen(reply) - i < piece ? strlen(reply) - i : piece));
    assert_string_equal(copy, wanted);
}

static void test_chunking(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece++) {
        hide("250-m\r\n250-CHUNKING\r\n250 SIZE\r\n", "250-m\r\n250-CHUNKIN-\r\n250 SIZE\r\n", piece);
        hide("250-m\r\n250 chunking\r\n", "250-m\r\n250 chunkin-\r\n", piece);
        hide("250-CHUNKCHUNKING\r\n250 x\r\n", "250-CHUNKCHUNKIN-\r\n250 x\r\n", piece);
        hide("250-CCHUNKING\r\n250 x\r\n", "250-CCHUNKIN-\r\n250 x\r\n", piece);
    }
}

static void test_codes(void **state)
{
    struct email_gate g = fresh(true, false);

    (void)state;
    assert_true(in(&g, "554-no\r\n554 no\r\n"));
    assert_int_equal(g.last[VERB_GREETING], 554);
    g.breach = GATE_GARBAGE;
    email_gate_reset(&g);
    assert_int_equal(g.breach, GATE_SOUND);
    assert_true(g.tls_required);
    assert_int_equal(g.last[VERB_GREETING], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelined),      cmocka_unit_test(test_empty_message),
        cmocka_unit_test(test_order),          cmocka_unit_test(test_login_by_challenge),
        cmocka_unit_test(test_never_in_clear), cmocka_unit_test(test_never_unauthenticated),
        cmocka_unit_test(test_split_command),  cmocka_unit_test(test_injection),
        cmocka_unit_test(test_unasked),        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_chunking),       cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

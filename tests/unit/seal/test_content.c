#include "content.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    struct secret *secrets[SECRET_PARTS];
};

static void pair_release(struct pair *p)
{
    secret_free(p->secrets[SECRET_PIN]);
    secret_free(p->secrets[SECRET_PUK]);
}

static struct secret *secret(const char *text)
{
    struct secret *s = NULL;

    if (text)
        assert_int_equal(secret_new(text, strlen(text), &s), 0);
    return s;
}

static void assert_round(const char *pin, const char *puk, const char *password)
{
    CLEANUP(pair_release) struct pair in = { { secret(pin), secret(puk), secret(password) } };
    CLEANUP(pair_release) struct pair out = { { NULL } };
    char text[CONTENT_MOST];
    struct problem p;
    size_t size;

    assert_int_equal(content_write(in.secrets, text, &size), 0);
    assert_int_equal(content_read(text, size, out.secrets, &p), 0);
    for (unsigned kind = 0; kind < SECRET_PARTS; kind++) {
        if (in.secrets[kind])
            assert_string_equal(secret_reveal(out.secrets[kind]), secret_reveal(in.secrets[kind]));
        else
            assert_null(out.secrets[kind]);
    }
}

static void test_what_is_written_is_read(void **state)
{
    static const char widest[] = "\\\\\\\\\\\\\\\\\"\"\"\"\"\"\"\"\\\\\\\\\\\\\\\\\"\"\"\"\"\"\"\""
                                 "\\\\\\\\\\\\\\\\\"\"\"\"\"\"\"\"\\\\\\\\\\\\\\\\\"\"\"\"\"\"\"\"";

    (void)state;
    assert_int_equal(strlen(widest), CONTENT_SECRET_MOST);
    assert_round("000001", "artificial-2", NULL);
    assert_round("000001", NULL, NULL);
    assert_round(NULL, "!~", "a-password");
    assert_round(widest, widest, widest);
}

static void test_exact_text(void **state)
{
    CLEANUP(pair_release) struct pair in = { { secret("1\"2"), secret("34") } };
    static const char expected[] = "{\"pin\":\"1\\\"2\",\"puk\":\"34\"}";
    char text[CONTENT_MOST];
    size_t size;

    (void)state;
    assert_int_equal(content_write(in.secrets, text, &size), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

static void test_unfit_secrets_are_not_written(void **state)
{
    static const char *const bad[] = { "with blank", "tab\t", "\xc3\xa9", "\x7f",
                                       "12345678901234567890123456789012345678901234567890123456789012345" };
    char text[CONTENT_MOST];
    size_t size;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CLEANUP(pair_release) struct pair in = { { secret(bad[i]), NULL } };

        assert_int_equal(content_write(in.secrets, text, &size), -EINVAL);
    }
    assert_int_equal(content_write((struct secret *[SECRET_PARTS]){ NULL }, text, &size), -EINVAL);
    CLEANUP(pair_release) struct pair lonely = { { NULL, NULL, secret("a-password") } };
    assert_int_equal(content_write(lonely.secrets, text, &size), -EINVAL);
}

static void test_unfit_texts_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "\"482913\"",
        "{\"pin\":482913}",
        "{\"pin\":null}",
        "{\"pin\":\"\"}",
        "{\"pin\":\"with blank\"}",
        "{\"pin\":\"\\u00e9\"}",
        "{\"pin\":\"1\\u00002\"}",
        "{\"pin\":\"1\",\"pin\":\"2\"}",
        "{\"pin\":\"1\",\"PUK\":\"2\"}",
        "{\"pin\":\"1\",\"puk\":\"\"}",
        "{\"pin\":\"1\"} ,",
        "{\"password\":\"a-password\"}",
        "{\"pin\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct secret *out[SECRET_PARTS] = { NULL };
        struct problem p = { .code = "" };

        assert_int_equal(content_read(bad[i], strlen(bad[i]), out, &p), 1);
        assert_string_equal(p.code, "content");
        assert_null(out[SECRET_PIN]);
        assert_null(out[SECRET_PUK]);
        assert_null(out[SECRET_PASSWORD]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_exact_text),
        cmocka_unit_test(test_unfit_secrets_are_not_written),
        cmocka_unit_test(test_unfit_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The variables' values: forms of a secret, shortened card numbers, dates in words, tests. */
#include "sample.h"

#include <stdlib.h>
#include <time.h>

#include "fields.h"
#include "language.h"

static void assert_value(const char *name, const char *tag, enum secret_kind kind, const char *secret,
                         const char *expected)
{
    struct sample s;
    struct fields f;
    struct buffer b = BUFFER(4096);

    sample_init(&s, "Åsa", NULL, kind, secret);
    assert_int_equal(fields_fill(&f, &s.filling, tag, &s.trouble), 0);
    assert_int_equal(fields_text(&f, fields_find(name), &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    assert_string_equal(buffer_bytes(&b), expected);
    buffer_release(&b);
    fields_release(&f);
    sample_release(&s);
}

static void test_groups(void **state)
{
    static const struct {
        const char *secret, *grouped;
    } cases[] = {
        { "1", "1" },
        { "12", "12" },
        { "1234", "1234" },
        { "12345", "123 45" },
        { "123456", "123 456" },
        { "1234567", "123 4567" },
        { "12345678", "1234 5678" },
        { "123456789", "123 456 789" },
        { "1234567890", "123 456 7890" },
        { "12345678901", "123 456 789 01" },
        { "123456789012", "1234 5678 9012" },
        { "åäöxyz", "åäö xyz" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_value("secret.grouped", "", SECRET_PIN, cases[i].secret, cases[i].grouped);
        assert_value("secret", "", SECRET_PIN, cases[i].secret, cases[i].secret);
    }
}

static void test_digits_and_words(void **state)
{
    (void)state;
    assert_value("pin.digits", "", SECRET_PIN, "4829", "4 8 2 9");
    assert_value("pin.words", "", SECRET_PIN, "482", "four eight two");
    assert_value("pin.words", "sv-SE", SECRET_PIN, "10", "ett noll");
    assert_value("puk.words", "de", SECRET_PUK, "5A", "fünf A");
    assert_value("puk.words", "ja", SECRET_PUK, "09", "ゼロ きゅう");
    assert_value("puk.words", "ar", SECRET_PUK, "3", "ثلاثة");
    assert_value("secret.words", "fr", SECRET_PUK, "16", "un six");
    assert_value("secret.words", "es", SECRET_PUK, "44", "cuatro cuatro");
    assert_value("secret.words", "xx", SECRET_PUK, "44", "4 4");
}

static void test_the_longest_secret(void **state)
{
    char secret[SECRET_MAX + 1];
    struct sample s;
    struct fields f;

    (void)state;
    memset(secret, '3', SECRET_MAX);
    secret[SECRET_MAX] = '\0';
    sample_init(&s, "Åsa", NULL, SECRET_PIN, secret);
    assert_int_equal(fields_fill(&f, &s.filling, "ar", &s.trouble), 0);
    assert_int_equal(buffer_size(&f.forms[FORM_WORDS]), SECRET_MAX * (strlen("ثلاثة") + 1) - 1);
    fields_release(&f);
    sample_release(&s);
}

static void test_short_card_numbers(void **state)
{
    static const struct {
        const char *id, *shown;
    } cases[] = {
        { "C-000123", "…0123" }, { "ABCDEF", "…DEF" }, { "AB", "…B" }, { "A", "…" }, { "kort-åäö", "…-åäö" }
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sample s;
        struct fields f;
        struct buffer b = BUFFER(256);

        sample_init(&s, "Åsa", NULL, SECRET_PIN, "1234");
        json_object_set_new(json_object_get(json_object_get(s.event, "data"), "card"), "id",
                            json_string(cases[i].id));
        assert_int_equal(fields_fill(&f, &s.filling, "", &s.trouble), 0);
        assert_int_equal(fields_text(&f, fields_find("card.short"), &b), 0);
        assert_int_equal(buffer_size(&b), strlen(cases[i].shown));
        assert_memory_equal(buffer_bytes(&b), cases[i].shown, buffer_size(&b));
        /* The event itself is only read. */
        assert_null(json_object_get(json_object_get(json_object_get(s.event, "data"), "card"), "short"));
        buffer_release(&b);
        fields_release(&f);
        sample_release(&s);
    }
}

static void test_dates(void **state)
{
    static const struct {
        const char *tag, *first, *last;
    } cases[] = {
        { "", "1 February 2026", "28 February 2026" },
        { "sv", "1 februari 2026", "28 februari 2026" },
        { "de-AT", "1. Februar 2026", "28. Februar 2026" },
        { "fr", "1er février 2026", "28 février 2026" },
        { "es", "1 de febrero de 2026", "28 de febrero de 2026" },
        { "ar", "1 فبراير 2026", "28 فبراير 2026" },
        { "ja", "2026年2月1日", "2026年2月28日" },
        { "xx", "2026-02-01", "2026-02-28" },
    };
    const int64_t first = INT64_C(1769947200000000), day = INT64_C(86400000000); /* 2026-02-01T12:00:00Z */
    char text[LANGUAGE_DATE];

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_string_equal(language_date(cases[i].tag, first, text), cases[i].first);
        assert_string_equal(language_date(cases[i].tag, first + 27 * day, text), cases[i].last);
    }
    assert_true(language_is_known("ja-JP"));
    assert_false(language_is_known("xx"));
}

static void test_tests(void **state)
{
    struct sample s;

    (void)state;
    sample_init(&s, "Åsa", NULL, SECRET_PIN, "1234");
    assert_false(fields_is_test(&s.filling));
    json_object_set_new(s.event, "type", json_string("pindispatch.test.print"));
    assert_true(fields_is_test(&s.filling));
    assert_string_equal(language_test("es-MX"), "PRUEBA");
    assert_string_equal(language_test("xx"), "TEST");
    sample_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_digits_and_words),
        cmocka_unit_test(test_the_longest_secret),
        cmocka_unit_test(test_short_card_numbers),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_tests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "print_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static ipp_t *answer_new(void)
{
    ipp_t *request = ippNewRequest(IPP_OP_GET_JOBS), *answer = ippNewResponse(request);
    ippDelete(request);
    return answer;
}

static void add_job(ipp_t *r, int id, ipp_jstate_t state)
{
    char uuid[64];
    snprintf(uuid, sizeof(uuid), "urn:uuid:00000000-0000-4000-8000-%012d", id);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-id", id);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_ENUM, "job-state", (int)state);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_URI, "job-uuid", NULL, uuid);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "number-of-documents", 1);
}

static void test_reads_job_after_job(void **state)
{
    (void)state;
    ipp_t *r = answer_new();
    struct print_job j;
    add_job(r, 1, IPP_JSTATE_HELD);
    ippAddSeparator(r);
    add_job(r, 2, IPP_JSTATE_COMPLETED);
    ippAddSeparator(r);
    ipp_attribute_t *a = ippFirstAttribute(r);
    assert_true(print_job_read(r, &a, &j));
    assert_int_equal(j.id, 1);
    assert_int_equal(j.state, IPP_JSTATE_HELD);
    assert_int_equal(j.documents, 1);
    assert_true(print_job_read(r, &a, &j));
    assert_int_equal(j.id, 2);
    assert_string_equal(j.uuid, "urn:uuid:00000000-0000-4000-8000-000000000002");
    assert_false(a && print_job_read(r, &a, &j));
    ippDelete(r);
}

static void test_no_job_in_an_answer(void **state)
{
    (void)state;
    ipp_t *r = answer_new();
    struct print_job j;
    ipp_attribute_t *a = ippFirstAttribute(r);
    assert_false(print_job_read(r, &a, &j));
    assert_int_equal(j.id, 0);
    ippDelete(r);
}

static void test_values_of_other_types(void **state)
{
    (void)state;
    ipp_t *r = answer_new();
    struct print_job j;
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-id", NULL, "twelve");
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-uuid", 12);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-state-reasons", 12);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "job-printer-state-message", 12);
    ipp_attribute_t *a = ippFirstAttribute(r);
    assert_true(print_job_read(r, &a, &j));
    assert_int_equal(j.id, 0);
    assert_string_equal(j.uuid, "");
    assert_string_equal(j.reasons, "");
    assert_string_equal(j.message, "");
    ippDelete(r);
}

/* A printer that counts from its start says 0, or less, of what happened in its first second or before. */
static void test_what_happened_at_the_very_start_did_happen(void **state)
{
    (void)state;
    static const int times[] = { 7, 1, 0, -1, -5 };
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        ipp_t *r = answer_new();
        struct print_job j;
        add_job(r, 1, IPP_JSTATE_ABORTED);
        ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "time-at-processing", times[i]);
        ippAddOutOfBand(r, IPP_TAG_JOB, IPP_TAG_NOVALUE, "time-at-completed");
        ipp_attribute_t *a = ippFirstAttribute(r);
        assert_true(print_job_read(r, &a, &j));
        assert_int_equal(j.began, times[i] > 1 ? times[i] : 1);
        assert_int_equal(j.ended, 0);
        ippDelete(r);
    }
}

static void test_reasons_are_joined_and_bounded(void **state)
{
    (void)state;
    static const char *const words[] = { "none", "media-empty", "media-empty", "toner-low" };
    char long_word[600];
    ipp_t *r = answer_new();
    struct print_job j;
    memset(long_word, 'x', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    ippAddStrings(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-state-reasons", 4, NULL, words);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-printer-state-reasons", NULL, long_word);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_TEXT, "job-printer-state-message", NULL, long_word);
    ipp_attribute_t *a = ippFirstAttribute(r);
    assert_true(print_job_read(r, &a, &j));
    assert_string_equal(j.reasons, "media-empty,toner-low");
    assert_string_equal(j.message, "");
    assert_true(print_reason_has(j.reasons, "toner-low"));
    assert_false(print_reason_has(j.reasons, "toner"));
    ippDelete(r);
}

/* A driver may say anything; a word that JSON does not take would keep the letter's outcome from being told. */
static void test_reasons_are_keywords(void **state)
{
    (void)state;
    static const char *const words[] = { "media-\xff-jam", "door open", "a,b", "\x1b[2J", "toner-low" };
    ipp_t *r = answer_new();
    struct print_job j;
    ippAddStrings(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-state-reasons", 5, NULL, words);
    ipp_attribute_t *a = ippFirstAttribute(r);
    assert_true(print_job_read(r, &a, &j));
    assert_string_equal(j.reasons, "toner-low");
    ippDelete(r);
}

static void test_messages_are_clean_text(void **state)
{
    (void)state;
    char message[PRINT_WORDS] = "";
    ipp_t *r = answer_new();
    print_message_read(ippAddString(r, IPP_TAG_PRINTER, IPP_TAG_TEXT, "a", NULL, "Papier\nleer\x1b[2J: Ö"), message);
    assert_string_equal(message, "Papier leer [2J: Ö");
    message[0] = '\0';
    print_message_read(ippAddString(r, IPP_TAG_PRINTER, IPP_TAG_TEXT, "b", NULL, "\xff\xfe"), message);
    assert_string_equal(message, "");
    print_message_read(NULL, message);
    assert_string_equal(message, "");
    ippDelete(r);
}

static void test_uuids_in_any_case(void **state)
{
    (void)state;
    struct uuid u;
    struct print_job j = { .uuid = "urn:uuid:0189D6A6-0000-7ABC-8DEF-0123456789AB" };
    assert_int_equal(uuid_parse("0189d6a6-0000-7abc-8def-0123456789ab", &u), 0);
    assert_true(print_job_is(&j, &u));
    u.bytes[15]++;
    assert_false(print_job_is(&j, &u));
    assert_false(print_job_is(&(struct print_job){ 0 }, &u));
}

static void test_printer_trouble(void **state)
{
    (void)state;
    static const struct {
        ipp_pstate_t printer;
        bool accepting;
        const char *reasons, *for_new, *for_old;
    } cases[] = {
        { IPP_PSTATE_IDLE, true, "", NULL, NULL },
        { IPP_PSTATE_STOPPED, true, "paused", "printer-stopped", "printer-stopped" },
        { IPP_PSTATE_IDLE, false, "", "printer-not-accepting", NULL },
        { IPP_PSTATE_PROCESSING, true, "toner-low-warning,media-empty-error", NULL, "printer-media-empty-error" },
        { IPP_PSTATE_PROCESSING, true, "toner-low,media-jam", NULL, "printer-media-jam" },
        { IPP_PSTATE_PROCESSING, true, "offline-report", NULL, "printer-offline-report" },
        { IPP_PSTATE_PROCESSING, true, "media-empty-warning", NULL, NULL },
        { IPP_PSTATE_PROCESSING, true, "-error", NULL, NULL },
        { IPP_PSTATE_PROCESSING, true, "com.example.a-very-long-vendor-keyword-error", NULL,
          "printer-com.example.a-very-long" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (int new = 0; new < 2; new ++) {
            const char *want = new ? cases[i].for_new : cases[i].for_old;
            struct print_printer p = { .state = cases[i].printer, .accepting = cases[i].accepting };
            struct outcome o = { .kind = OUTCOME_SPOOLED };
            snprintf(p.reasons, sizeof(p.reasons), "%s", cases[i].reasons);
            assert_int_equal(print_printer_trouble(&p, "pin", new, &o), want != NULL);
            assert_string_equal(o.code, want ? want : "");
            assert_int_equal(o.destination, want != NULL);
            assert_int_equal(o.kind, OUTCOME_SPOOLED);
        }
}

static ipp_jstate_t told(ipp_jstate_t state, const char *reasons, bool counts, int documents)
{
    struct print_job j = { .id = 1, .state = state, .counts = counts, .documents = documents };
    snprintf(j.reasons, sizeof(j.reasons), "%s", reasons);
    print_job_tell_open(&j);
    return j.state;
}

static void test_jobs_that_wait_for_their_document(void **state)
{
    (void)state;
    assert_int_equal(told(IPP_JSTATE_HELD, "job-data-insufficient", false, 0), IPP_JSTATE_HELD);
    assert_int_equal(told(IPP_JSTATE_PENDING, "job-data-insufficient", false, 0), IPP_JSTATE_HELD);
    assert_int_equal(told(IPP_JSTATE_PENDING, "job-incoming", true, 0), IPP_JSTATE_HELD);
    assert_int_equal(told(IPP_JSTATE_HELD, "job-incoming", false, 0), IPP_JSTATE_PENDING);
    assert_int_equal(told(IPP_JSTATE_PENDING, "", false, 0), IPP_JSTATE_PENDING);
    assert_int_equal(told(IPP_JSTATE_PENDING, "", true, 1), IPP_JSTATE_PENDING);
    assert_int_equal(told(IPP_JSTATE_PROCESSING, "job-data-insufficient", true, 0), IPP_JSTATE_PROCESSING);
    assert_int_equal(told(IPP_JSTATE_CANCELED, "", true, 0), IPP_JSTATE_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_that_wait_for_their_document),
        cmocka_unit_test(test_reads_job_after_job),
        cmocka_unit_test(test_no_job_in_an_answer),
        cmocka_unit_test(test_values_of_other_types),
        cmocka_unit_test(test_what_happened_at_the_very_start_did_happen),
        cmocka_unit_test(test_reasons_are_joined_and_bounded),
        cmocka_unit_test(test_reasons_are_keywords),
        cmocka_unit_test(test_messages_are_clean_text),
        cmocka_unit_test(test_uuids_in_any_case),
        cmocka_unit_test(test_printer_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "print_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/clock.h>
#include <pindispatch/json.h>

static const struct uuid uuid = { { 1, 2, 3 } }, another = { { 4, 5, 6 } };

static struct print_job job_in(ipp_jstate_t state, int id)
{
    struct print_job j = { .id = id, .state = state, .documents = 1 };
    print_uuid(&uuid, j.uuid);
    return j;
}

static struct item item_with(ipp_jstate_t state)
{
    static struct parcel p;
    p = (struct parcel){ .job_uuid = uuid, .stage = STAGE_RELEASING };
    struct item i;
    item_begin(&i, &p);
    if (state)
        i.job = job_in(state, 7);
    return i;
}

static void test_judges_every_state(void **state)
{
    (void)state;
    static const struct {
        ipp_jstate_t job;
        enum outcome_kind completed, accepted;
        const char *code;
    } cases[] = {
        { 0, OUTCOME_IN_DOUBT, OUTCOME_IN_DOUBT, "history-gone" },
        { IPP_JSTATE_PENDING, OUTCOME_SPOOLED, OUTCOME_DELIVERED, "waiting" },
        { IPP_JSTATE_PROCESSING, OUTCOME_SPOOLED, OUTCOME_DELIVERED, "printing" },
        { IPP_JSTATE_STOPPED, OUTCOME_SPOOLED, OUTCOME_DELIVERED, "waiting" },
        { IPP_JSTATE_HELD, OUTCOME_SPOOLED, OUTCOME_SPOOLED, "job-held" },
        { IPP_JSTATE_COMPLETED, OUTCOME_DELIVERED, OUTCOME_DELIVERED, "printed" },
        { IPP_JSTATE_CANCELED, OUTCOME_FAILED, OUTCOME_FAILED, "job-canceled" },
        { IPP_JSTATE_ABORTED, OUTCOME_IN_DOUBT, OUTCOME_IN_DOUBT, "job-aborted" }, /* nobody says by whom */
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        struct outcome o = { 0 }, accepted = { 0 };
        struct item i = item_with(cases[n].job);
        item_judge(&i, "pin", false, &o);
        item_judge(&i, "pin", true, &accepted);
        assert_int_equal(o.kind, cases[n].completed);
        assert_string_equal(o.code, cases[n].code);
        assert_int_equal(accepted.kind, cases[n].accepted);
        outcome_release(&o);
        outcome_release(&accepted);
    }
}

static enum outcome_kind judge_ended(ipp_jstate_t state, const char *reasons, int sheets, unsigned pages)
{
    struct outcome o = { 0 };
    struct item i = item_with(state);
    i.pages = pages;
    i.job.sheets = sheets;
    snprintf(i.job.reasons, sizeof(i.job.reasons), "%s", reasons);
    item_judge(&i, "pin", false, &o);
    outcome_release(&o);
    return o.kind;
}

static void test_an_end_that_paper_contradicts_is_doubted(void **state)
{
    (void)state;
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "aborted-by-system", 0, 2), OUTCOME_FAILED);
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "aborted-by-system", 2, 2), OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "processing-to-stop-point", 0, 1), OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "job-printing", 0, 1), OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_CANCELED, "job-canceled-by-user", 1, 4), OUTCOME_FAILED);
    assert_int_equal(judge_ended(IPP_JSTATE_CANCELED, "job-canceled-by-user", 1, 1), OUTCOME_IN_DOUBT);
}

static void test_a_held_job_of_another_attempt_is_a_stray(void **state)
{
    (void)state;
    struct item i = item_with(0);
    const struct print_job stray = job_in(IPP_JSTATE_HELD, 9), released = job_in(IPP_JSTATE_COMPLETED, 9);
    i.known_id = 8;
    assert_true(item_is_stray(&i, &stray));
    item_consider(&i, &stray);
    assert_int_equal(i.job.id, 0); /* releasing it could print the letter a second time */
    item_consider(&i, &released);
    assert_int_equal(i.job.id, 9); /* somebody did */
    i = item_with(0);
    item_consider(&i, &stray);
    assert_int_equal(i.job.id, 9); /* nothing else was noted */
}

static void test_the_job_that_came_furthest_tells(void **state)
{
    (void)state;
    struct item i = item_with(0);
    const struct print_job cancelled = job_in(IPP_JSTATE_CANCELED, 3), completed = job_in(IPP_JSTATE_COMPLETED, 4),
                           held = job_in(IPP_JSTATE_HELD, 5);
    item_consider(&i, &cancelled);
    assert_int_equal(i.job.id, 3);
    item_consider(&i, &completed);
    item_consider(&i, &held);
    assert_int_equal(i.job.id, 4);
}

static void test_of_equal_jobs_the_noted_one_tells(void **state)
{
    (void)state;
    struct item i = item_with(0);
    const struct print_job first = job_in(IPP_JSTATE_ABORTED, 3), second = job_in(IPP_JSTATE_ABORTED, 4),
                           third = job_in(IPP_JSTATE_ABORTED, 5);
    i.known_id = 4;
    item_consider(&i, &first);
    item_consider(&i, &second);
    item_consider(&i, &third);
    assert_int_equal(i.job.id, 4);
}

static void test_an_ended_job_of_another_attempt_proves_nothing(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    struct item i = item_with(IPP_JSTATE_CANCELED);
    i.known_id = 8;
    item_judge(&i, "pin", false, &o);
    assert_int_equal(o.kind, OUTCOME_IN_DOUBT);
    outcome_release(&o);
}

static struct item begun_with(json_t *evidence, struct parcel *p)
{
    struct item i;
    *p = (struct parcel){ .job_uuid = uuid, .stage = STAGE_SPOOLED, .evidence = evidence };
    item_begin(&i, p);
    return i;
}

static void test_takes_up_the_evidence(void **state)
{
    (void)state;
    char text[PRINT_UUID];
    struct parcel p;
    struct item i = begun_with(json_pack("{s:i, s:s, s:i, s:b}", "job_id", 12, "job_uuid", print_uuid(&uuid, text),
                                         "pages", 2, "released", 1),
                               &p);
    assert_int_equal(i.known_id, 12);
    assert_int_equal(i.pages, 2);
    assert_true(i.released);
    assert_true(i.intended);
    json_decref(p.evidence);
}

static void test_evidence_of_another_copy_is_none(void **state)
{
    (void)state;
    char text[PRINT_UUID];
    struct parcel p;
    struct item i = begun_with(json_pack("{s:i, s:s}", "job_id", 12, "job_uuid", print_uuid(&another, text)), &p);
    assert_int_equal(i.known_id, 0);
    json_decref(p.evidence);
    i = begun_with(json_pack("[i]", 1), &p);
    assert_int_equal(i.known_id, 0);
    json_decref(p.evidence);
}

static void test_wants_release_only_by_intent(void **state)
{
    (void)state;
    struct item i = item_with(IPP_JSTATE_HELD);
    assert_true(item_wants_release(&i));
    i.released = true;
    assert_false(item_wants_release(&i));
    i.released = i.intended = false;
    assert_false(item_wants_release(&i));
    i = item_with(IPP_JSTATE_PENDING);
    assert_false(item_wants_release(&i));
}

static void test_is_ready(void **state)
{
    (void)state;
    struct item i = item_with(IPP_JSTATE_HELD);
    struct outcome o = { 0 };
    struct print_job good = job_in(IPP_JSTATE_HELD, 7), bad = good;
    assert_true(item_is_ready(&i, &good, &o));
    bad.documents = 2;
    assert_false(item_is_ready(&i, &bad, &o));
    assert_string_equal(o.code, "documents");
    bad = job_in(IPP_JSTATE_PENDING, 7);
    assert_false(item_is_ready(&i, &bad, &o));
    assert_string_equal(o.code, "not-held");
    print_uuid(&another, bad.uuid);
    assert_false(item_is_ready(&i, &bad, &o));
    assert_string_equal(o.code, "job-lost");
    bad = (struct print_job){ 0 };
    assert_false(item_is_ready(&i, &bad, &o));
    assert_int_equal(o.kind, OUTCOME_DEFERRED);
}

static void test_grades_the_proof(void **state)
{
    (void)state;
    static const struct {
        unsigned pages;
        int sheets;
        const char *reasons, *proof;
    } cases[] = {
        { 1, 1, "", "sheets" },
        { 1, 0, "", "job-state" },
        { 1, 2, "", "weak" },
        { 3, 2, "", "sheets" }, /* on both sides */
        { 3, 1, "", "weak" },
        { 0, 5, "", "sheets" }, /* how many there should be is not known */
        { 1, 1, "job-completed-successfully,cups-ipp-missing-job-history", "weak" },
        { 1, 1, "not-cups-ipp-missing-job-history", "sheets" },
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        struct item i = item_with(IPP_JSTATE_COMPLETED);
        i.pages = cases[n].pages;
        i.job.sheets = cases[n].sheets;
        snprintf(i.job.reasons, sizeof(i.job.reasons), "%s", cases[n].reasons);
        json_t *e = item_evidence(&i, "pin");
        assert_string_equal(json_text(e, "proof"), cases[n].proof);
        json_decref(e);
    }
}

/* Seen at 100 s, in the third life. */
static void test_a_restarted_server_may_have_begun_again(void **state)
{
    (void)state;
    static const char before[] = "00000000000000aa/3/90";
    static const struct {
        struct print_life now;
        ipp_jstate_t job;
        int began;
        bool interrupted;
    } cases[] = {
        { { "00000000000000aa/3/90", 3, 90, 0 }, IPP_JSTATE_COMPLETED, 105, false }, /* the same one, all the time */
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_COMPLETED, 106, true },
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_COMPLETED, 105, true },  /* within the very second */
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_COMPLETED, 104, false }, /* before, and not again */
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_COMPLETED, 0, true },    /* it says nothing of when */
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_PROCESSING, 105, true },
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_PENDING, 99, true }, /* it went back */
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_PENDING, 0, false },
        { { "00000000000000aa/4/105", 4, 105, 0 }, IPP_JSTATE_CANCELED, 106, false }, /* judged by its end */
        { { "00000000000000aa/5/105", 5, 105, 0 }, IPP_JSTATE_COMPLETED, 104, true }, /* in the life between */
        { { "00000000000000aa/5/105", 5, 105, 0 }, IPP_JSTATE_COMPLETED, 99, false },
        { { "00000000000000bb/4/105", 4, 105, 0 }, IPP_JSTATE_COMPLETED, 104, true }, /* it forgot us */
        { { "1234567", 0, 0, 0 }, IPP_JSTATE_COMPLETED, 104, true },                  /* it tells nothing */
        { { "1234567", 0, 0, 0 }, IPP_JSTATE_COMPLETED, 99, false },
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        struct item i = item_with(cases[n].job), next;
        struct outcome o = { 0 };
        i.job.began = cases[n].began;
        i.looked = 100 * MICROSECONDS_PER_SECOND;
        snprintf(i.life, sizeof(i.life), "%s", before);
        item_look(&i, 110 * MICROSECONDS_PER_SECOND, &cases[n].now, &cases[n].now);
        assert_int_equal(i.interrupted, cases[n].interrupted);
        item_judge(&i, "pin", false, &o);
        if (cases[n].job == IPP_JSTATE_COMPLETED) {
            assert_string_equal(o.code, cases[n].interrupted ? "maybe-twice" : "printed");
            assert_string_equal(json_text(o.evidence, "proof"),
                                cases[n].interrupted ? "reprint-possible" : "job-state");
        }
        assert_int_equal(i.looked, 110 * MICROSECONDS_PER_SECOND);
        /* The next look knows. */
        i.parcel->evidence = o.evidence;
        item_begin(&next, i.parcel);
        assert_int_equal(next.interrupted, cases[n].interrupted);
        assert_int_equal(next.looked, i.looked);
        assert_string_equal(next.life, cases[n].now.name);
        i.parcel->evidence = NULL;
        outcome_release(&o);
    }
}

/* It was restarted while it was asked: what it said may be of the life before. */
static void test_a_restart_within_a_look_is_the_next_look_s(void **state)
{
    (void)state;
    const struct print_life one = { "00000000000000aa/3/90", 3, 90, 0 },
                            two = { "00000000000000aa/4/105", 4, 105, 0 };
    struct item i = item_with(IPP_JSTATE_PENDING);
    i.looked = 100 * MICROSECONDS_PER_SECOND;
    snprintf(i.life, sizeof(i.life), "%s", one.name);
    item_look(&i, 104 * MICROSECONDS_PER_SECOND, &one, &two);
    assert_false(i.interrupted);
    i.job.state = IPP_JSTATE_COMPLETED;
    i.job.began = 105;
    item_look(&i, 110 * MICROSECONDS_PER_SECOND, &two, &two);
    assert_true(i.interrupted);
}

static void assert_document(ipp_jstate_t job, enum print_document document, const char *word)
{
    struct item i = item_with(job);
    i.job.document = document;
    json_t *e = item_evidence(&i, "pin");
    if (word)
        assert_string_equal(json_text(e, "document"), word);
    else
        assert_null(json_object_get(e, "document"));
    json_decref(e);
}

static void test_evidence_tells_of_the_document(void **state)
{
    (void)state;
    assert_document(IPP_JSTATE_COMPLETED, PRINT_DOCUMENT_GONE, "gone");
    assert_document(IPP_JSTATE_COMPLETED, PRINT_DOCUMENT_KEPT, "kept");
    assert_document(IPP_JSTATE_COMPLETED, PRINT_DOCUMENT_UNTOLD, "unknown");
    assert_document(IPP_JSTATE_ABORTED, PRINT_DOCUMENT_KEPT, "kept");
    assert_document(IPP_JSTATE_PENDING, PRINT_DOCUMENT_KEPT, NULL); /* it must be there yet */
}

/* A printer gives its jobs UUIDs of its own; before we know that one, a job is known by the name that we gave it. */
static void test_jobs_of_a_printer(void **state)
{
    (void)state;
    struct parcel p = { .job_uuid = uuid, .stage = STAGE_RELEASING };
    struct item first, later;
    struct print_job theirs = { .id = 7, .state = IPP_JSTATE_HELD, .uuid = "urn:uuid:theirs" }, named = theirs;
    item_begin(&first, &p);
    assert_false(item_is(&first, &theirs));
    print_uuid(&uuid, named.name);
    assert_true(item_is(&first, &named));
    snprintf(first.printer_uuid, sizeof(first.printer_uuid), "%s", theirs.uuid);
    first.job = theirs;
    p.evidence = item_evidence(&first, "ipps://printer/ipp/print");
    item_begin(&later, &p);
    assert_int_equal(later.known_id, 7);
    assert_true(item_is(&later, &theirs));
    snprintf(named.uuid, sizeof(named.uuid), "urn:uuid:another's"); /* whatever its name is */
    assert_false(item_is(&later, &named));
    json_decref(p.evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence_tells_of_the_document),
        cmocka_unit_test(test_jobs_of_a_printer),
        cmocka_unit_test(test_judges_every_state),
        cmocka_unit_test(test_an_end_that_paper_contradicts_is_doubted),
        cmocka_unit_test(test_a_held_job_of_another_attempt_is_a_stray),
        cmocka_unit_test(test_the_job_that_came_furthest_tells),
        cmocka_unit_test(test_of_equal_jobs_the_noted_one_tells),
        cmocka_unit_test(test_an_ended_job_of_another_attempt_proves_nothing),
        cmocka_unit_test(test_takes_up_the_evidence),
        cmocka_unit_test(test_evidence_of_another_copy_is_none),
        cmocka_unit_test(test_wants_release_only_by_intent),
        cmocka_unit_test(test_is_ready),
        cmocka_unit_test(test_grades_the_proof),
        cmocka_unit_test(test_a_restarted_server_may_have_begun_again),
        cmocka_unit_test(test_a_restart_within_a_look_is_the_next_look_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

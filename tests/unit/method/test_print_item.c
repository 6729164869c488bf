#include "print_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/clock.h>
#include <pindispatch/json.h>

static const struct print_place here = { "/run/cups/cups.sock", "pin" };
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
    item_begin(&i, &p, &here);
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
        item_judge(&i, NULL, false, &o);
        item_judge(&i, NULL, true, &accepted);
        assert_int_equal(o.kind, cases[n].completed);
        assert_string_equal(o.code, cases[n].code);
        assert_int_equal(accepted.kind, cases[n].accepted);
        outcome_release(&o);
        outcome_release(&accepted);
    }
}

static struct outcome judge_ended(ipp_jstate_t state, const char *reasons, int sheets, int began)
{
    static const struct law_habits counts = { .counting = LAW_COUNTS };
    struct outcome o = { 0 };
    struct item i = item_with(state);
    i.pages = 2;
    i.job.sheets = sheets;
    i.job.began = began;
    snprintf(i.job.message, sizeof(i.job.message), "%s", "The paper is jammed.");
    snprintf(i.job.reasons, sizeof(i.job.reasons), "%s", reasons);
    item_judge(&i, &counts, false, &o);
    outcome_release(&o);
    return o;
}

/* The law itself has its own test: this is what it is told. */
static void test_an_end_that_paper_contradicts_is_doubted(void **state)
{
    (void)state;
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "aborted-by-system", 0, 100).kind, OUTCOME_FAILED);
    assert_true(judge_ended(IPP_JSTATE_ABORTED, "aborted-by-system", 0, 100).unsure);
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "aborted-by-system", 2, 100).kind, OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_ABORTED, "job-printing", 0, 100).kind, OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_CANCELED, "job-canceled-by-user", 0, 0).kind, OUTCOME_FAILED);
    assert_int_equal(judge_ended(IPP_JSTATE_CANCELED, "job-canceled-by-user", 0, 100).kind, OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_COMPLETED, "job-completed-successfully", 0, 100).kind, OUTCOME_IN_DOUBT);
    assert_int_equal(judge_ended(IPP_JSTATE_COMPLETED, "job-completed-with-errors", 2, 100).kind, OUTCOME_IN_DOUBT);
}

/* The queue that has the job is named, and where it came from; what another queue usually does says nothing. */
static void test_a_moved_job_is_told_where_it_is(void **state)
{
    (void)state;
    static const struct law_habits counts = { .counting = LAW_COUNTS };
    struct outcome o = { 0 };
    struct item i = item_with(IPP_JSTATE_COMPLETED), next;
    snprintf(i.job.queue, sizeof(i.job.queue), "PIN");
    assert_false(item_is_moved(&i));
    snprintf(i.job.queue, sizeof(i.job.queue), "other");
    assert_true(item_is_moved(&i));
    item_judge(&i, &counts, false, &o);
    assert_int_equal(o.kind, OUTCOME_DELIVERED);
    assert_non_null(strstr(o.reason, "The printer other completed the job 7, which somebody moved there from pin"));
    assert_string_equal(json_text(o.evidence, "printer"), "other");
    assert_string_equal(json_text(o.evidence, "moved_from"), "pin");
    assert_string_equal(json_text(o.evidence, "cups_server"), here.server);
    i.parcel->evidence = o.evidence;
    item_begin(&next, i.parcel, &(struct print_place){ "ipps://elsewhere", "new" });
    assert_string_equal(next.place.printer, "pin");
    assert_string_equal(next.place.server, here.server);
    i.parcel->evidence = NULL;
    outcome_release(&o);
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
    item_judge(&i, NULL, false, &o);
    assert_int_equal(o.kind, OUTCOME_IN_DOUBT);
    outcome_release(&o);
}

static struct item begun_with(json_t *evidence, struct parcel *p)
{
    struct item i;
    *p = (struct parcel){ .job_uuid = uuid, .stage = STAGE_SPOOLED, .evidence = evidence };
    item_begin(&i, p, &here);
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

/* Everything that the law wants of earlier looks is in the evidence: whoever looks next knows it. */
static void test_a_second_beginning_is_seen_from_evidence(void **state)
{
    (void)state;
    const struct print_life life = { .name = "00000000000000aa/3/90", .count = 3, .started = 90 };
    struct item first = item_with(IPP_JSTATE_PROCESSING), second, third;
    first.job.began = 100;
    first.job.now = 101;
    item_look(&first, 5000, &life, &life);
    assert_false(first.again);
    first.parcel->evidence = item_evidence(&first, NULL);
    item_begin(&second, first.parcel, &here);
    assert_int_equal(second.seen.began, 100);
    assert_int_equal(second.since, 101);
    second.job = first.job;
    second.job.began = 107;
    second.job.now = 108;
    item_look(&second, 5007, &life, &life);
    assert_true(second.again);
    assert_int_equal(second.since, 108);
    json_decref(first.parcel->evidence);
    second.parcel->evidence = item_evidence(&second, NULL);
    item_begin(&third, second.parcel, &here);
    third.job = second.job;
    third.job.state = IPP_JSTATE_COMPLETED;
    item_look(&third, 5009, &life, &life);
    struct outcome o = { 0 };
    item_judge(&third, NULL, false, &o);
    assert_string_equal(o.code, "maybe-twice");
    json_decref(third.parcel->evidence);
    outcome_release(&o);
}

/* Seen at 100 s of the server, in its third life; our clock is ten minutes before it. */
static bool restarted(const struct print_life *now, int began)
{
    struct item i = item_with(IPP_JSTATE_COMPLETED);
    i.seen = (struct law_sight){ IPP_JSTATE_PENDING, 0, 0, 100 };
    snprintf(i.life, sizeof(i.life), "00000000000000aa/3/90");
    i.job.began = began;
    i.job.now = 110;
    item_look(&i, 110 - 600, now, now);
    assert_int_equal(i.seen.at, 110);
    assert_string_equal(i.life, now->name);
    return i.again;
}

static void test_a_restarted_server_may_have_begun_again(void **state)
{
    (void)state;
    const struct print_life same = { .name = "00000000000000aa/3/90", .count = 3, .started = 90 },
                            next = { .name = "00000000000000aa/4/105", .count = 4, .started = 105 },
                            later = { .name = "00000000000000aa/5/105", .count = 5, .started = 105 },
                            forgot = { .name = "00000000000000bb/4/105", .count = 4, .started = 105 },
                            untold = { .untold = true };
    assert_false(restarted(&same, 106));
    assert_true(restarted(&next, 106));
    assert_false(restarted(&next, 104));
    assert_true(restarted(&later, 104)); /* in the life between */
    assert_false(restarted(&later, 99));
    assert_true(restarted(&forgot, 104));
    assert_false(restarted(&untold, 106)); /* a server that does not tell is not restarted all the time */
}

/* It was restarted while it was asked: what it said may be of the life before. */
static void test_a_restart_within_a_look_is_the_next_look_s(void **state)
{
    (void)state;
    const struct print_life one = { .name = "00000000000000aa/3/90", .count = 3, .started = 90 },
                            two = { .name = "00000000000000aa/4/105", .count = 4, .started = 105 };
    struct item i = item_with(IPP_JSTATE_PENDING);
    i.seen = (struct law_sight){ IPP_JSTATE_PENDING, 0, 0, 100 };
    snprintf(i.life, sizeof(i.life), "%s", one.name);
    item_look(&i, 104, &one, &two);
    assert_false(i.again);
    i.job.state = IPP_JSTATE_COMPLETED;
    i.job.began = 105;
    item_look(&i, 110, &two, &two);
    assert_true(i.again);
}

static void assert_document(ipp_jstate_t job, enum print_document document, const char *word)
{
    struct item i = item_with(job);
    i.job.document = document;
    json_t *e = item_evidence(&i, NULL);
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
    const struct print_place direct = { "", "ipps://printer/ipp/print" };
    struct item first, later;
    struct print_job theirs = { .id = 7, .state = IPP_JSTATE_HELD, .uuid = "urn:uuid:theirs" }, named = theirs;
    item_begin(&first, &p, &direct);
    assert_false(item_is(&first, &theirs));
    print_uuid(&uuid, named.name);
    assert_true(item_is(&first, &named));
    snprintf(first.printer_uuid, sizeof(first.printer_uuid), "%s", theirs.uuid);
    first.job = theirs;
    p.evidence = item_evidence(&first, NULL);
    item_begin(&later, &p, &direct);
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
        cmocka_unit_test(test_a_moved_job_is_told_where_it_is),
        cmocka_unit_test(test_a_second_beginning_is_seen_from_evidence),
        cmocka_unit_test(test_a_restarted_server_may_have_begun_again),
        cmocka_unit_test(test_a_restart_within_a_look_is_the_next_look_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

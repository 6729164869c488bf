/* IPP operations against a real cupsd. */
#include "print_spooler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cups.h"
#include "desk.h"
#include "rows.h"

struct fixture {
    struct private_cups cups;
    struct stub_desk *desk;
    struct spooler *spooler;
    uint64_t last;
};

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    private_cups_start(&f->cups, "700");
    f->desk = stub_desk_new(method_print.settings);
    stub_desk_set(f->desk, "print.server", f->cups.server);
    *state = f;
    return spooler_new(&f->desk->desk, NULL, &f->spooler);
}

static int stop(void **state)
{
    struct fixture *f = *state;
    spooler_free(f->spooler);
    stub_desk_free(f->desk);
    private_cups_stop(&f->cups);
    free(f);
    return 0;
}

static struct print_job create(struct fixture *f)
{
    struct print_job j;
    struct outcome trouble = { 0 };
    const struct uuid u = uuid_v7(clock_now(&clock_real), &f->last);
    assert_int_equal(spooler_create(f->spooler, "a test", &u, &j, &trouble), 0);
    assert_int_equal(j.state, IPP_JSTATE_HELD);
    return j;
}

static struct print_job send_letter(struct fixture *f, int id)
{
    struct print_job j;
    struct outcome trouble = { 0 };
    struct document d = DOCUMENT;
    d.media_type = "application/pdf";
    assert_int_equal(buffer_add(&d.bytes, f->desk->document, f->desk->document_size), 0);
    assert_int_equal(spooler_send(f->spooler, id, &d, &j, &trouble), 0);
    document_release(&d);
    return j;
}

static struct print_job look_up(struct fixture *f, int id)
{
    struct print_job j;
    struct outcome trouble = { 0 };
    assert_int_equal(spooler_jobs(f->spooler, &id, 1, &j, &trouble), 0);
    return j;
}

static void test_two_steps(void **state)
{
    struct fixture *f = *state;
    struct outcome trouble = { 0 };
    struct print_job j = create(f);
    assert_int_equal(look_up(f, j.id).documents, 0);
    assert_int_equal(send_letter(f, j.id).state, IPP_JSTATE_HELD);
    assert_int_equal(look_up(f, j.id).documents, 1);
    assert_int_equal(spooler_release(f->spooler, j.id, &trouble), 0);
    assert_true(print_job_rank(&(struct print_job){ .state = look_up(f, j.id).state }) >= 3);
    assert_int_equal(spooler_release(f->spooler, j.id, &trouble), SPOOLER_UNFIT);
    assert_int_equal(f->desk->deadline_calls > 0, 1);
}

static void test_a_cancelled_job_swallows_its_document(void **state)
{
    struct fixture *f = *state;
    struct outcome trouble = { 0 };
    struct print_job j = create(f);
    assert_int_equal(spooler_cancel(f->spooler, j.id, &trouble), 0);
    assert_int_equal(send_letter(f, j.id).state, IPP_JSTATE_CANCELED);
    assert_int_equal(look_up(f, j.id).state, IPP_JSTATE_CANCELED);
    assert_int_equal(spooler_cancel(f->spooler, j.id, &trouble), SPOOLER_UNFIT);
}

static void test_unknown_jobs(void **state)
{
    struct fixture *f = *state;
    struct outcome trouble = { 0 };
    struct print_job jobs[3], a = create(f), b = create(f);
    const int ids[] = { a.id, 1234567, b.id };
    assert_int_equal(spooler_jobs(f->spooler, ids, 3, jobs, &trouble), 0);
    assert_int_equal(jobs[0].id, a.id);
    assert_int_equal(jobs[1].id, 0);
    assert_int_equal(jobs[2].id, b.id);
    assert_int_equal(spooler_jobs(f->spooler, ids, 0, jobs, &trouble), 0);
    assert_int_equal(spooler_release(f->spooler, 1234567, &trouble), SPOOLER_GONE);
    assert_int_equal(spooler_cancel(f->spooler, 1234567, &trouble), SPOOLER_GONE);
}

static void count(void *userdata, const struct print_job *j)
{
    unsigned char *seen = userdata;
    assert_true(j->id > 0 && j->id < 1000);
    assert_true(j->uuid[0]);
    seen[j->id]++;
}

static void test_lists_more_jobs_than_one_answer_holds(void **state)
{
    struct fixture *f = *state;
    struct outcome trouble = { 0 };
    unsigned char seen[1000] = { 0 };
    int first = create(f).id, last = first;
    for (int i = 0; i < 520; i++)
        last = create(f).id;
    assert_int_equal(spooler_each(f->spooler, count, seen, &trouble), 0);
    for (int id = first; id <= last; id++)
        assert_int_equal(seen[id], 1);
}

static void test_refused_document(void **state)
{
    struct fixture *f = *state;
    struct outcome trouble = { 0 };
    struct print_job j = create(f);
    struct document d = DOCUMENT;
    d.media_type = "application/x-unheard-of";
    assert_int_equal(buffer_add_text(&d.bytes, "nothing"), 0);
    assert_int_equal(spooler_send(f->spooler, j.id, &d, &j, &trouble), 1);
    document_release(&d);
    assert_int_equal(trouble.kind, OUTCOME_FAILED); /* the letter's fault: the printer goes on with others */
    assert_false(trouble.destination);
    assert_string_equal(trouble.code, "ipp-040a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_steps),        cmocka_unit_test(test_a_cancelled_job_swallows_its_document),
        cmocka_unit_test(test_unknown_jobs),     cmocka_unit_test(test_lists_more_jobs_than_one_answer_holds),
        cmocka_unit_test(test_refused_document),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

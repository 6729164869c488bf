/* Letters through a real cupsd whose printer keeps what it prints. */
#include "rows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>

#include "cups.h"
#include "desk.h"
#include "print_spooler.h"

enum { PATIENCE_MILLISECONDS = 10 * 1000, POLL_MILLISECONDS = 20 };

static struct private_cups cups; /* one server for the whole program: starting it is the slow part */

static int start(void **state)
{
    (void)state;
    private_cups_start(&cups, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    private_cups_stop(&cups);
    return 0;
}

static int desk_setup(void **state)
{
    struct stub_desk *s = stub_desk_new(method_print.settings);
    stub_desk_set(s, "print.server", cups.server);
    *state = s;
    return 0;
}

/* The session that a desk's deliveries share: another one would be a worker that did not see what went on before. */
static struct {
    struct stub_desk *of;
    void *session;
} kept;

static void leave_session(void)
{
    if (kept.of)
        method_print.close(kept.session);
    kept.of = NULL;
}

static int desk_teardown(void **state)
{
    leave_session();
    stub_desk_free(*state);
    private_cups_fault(&cups, NULL);
    private_cups_run(&cups, "cupsenable", "pin");
    private_cups_run(&cups, "cupsaccept", "pin");
    return 0;
}

static int deliver(struct stub_desk *s)
{
    if (kept.of != s) {
        leave_session();
        assert_int_equal(method_print.open(&s->desk, &kept.session), 0);
        kept.of = s;
    }
    int r = method_print.deliver(&s->desk, kept.session);
    assert_int_equal(s->armed, 0);
    return r;
}

/* Follows a spooled letter as the dispatcher does, until it is something else. */
static void follow_while(struct stub_desk *s, struct stub_parcel *p, const char *code)
{
    for (int waited = 0; waited < PATIENCE_MILLISECONDS; waited += POLL_MILLISECONDS) {
        bool same = code ? strcmp(p->outcome.code, code) == 0 : p->outcome.kind == OUTCOME_SPOOLED;
        if (!same)
            return;
        usleep(POLL_MILLISECONDS * 1000);
        stub_desk_again(s, p, STAGE_SPOOLED, p->outcome.evidence);
        assert_int_equal(deliver(s), 0);
    }
}

static void assert_outcome(const struct stub_parcel *p, enum outcome_kind kind, const char *code, bool destination)
{
    if (p->outcome.kind != kind || strcmp(p->outcome.code, code) != 0)
        print_error("got %s %s: %s\n", outcome_name(p->outcome.kind), p->outcome.code, p->outcome.reason);
    assert_true(p->reported);
    assert_int_equal(p->outcome.kind, kind);
    assert_string_equal(p->outcome.code, code);
    assert_int_equal(p->outcome.destination, destination);
    assert_true(strlen(p->outcome.reason) > 10);
}

static unsigned printed(const struct stub_parcel *p, char path[160])
{
    char uuid[UUID_TEXT];
    return private_cups_printed(&cups, uuid_format(&p->parcel.job_uuid, uuid), path);
}

static void assert_delivered_once(struct stub_desk *s, struct stub_parcel *p)
{
    follow_while(s, p, NULL);
    assert_outcome(p, OUTCOME_DELIVERED, "printed", false);
    assert_int_equal(printed(p, NULL), 1);
}

/* The same with a server that was restarted meanwhile. */
static void assert_delivered_once_restarted(struct stub_desk *s, struct stub_parcel *p)
{
    follow_while(s, p, NULL);
    assert_int_equal(p->outcome.kind, OUTCOME_DELIVERED);
    assert_int_equal(printed(p, NULL), 1);
}

/* Is nothing printed, also not a little later? */
static void assert_not_printed(const struct stub_parcel *p)
{
    usleep(300 * 1000);
    assert_int_equal(printed(p, NULL), 0);
}

/* -- jobs that somebody else made, or left */

struct wanted {
    const struct uuid *uuid;
    unsigned by_state[16];
    struct print_job last;
};

static void count_job(void *userdata, const struct print_job *j)
{
    struct wanted *w = userdata;
    if (!print_job_is(j, w->uuid))
        return;
    w->by_state[j->state]++;
    w->last = *j;
}

static struct wanted jobs_of(struct stub_desk *s, const struct parcel *p)
{
    struct wanted w = { .uuid = &p->job_uuid };
    struct spooler *spooler = NULL;
    struct outcome trouble = { 0 };
    assert_int_equal(spooler_new(&s->desk, NULL, &spooler), 0);
    assert_int_equal(spooler_each(spooler, count_job, &w, &trouble), 0);
    spooler_free(spooler);
    return w;
}

/* What an attempt leaves that dies after making its job, or after sending its document. */
static int leave_job(struct stub_desk *s, const struct parcel *p, bool with_document, bool release)
{
    struct spooler *spooler = NULL;
    struct outcome trouble = { 0 };
    struct print_job job, sent;
    struct document d = DOCUMENT;
    char name[UUID_TEXT];
    d.media_type = "application/pdf";
    assert_int_equal(spooler_new(&s->desk, NULL, &spooler), 0);
    assert_int_equal(spooler_create(spooler, uuid_format(&p->id, name), &p->job_uuid, &job, &trouble), 0);
    assert_int_equal(buffer_add(&d.bytes, s->document, s->document_size), 0);
    if (with_document)
        assert_int_equal(spooler_send(spooler, job.id, &d, &sent, &trouble), 0);
    if (release)
        assert_int_equal(spooler_release(spooler, job.id, &trouble), 0);
    document_release(&d);
    spooler_free(spooler);
    return job.id;
}

/* -- the sweep */

static void tidy(struct stub_desk *s, bool clean)
{
    void *session = NULL;
    assert_int_equal(method_print.open(&s->desk, &session), 0);
    assert_int_equal(method_print.tidy(&s->desk, session), clean ? 0 : 1);
    method_print.close(session);
}

static void test_sweeps_what_is_nobodys(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *nobodys = stub_desk_add(s, STAGE_FRESH), *in_hand = stub_desk_add(s, STAGE_FRESH);
    leave_job(s, &nobodys->parcel, true, false);
    leave_job(s, &in_hand->parcel, true, false);
    tidy(s, true);
    assert_int_equal(s->leftovers_calls, 1);
    assert_int_equal(jobs_of(s, &nobodys->parcel).by_state[IPP_JSTATE_HELD], 1);
    s->left = &nobodys->parcel.job_uuid;
    tidy(s, false);
    assert_int_equal(jobs_of(s, &nobodys->parcel).by_state[IPP_JSTATE_CANCELED], 1);
    assert_int_equal(jobs_of(s, &in_hand->parcel).by_state[IPP_JSTATE_HELD], 1);
    s->left = &in_hand->parcel.job_uuid;
    tidy(s, false);
    assert_int_equal(jobs_of(s, &in_hand->parcel).by_state[IPP_JSTATE_CANCELED], 1);
    s->leftovers_calls = 0;
    tidy(s, true);
    assert_int_equal(s->leftovers_calls, 0); /* nothing is held: nobody is asked */
    stub_desk_set(s, "print.server", "/nonexistent");
    tidy(s, false);
}

static void release_meanwhile(struct stub_desk *s, const struct waiting *w, size_t n)
{
    struct spooler *spooler = NULL;
    struct outcome trouble = { 0 };
    assert_int_equal(spooler_new(&s->desk, NULL, &spooler), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(spooler_release(spooler, w[i].job, &trouble), 0);
    spooler_free(spooler);
}

/* The attempt that made it still lived, and got its commit between the list and the answer. */
static void test_sweep_spares_what_went_on(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_RELEASING);
    private_cups_run(&cups, "cupsdisable", "pin");
    leave_job(s, &p->parcel, true, false);
    s->left = &p->parcel.job_uuid;
    s->on_leftovers = release_meanwhile;
    tidy(s, false);
    assert_int_equal(jobs_of(s, &p->parcel).by_state[IPP_JSTATE_PENDING], 1);
    private_cups_run(&cups, "cupsenable", "pin");
    assert_int_equal(deliver(s), 0);
    assert_delivered_once(s, p);
}

/* -- the ordinary */

static void test_delivers(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    char uuid[PRINT_UUID], path[160];
    assert_int_equal(deliver(s), 0);
    assert_int_equal(p->outcome.kind, OUTCOME_SPOOLED);
    assert_string_equal(s->trail, "next compose mark report ");
    assert_string_equal(json_text(p->mark, "job_uuid"), print_uuid(&p->parcel.job_uuid, uuid));
    assert_true(json_number(p->mark, "job_id", 0) > 0);
    assert_delivered_once(s, p);
    const json_t *e = p->outcome.evidence;
    assert_string_equal(json_text(e, "job_uuid"), uuid);
    assert_string_equal(json_text(e, "printer"), "pin");
    assert_string_equal(json_text(e, "job_state"), "completed");
    assert_int_equal(json_number(e, "sheets", -1), 1);
    assert_string_equal(json_text(e, "proof"), "sheets");
    assert_true(json_is_true(json_object_get(e, "released")));

    struct buffer b = BUFFER(64 * 1024);
    printed(p, path);
    assert_int_equal(file_read(path, &b), 0);
    assert_int_equal(buffer_size(&b), s->document_size);
    assert_memory_equal(buffer_bytes(&b), s->document, s->document_size);
    buffer_release(&b);
}

/* The private cupsd is as a queue for PINs must be. */
static void test_queue_is_judged_before_letters(void **state)
{
    struct stub_desk *s = *state;
    stub_desk_set(s, "print.spool_guard", "require");
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    assert_int_equal(deliver(s), 0);
    assert_int_equal(s->findings_calls, 1);
    assert_int_equal(json_array_size(s->findings), 0);
    assert_delivered_once(s, p);
    assert_string_equal(json_text(p->outcome.evidence, "document"), "gone");
    assert_null(json_object_get(p->outcome.evidence, "guard"));
}

static void test_many_at_once(void **state)
{
    struct stub_desk *s = *state;
    for (int i = 0; i < 70; i++)
        stub_desk_add(s, STAGE_FRESH);
    assert_int_equal(deliver(s), 0);
    assert_int_equal(s->mark_calls, 3); /* a commit for a batch, not for a letter */
    for (int i = 0; i < 70; i++)
        assert_delivered_once(s, s->parcels[i]);
}

static void look_at_mark(struct stub_desk *s, struct parcel *const *p, size_t n)
{
    (void)s;
    for (size_t i = 0; i < n; i++) {
        struct stub_desk *other = stub_desk_new(method_print.settings);
        stub_desk_set(other, "print.server", cups.server);
        struct wanted w = jobs_of(other, p[i]);
        stub_desk_free(other);
        assert_int_equal(w.by_state[IPP_JSTATE_HELD], 1);
        assert_int_equal(w.last.documents, 1);
    }
}

static void test_nothing_moves_before_the_commit(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    s->on_mark = look_at_mark;
    assert_int_equal(deliver(s), 0);
    assert_int_equal(s->mark_calls, 1);
    assert_delivered_once(s, p);
}

static void test_commit_fails(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    s->mark_fails = -EIO;
    assert_int_equal(deliver(s), -EIO);
    assert_not_printed(p);
    /* Nobody is there who knows whether it was committed: what is held stays for the next attempt. */
    struct wanted w = jobs_of(s, &p->parcel);
    assert_int_equal(w.by_state[IPP_JSTATE_HELD], 1);
    s->mark_fails = 0;
    stub_desk_again(s, p, STAGE_RELEASING, NULL);
    assert_int_equal(deliver(s), 0);
    assert_delivered_once(s, p);
}

static void test_commit_not_heard_of(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    s->mark_fails = -EPIPE;
    assert_int_equal(deliver(s), -EPIPE);
    assert_not_printed(p);
    struct wanted w = jobs_of(s, &p->parcel);
    assert_int_equal(w.by_state[IPP_JSTATE_CANCELED], 1);
    assert_int_equal(w.by_state[IPP_JSTATE_HELD], 0);
}

static void test_commit_refused(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    s->mark_fails = -ECANCELED;
    assert_int_equal(deliver(s), 0); /* the worker goes on */
    assert_outcome(p, OUTCOME_DEFERRED, "not-committed", false);
    s->mark_fails = 0;
    stub_desk_again(s, p, STAGE_BEGUN, NULL);
    assert_int_equal(deliver(s), 0);
    assert_delivered_once(s, p);
}

static void test_spooler_is_enough(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    stub_desk_set(s, "print.confirm", "accepted");
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DELIVERED, "accepted", false);
    assert_true(json_number(p->outcome.evidence, "job_id", 0) > 0);
}

static void test_letter_that_cannot_be_made(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *bad = stub_desk_add(s, STAGE_FRESH), *good = stub_desk_add(s, STAGE_FRESH);
    outcome_set(&bad->trouble, OUTCOME_FAILED, "glyph-missing", "The font lacks a letter of data.holder.name.");
    assert_int_equal(deliver(s), 0);
    assert_outcome(bad, OUTCOME_FAILED, "glyph-missing", false);
    assert_delivered_once(s, good);
}

/* -- interrupted attempts */

static void die_at_mark(struct stub_desk *s, struct parcel *const *p, size_t n)
{
    (void)s, (void)p, (void)n;
    _exit(42);
}

/* A worker that is killed while it waits for the commit: the letter lies held at the server. */
static void deliver_and_die(struct stub_desk *s)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        s->on_mark = die_at_mark;
        deliver(s);
        _exit(0);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void test_killed_before_the_commit(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    deliver_and_die(s);
    assert_int_equal(jobs_of(s, &p->parcel).by_state[IPP_JSTATE_HELD], 1);
    leave_job(s, &p->parcel, false, false); /* another one died before its document */
    stub_desk_again(s, p, STAGE_BEGUN, NULL);
    assert_int_equal(deliver(s), 0);
    assert_int_equal(p->composed, 1);
    assert_delivered_once(s, p);
    struct wanted w = jobs_of(s, &p->parcel);
    assert_int_equal(w.by_state[IPP_JSTATE_CANCELED], 2);
    assert_int_equal(w.by_state[IPP_JSTATE_COMPLETED], 1);
}

/* Somebody ends or releases the held job between our look (two pages of jobs) and our cancelling. */
static struct {
    unsigned requests;
    int id;
    bool release;
} meddler;

static void meddle(struct desk *d, unsigned seconds)
{
    struct stub_desk *other;
    struct spooler *spooler = NULL;
    struct outcome trouble = { 0 };
    ((struct stub_desk *)d)->armed = seconds;
    if (!seconds || ++meddler.requests != 3)
        return;
    other = stub_desk_new(method_print.settings);
    stub_desk_set(other, "print.server", cups.server);
    assert_int_equal(spooler_new(&other->desk, NULL, &spooler), 0);
    assert_int_equal((meddler.release ? spooler_release : spooler_cancel)(spooler, meddler.id, &trouble), 0);
    spooler_free(spooler);
    stub_desk_free(other);
    usleep(300 * 1000); /* it is printed by now */
}

static void deliver_with_meddler(struct stub_desk *s, struct stub_parcel *p, bool release)
{
    int id = leave_job(s, &p->parcel, true, false);
    meddler.id = id;
    meddler.requests = 0;
    meddler.release = release;
    s->desk.deadline = meddle;
    assert_int_equal(deliver(s), 0);
    assert_true(meddler.requests > 3);
    assert_delivered_once(s, p);
}

static void test_leftover_is_cancelled_by_another(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_BEGUN);
    deliver_with_meddler(s, p, false);
    assert_int_equal(p->composed, 1);
}

static void test_leftover_is_released_by_another(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_BEGUN);
    deliver_with_meddler(s, p, true);
    assert_int_equal(p->composed, 0);
}

static void test_killed_after_the_commit(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    deliver_and_die(s);
    stub_desk_again(s, p, STAGE_RELEASING, NULL);
    assert_int_equal(deliver(s), 0);
    assert_int_equal(p->composed, 0);
    assert_delivered_once(s, p);
}

static void test_killed_after_the_release(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_RELEASING);
    leave_job(s, &p->parcel, true, true);
    assert_int_equal(deliver(s), 0);
    assert_int_equal(p->composed, 0);
    assert_delivered_once(s, p);
    stub_desk_again(s, p, STAGE_RELEASING, NULL);
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DELIVERED, "printed", false);
    assert_int_equal(printed(p, NULL), 1);
}

static void test_released_although_only_begun(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_BEGUN);
    leave_job(s, &p->parcel, true, true);
    assert_int_equal(deliver(s), 0);
    assert_int_equal(p->composed, 0);
    assert_int_equal(s->mark_calls, 0);
    assert_delivered_once(s, p);
}

/* A person at the printer cancels the first letter's job while the second one is being made. */
static void cancel_first(struct stub_desk *s, const struct parcel *p)
{
    char id[32];
    if (p == &s->parcels[0]->parcel)
        return;
    struct wanted w = jobs_of(s, &s->parcels[0]->parcel);
    snprintf(id, sizeof(id), "pin-%d", w.last.id);
    private_cups_run(&cups, "cancel", id);
}

static void test_cancelled_while_it_is_held(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH), *q = stub_desk_add(s, STAGE_FRESH);
    s->on_compose = cancel_first;
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DEFERRED, "not-held", false);
    assert_int_equal(p->marked, 0);
    assert_delivered_once(s, q);
    s->on_compose = NULL;
    stub_desk_again(s, p, STAGE_BEGUN, NULL);
    assert_int_equal(deliver(s), 0);
    assert_delivered_once(s, p);
}

/* A person releases it instead: paper comes of it, and a new job would be a second one. */
static void release_first(struct stub_desk *s, const struct parcel *p)
{
    struct spooler *spooler = NULL;
    struct outcome trouble = { 0 };
    if (p == &s->parcels[0]->parcel)
        return;
    struct wanted w = jobs_of(s, &s->parcels[0]->parcel);
    assert_int_equal(spooler_new(&s->desk, NULL, &spooler), 0);
    assert_int_equal(spooler_release(spooler, w.last.id, &trouble), 0);
    spooler_free(spooler);
}

static void test_released_while_the_batch_is_made(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH), *q = stub_desk_add(s, STAGE_FRESH);
    private_cups_fault(&cups, "slow 1");
    s->on_compose = release_first;
    assert_int_equal(deliver(s), 0);
    assert_int_equal(p->marked, 0);
    assert_delivered_once(s, p);
    assert_int_equal(p->composed, 1);
    assert_delivered_once(s, q);
}

/* Whoever released a leftover and then cancelled it may have the paper already. */
static void test_leftover_that_was_begun_is_doubted(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_BEGUN);
    char id[32];
    private_cups_fault(&cups, "after 20");
    snprintf(id, sizeof(id), "pin-%d", leave_job(s, &p->parcel, true, true));
    for (int waited = 0; waited < PATIENCE_MILLISECONDS && !printed(p, NULL); waited += POLL_MILLISECONDS)
        usleep(POLL_MILLISECONDS * 1000);
    private_cups_run(&cups, "cancel", id);
    assert_int_equal(deliver(s), 0);
    follow_while(s, p, NULL);
    assert_outcome(p, OUTCOME_IN_DOUBT, "job-canceled", false);
    assert_int_equal(p->composed, 0);
    assert_int_equal(printed(p, NULL), 1);
}

static void test_history_gone(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_RELEASING), *q = stub_desk_add(s, STAGE_SPOOLED);
    struct stub_parcel *other = stub_desk_add(s, STAGE_FRESH);
    char uuid[PRINT_UUID];
    int id = leave_job(s, &other->parcel, true, true);
    other->handed = true;
    /* Q's evidence names an id that is another letter's job by now. */
    q->parcel.evidence =
        json_pack("{s:i, s:s, s:b}", "job_id", id, "job_uuid", print_uuid(&q->parcel.job_uuid, uuid), "released", 1);
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_IN_DOUBT, "history-gone", false);
    assert_outcome(q, OUTCOME_IN_DOUBT, "history-gone", false);
    assert_int_equal(p->composed + q->composed, 0);
}

static void test_only_an_earlier_job_is_known(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_RELEASING);
    char uuid[PRINT_UUID], id[16];
    int left = leave_job(s, &p->parcel, false, false);
    snprintf(id, sizeof(id), "pin-%d", left);
    private_cups_run(&cups, "cancel", id);
    p->parcel.evidence = json_pack("{s:i, s:s}", "job_id", 999999, "job_uuid", print_uuid(&p->parcel.job_uuid, uuid));
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_IN_DOUBT, "history-gone", false);
}

/* -- the printer's word */

static void test_aborted(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    private_cups_fault(&cups, "fail");
    assert_int_equal(deliver(s), 0);
    follow_while(s, p, NULL);
    assert_outcome(p, OUTCOME_FAILED, "job-aborted", false);
    assert_non_null(strstr(p->outcome.reason, "jammed"));
    assert_int_equal(printed(p, NULL), 0);
}

static void test_cancelled_by_a_person(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    char id[32];
    private_cups_fault(&cups, "slow 20");
    assert_int_equal(deliver(s), 0);
    follow_while(s, p, "waiting");
    snprintf(id, sizeof(id), "pin-%d", (int)json_number(p->outcome.evidence, "job_id", 0));
    private_cups_run(&cups, "cancel", id);
    follow_while(s, p, NULL);
    assert_outcome(p, OUTCOME_IN_DOUBT, "job-canceled", false); /* it was being printed */
}

static void test_no_history_is_weak_proof(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    private_cups_fault(&cups, "no-history");
    assert_int_equal(deliver(s), 0);
    assert_delivered_once(s, p);
    assert_string_equal(json_text(p->outcome.evidence, "proof"), "weak");
}

/* -- the destination's troubles */

static void test_queue_stopped(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH), *q = stub_desk_add(s, STAGE_BEGUN);
    private_cups_run(&cups, "cupsdisable", "pin");
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DEFERRED, "printer-stopped", true);
    assert_outcome(q, OUTCOME_DEFERRED, "printer-stopped", true);
    assert_int_equal(p->composed + q->composed, 0); /* no letter is made for a printer that stands */
    private_cups_run(&cups, "cupsenable", "pin");
    stub_desk_again(s, p, STAGE_BEGUN, NULL);
    stub_desk_again(s, q, STAGE_BEGUN, NULL);
    assert_int_equal(deliver(s), 0);
    assert_delivered_once(s, p);
    assert_delivered_once(s, q);
}

static void test_printer_stops_while_it_prints(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    private_cups_fault(&cups, "stop");
    assert_int_equal(deliver(s), 0);
    follow_while(s, p, "waiting");
    follow_while(s, p, "printing");
    follow_while(s, p, "begun-again");
    assert_outcome(p, OUTCOME_SPOOLED, "printer-stopped", true);
    assert_non_null(strstr(p->outcome.reason, "toner"));
    assert_non_null(strstr(p->outcome.reason, "may come out twice"));
    private_cups_fault(&cups, NULL);
    private_cups_run(&cups, "cupsenable", "pin");
    follow_while(s, p, NULL);
    assert_outcome(p, OUTCOME_DELIVERED, "maybe-twice", false); /* who knows how far it had come */
    assert_int_equal(printed(p, NULL), 1);
}

static void test_queue_refuses(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
    private_cups_run(&cups, "cupsreject", "pin");
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DEFERRED, "printer-not-accepting", true);
    assert_int_equal(p->composed, 0);
}

static void test_no_such_printer(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH), *q = stub_desk_add(s, STAGE_SPOOLED);
    stub_desk_set(s, "print.printer", "no such printer");
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DEFERRED, "printer-not-found", true);
    assert_outcome(q, OUTCOME_IN_DOUBT, "history-gone", false); /* a queue that is removed takes its jobs along */
}

static void test_no_server(void **state)
{
    struct stub_desk *s = *state;
    struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH), *q = stub_desk_add(s, STAGE_RELEASING);
    char uuid[PRINT_UUID];
    stub_desk_set(s, "print.server", "/tmp/no-such-folder/cups.sock");
    q->parcel.evidence = json_pack("{s:i, s:s}", "job_id", 7, "job_uuid", print_uuid(&q->parcel.job_uuid, uuid));
    assert_int_equal(deliver(s), 0);
    assert_outcome(p, OUTCOME_DEFERRED, "server-gone", true);
    assert_outcome(q, OUTCOME_SPOOLED, "server-gone", true); /* never made anew */
    assert_int_equal(json_number(q->outcome.evidence, "job_id", 0), 7);
    assert_int_equal(p->composed, 0);
}

static void test_spooler_full(void **state)
{
    struct stub_desk *s = *state;
    struct private_cups small;
    private_cups_start(&small, "2");
    stub_desk_set(s, "print.server", small.server);
    for (int i = 0; i < 4; i++)
        stub_desk_add(s, STAGE_FRESH);
    assert_int_equal(deliver(s), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(s->parcels[i]->outcome.kind, OUTCOME_SPOOLED);
    for (int i = 2; i < 4; i++)
        assert_outcome(s->parcels[i], OUTCOME_DEFERRED, "spooler-full", true);
    assert_int_equal(s->parcels[3]->composed, 0);
    private_cups_stop(&small);
}

static void deliver_over_broken_connection(struct stub_desk *s, const char *server)
{
    void *session = NULL;
    stub_desk_set(s, "print.server", server);
    assert_int_equal(method_print.open(&s->desk, &session), 0);
    for (int i = 0; i < 2; i++) {
        struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
        assert_int_equal(method_print.deliver(&s->desk, session), 0);
        assert_int_equal(p->outcome.kind, OUTCOME_SPOOLED);
        assert_false(p->outcome.destination);
        private_cups_reload(&cups);
        assert_delivered_once_restarted(s, p);
    }
    method_print.close(session);
}

static void test_kept_connection_breaks(void **state)
{
    deliver_over_broken_connection(*state, cups.server);
    deliver_over_broken_connection(*state, cups.tcp);
}

/* -- lost requests and answers: what was done is found out, and nothing is done twice */

static void test_request_or_answer_lost(void **state)
{
    static const struct {
        ipp_op_t operation;
        bool before;
        bool after_commit;
    } cases[] = {
        { IPP_OP_GET_PRINTER_ATTRIBUTES, false, false },
        { IPP_OP_CREATE_JOB, false, false },
        { IPP_OP_CREATE_JOB, true, false },
        { IPP_OP_SEND_DOCUMENT, false, false },
        { IPP_OP_SEND_DOCUMENT, true, false },
        { IPP_OP_GET_JOBS, false, false },
        { IPP_OP_RELEASE_JOB, false, true },
        { IPP_OP_RELEASE_JOB, true, true },
    };
    struct stub_desk *s = *state;
    stub_desk_set(s, "print.server", cups.relay);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stub_parcel *p = stub_desk_add(s, STAGE_FRESH);
        private_cups_lose(&cups, cases[i].operation, cases[i].before);
        assert_int_equal(deliver(s), 0);
        assert_true(private_cups_has_lost(&cups));
        assert_outcome(p, cases[i].after_commit ? OUTCOME_SPOOLED : OUTCOME_DEFERRED, "server-gone", true);
        stub_desk_again(s, p, cases[i].after_commit ? STAGE_SPOOLED : STAGE_BEGUN, p->outcome.evidence);
        assert_int_equal(deliver(s), 0);
        assert_delivered_once(s, p);
        assert_int_equal(jobs_of(s, &p->parcel).by_state[IPP_JSTATE_HELD], 0);
    }
}

/* One lost answer in the middle of a batch: those before it go out, those behind it wait, none is made twice. */
static void test_answer_lost_amid_a_batch(void **state)
{
    struct stub_desk *s = *state;
    stub_desk_set(s, "print.server", cups.relay);
    for (int i = 0; i < 5; i++)
        stub_desk_add(s, STAGE_FRESH);
    private_cups_lose(&cups, IPP_OP_RELEASE_JOB, false);
    assert_int_equal(deliver(s), 0);
    for (int i = 0; i < 5; i++) {
        assert_outcome(s->parcels[i], OUTCOME_SPOOLED, "server-gone", true);
        stub_desk_again(s, s->parcels[i], STAGE_SPOOLED, s->parcels[i]->outcome.evidence);
    }
    assert_int_equal(deliver(s), 0);
    for (int i = 0; i < 5; i++)
        assert_delivered_once(s, s->parcels[i]);
}

#define WITH_DESK(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DESK(test_delivers),
        WITH_DESK(test_queue_is_judged_before_letters),
        WITH_DESK(test_many_at_once),
        WITH_DESK(test_nothing_moves_before_the_commit),
        WITH_DESK(test_commit_fails),
        WITH_DESK(test_commit_not_heard_of),
        WITH_DESK(test_commit_refused),
        WITH_DESK(test_spooler_is_enough),
        WITH_DESK(test_letter_that_cannot_be_made),
        WITH_DESK(test_killed_before_the_commit),
        WITH_DESK(test_leftover_is_cancelled_by_another),
        WITH_DESK(test_leftover_is_released_by_another),
        WITH_DESK(test_killed_after_the_commit),
        WITH_DESK(test_killed_after_the_release),
        WITH_DESK(test_released_although_only_begun),
        WITH_DESK(test_sweeps_what_is_nobodys),
        WITH_DESK(test_sweep_spares_what_went_on),
        WITH_DESK(test_cancelled_while_it_is_held),
        WITH_DESK(test_released_while_the_batch_is_made),
        WITH_DESK(test_leftover_that_was_begun_is_doubted),
        WITH_DESK(test_history_gone),
        WITH_DESK(test_only_an_earlier_job_is_known),
        WITH_DESK(test_aborted),
        WITH_DESK(test_cancelled_by_a_person),
        WITH_DESK(test_no_history_is_weak_proof),
        WITH_DESK(test_queue_stopped),
        WITH_DESK(test_printer_stops_while_it_prints),
        WITH_DESK(test_queue_refuses),
        WITH_DESK(test_no_such_printer),
        WITH_DESK(test_no_server),
        WITH_DESK(test_spooler_full),
        WITH_DESK(test_kept_connection_breaks),
        WITH_DESK(test_request_or_answer_lost),
        WITH_DESK(test_answer_lost_amid_a_batch),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

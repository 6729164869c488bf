#include "unit.h"

#include "print_law.h"

#include <string.h>

#include <pindispatch/cleanup.h>

enum { UNTOLD = LAW_UNTOLD, T = 1000 };

static void test_begins_again(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        ipp_jstate_t was;
        int began_then;
        ipp_jstate_t is;
        int began;
        bool restarted;
        int restart;
        bool again;
    } cases[] = {
        { "waits for its turn", IPP_JSTATE_PENDING, 0, IPP_JSTATE_PENDING, 0, false, 0, false },
        { "begins", IPP_JSTATE_PENDING, 0, IPP_JSTATE_PROCESSING, T + 1, false, 0, false },
        { "comes out between two looks", IPP_JSTATE_PENDING, 0, IPP_JSTATE_COMPLETED, T + 1, false, 0, false },
        { "goes on", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_COMPLETED, T, false, 0, false },
        { "the printer was disabled", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_PENDING, T, false, 0, true },
        { "and is enabled again", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_PROCESSING, T + 2, false, 0, true },
        { "and has come out by now", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_COMPLETED, T + 2, false, 0, true },
        { "held amid it", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_HELD, T, false, 0, true },
        { "disabled, never seen before", 0, 0, IPP_JSTATE_PENDING, T, false, 0, true },
        { "held by a hand before its turn", IPP_JSTATE_PENDING, 0, IPP_JSTATE_HELD, 0, false, 0, false },
        { "tried later by itself", IPP_JSTATE_PENDING, 0, IPP_JSTATE_PENDING, T, false, 0, true },
        { "cancelled: judged by its end", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_CANCELED, T + 2, false, 0, false },
        { "begun by a restarted server", IPP_JSTATE_PENDING, 0, IPP_JSTATE_COMPLETED, T + 6, true, T + 5, true },
        { "in the very second", IPP_JSTATE_PENDING, 0, IPP_JSTATE_COMPLETED, T + 5, true, T + 5, true },
        { "the same second as before", IPP_JSTATE_PROCESSING, T, IPP_JSTATE_COMPLETED, T, true, T, true },
        { "had come out before the restart", IPP_JSTATE_PENDING, 0, IPP_JSTATE_COMPLETED, T + 4, true, T + 5, false },
        { "waits through a restart", IPP_JSTATE_PENDING, 0, IPP_JSTATE_PENDING, 0, true, T + 5, false },
        { "nobody knows when it restarted", IPP_JSTATE_PENDING, 0, IPP_JSTATE_COMPLETED, T + 4, true, 0, true },
        { "but it began long before", IPP_JSTATE_PROCESSING, T - 9, IPP_JSTATE_COMPLETED, T - 9, true, 0, false },
        { "it does not say when it began", IPP_JSTATE_PENDING, UNTOLD, IPP_JSTATE_COMPLETED, UNTOLD, true, 0, true },
        { "nor was it restarted", IPP_JSTATE_PENDING, UNTOLD, IPP_JSTATE_COMPLETED, UNTOLD, false, 0, false },
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        const struct law_sight before = { cases[n].was, cases[n].began_then, 0, T },
                               now = { cases[n].is, cases[n].began, 0, T + 20 };
        const struct law_restart restart = { cases[n].restarted, cases[n].restart };
        if (law_begins_again(&before, &now, &restart) != cases[n].again)
            fail_msg("%s", cases[n].what);
    }
}

/* One row: what the job says, what the printer usually does, what that makes of the letter. */
static void test_ends(void **state)
{
    (void)state;
    static const struct {
        ipp_jstate_t is;
        int began, sheets;
        unsigned pages;
        enum law_counting counting;
        const char *flags; /* a: again, s: supposed, f: faulty, e: explained, l: lost, o: own, c: accepted */
        enum outcome_kind kind;
        const char *code, *proof;
    } cases[] = {
        { IPP_JSTATE_COMPLETED, T, 1, 1, LAW_COUNTS, "", OUTCOME_DELIVERED, "printed", "sheets" },
        { IPP_JSTATE_COMPLETED, T, 1, 1, LAW_UNKNOWN, "", OUTCOME_DELIVERED, "printed", "sheets" },
        { IPP_JSTATE_COMPLETED, T, 2, 1, LAW_COUNTS, "", OUTCOME_DELIVERED, "printed", "weak" },
        { IPP_JSTATE_COMPLETED, T, 2, 3, LAW_COUNTS, "", OUTCOME_DELIVERED, "printed", "sheets" }, /* both sides */
        { IPP_JSTATE_COMPLETED, T, 1, 3, LAW_COUNTS, "", OUTCOME_DELIVERED, "printed", "weak" },
        { IPP_JSTATE_COMPLETED, T, 5, 0, LAW_COUNTS, "", OUTCOME_DELIVERED, "printed", "sheets" },
        { IPP_JSTATE_COMPLETED, T, 0, 1, LAW_COUNTS, "", OUTCOME_IN_DOUBT, "no-sheets", "weak" },
        { IPP_JSTATE_COMPLETED, T, UNTOLD, 1, LAW_COUNTS, "", OUTCOME_IN_DOUBT, "no-sheets", "weak" },
        { IPP_JSTATE_COMPLETED, T, 0, 1, LAW_COUNTS, "a", OUTCOME_IN_DOUBT, "no-sheets", "weak" },
        { IPP_JSTATE_COMPLETED, T, 0, 1, LAW_UNKNOWN, "", OUTCOME_DELIVERED, "printed", "weak" },
        { IPP_JSTATE_COMPLETED, T, 0, 1, LAW_SILENT, "", OUTCOME_DELIVERED, "printed", "job-state" },
        { IPP_JSTATE_COMPLETED, T, UNTOLD, 1, LAW_UNKNOWN, "o", OUTCOME_DELIVERED, "printed", "job-state" },
        { IPP_JSTATE_COMPLETED, T, 0, 1, LAW_UNKNOWN, "o", OUTCOME_DELIVERED, "printed", "weak" },
        { IPP_JSTATE_COMPLETED, T, 1, 1, LAW_COUNTS, "s", OUTCOME_DELIVERED, "printed", "weak" },
        { IPP_JSTATE_COMPLETED, T, 1, 1, LAW_COUNTS, "f", OUTCOME_IN_DOUBT, "job-errors", "weak" },
        { IPP_JSTATE_COMPLETED, T, 1, 1, LAW_COUNTS, "a", OUTCOME_DELIVERED, "maybe-twice", "reprint-possible" },
        { IPP_JSTATE_COMPLETED, T, 0, 1, LAW_COUNTS, "c", OUTCOME_DELIVERED, "printed", "weak" },
        { IPP_JSTATE_CANCELED, 0, 0, 1, LAW_UNKNOWN, "", OUTCOME_FAILED, "job-canceled", NULL },
        { IPP_JSTATE_CANCELED, UNTOLD, 0, 1, LAW_UNKNOWN, "o", OUTCOME_IN_DOUBT, "job-canceled", NULL },
        { IPP_JSTATE_CANCELED, T, 0, 1, LAW_SILENT, "", OUTCOME_IN_DOUBT, "job-canceled", NULL },
        { IPP_JSTATE_CANCELED, T, 0, 1, LAW_COUNTS, "e", OUTCOME_IN_DOUBT, "job-canceled", NULL },
        { IPP_JSTATE_CANCELED, T, 1, 4, LAW_COUNTS, "", OUTCOME_IN_DOUBT, "job-canceled", NULL },
        { IPP_JSTATE_ABORTED, 0, 0, 1, LAW_UNKNOWN, "", OUTCOME_FAILED, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 0, 1, LAW_UNKNOWN, "e", OUTCOME_IN_DOUBT, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 0, 1, LAW_SILENT, "e", OUTCOME_IN_DOUBT, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 0, 1, LAW_COUNTS, "e", OUTCOME_FAILED, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 0, 1, LAW_COUNTS, "", OUTCOME_IN_DOUBT, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 0, 1, LAW_COUNTS, "el", OUTCOME_IN_DOUBT, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 1, 1, LAW_COUNTS, "e", OUTCOME_IN_DOUBT, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, 0, 1, LAW_UNKNOWN, "eo", OUTCOME_FAILED, "job-aborted", NULL },
        { IPP_JSTATE_ABORTED, T, UNTOLD, 1, LAW_UNKNOWN, "eo", OUTCOME_IN_DOUBT, "job-aborted", NULL },
        { IPP_JSTATE_PENDING, 0, 0, 1, LAW_UNKNOWN, "", OUTCOME_SPOOLED, "waiting", NULL },
        { IPP_JSTATE_PENDING, T, 0, 1, LAW_UNKNOWN, "a", OUTCOME_SPOOLED, "begun-again", NULL },
        { IPP_JSTATE_PROCESSING, T, 0, 1, LAW_UNKNOWN, "", OUTCOME_SPOOLED, "printing", NULL },
        { IPP_JSTATE_STOPPED, T, 0, 1, LAW_UNKNOWN, "o", OUTCOME_SPOOLED, "waiting", NULL },
        { IPP_JSTATE_HELD, T, 0, 1, LAW_UNKNOWN, "c", OUTCOME_SPOOLED, "job-held", NULL },
        { IPP_JSTATE_PENDING, 0, 0, 1, LAW_UNKNOWN, "c", OUTCOME_DELIVERED, "accepted", NULL },
        { 0, 0, 0, 1, LAW_COUNTS, "", OUTCOME_IN_DOUBT, "history-gone", NULL },
    };
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        const char *f = cases[n].flags;
        const struct law_case c = { .now = { cases[n].is, cases[n].began, cases[n].sheets, T },
                                    .pages = cases[n].pages,
                                    .counting = cases[n].counting,
                                    .again = strchr(f, 'a'),
                                    .supposed = strchr(f, 's'),
                                    .faulty = strchr(f, 'f'),
                                    .explained = strchr(f, 'e'),
                                    .lost = strchr(f, 'l'),
                                    .own = strchr(f, 'o'),
                                    .accepted = strchr(f, 'c') };
        const struct law_word w = law_judge(&c);
        if (w.kind != cases[n].kind || strcmp(w.code, cases[n].code) != 0 || !w.proof != !cases[n].proof ||
            (w.proof && strcmp(w.proof, cases[n].proof) != 0))
            fail_msg("row %zu: %s %s %s", n, outcome_name(w.kind), w.code, w.proof ? w.proof : "-");
    }
}

static struct law_habits after(const int *sheets, size_t n)
{
    struct law_habits h = { .longest = 0 };
    for (size_t i = 0; i < n; i++)
        law_learn(&h, &(struct law_sight){ IPP_JSTATE_COMPLETED, T, sheets[i], T }, T + 7);
    return h;
}

static void test_learns_whether_a_printer_counts(void **state)
{
    (void)state;
    assert_int_equal(after((int[]){ 0, 0 }, 2).counting, LAW_UNKNOWN);
    assert_int_equal(after((int[]){ 0, 0, 0 }, 3).counting, LAW_SILENT);
    assert_int_equal(after((int[]){ 0, 1, 0, 0, 0, 0 }, 6).counting, LAW_COUNTS);
    assert_int_equal(after((int[]){ 0, 0, 0, 1 }, 4).counting, LAW_COUNTS);
    struct law_habits h = { .longest = 0 };
    for (int i = 0; i < 4; i++)
        law_learn(&h, &(struct law_sight){ IPP_JSTATE_ABORTED, T, 0, T }, T + 7);
    assert_int_equal(h.counting, LAW_UNKNOWN);
    assert_int_equal(h.ended, 0);
}

static void test_patience(void **state)
{
    (void)state;
    struct law_habits h = after((int[]){ 1 }, 1);
    assert_int_equal(h.longest, 7);
    assert_int_equal(h.ended, T + 7);
    assert_int_equal(law_patience(&h, 120), 120);
    assert_int_equal(law_patience(&h, 2), 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begins_again),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_learns_whether_a_printer_counts),
        cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

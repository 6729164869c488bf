#include "print_law.h"

#include <pindispatch/cleanup.h>

enum {
    UNCOUNTED_ENOUGH = 3, /* completed jobs without a count, and none with one: it does not count */
    LONGER = 4,           /* times the longest letter is too long */
};

static bool is_waiting(ipp_jstate_t s)
{
    return s == IPP_JSTATE_PENDING || s == IPP_JSTATE_HELD;
}

static bool has_ended(ipp_jstate_t s)
{
    return s == IPP_JSTATE_CANCELED || s == IPP_JSTATE_ABORTED;
}

/* A job that was begun before the restart went on, one that is begun since was begun by it, for the first time or
 * again. Where the time of the restart is not known, it came after the look before. */
static bool began_since(const struct law_sight *before, const struct law_sight *now,
                        const struct law_restart *restart)
{
    int since = restart->at ? restart->at : before->at;
    return now->began == LAW_UNTOLD || (now->began && now->began >= since);
}

bool law_begins_again(const struct law_sight *before, const struct law_sight *now, const struct law_restart *restart)
{
    if (is_waiting(now->state))
        return now->began > 0;
    if (!before->state || has_ended(now->state))
        return false;
    if (before->began > 0 && now->began > 0 && before->began != now->began)
        return true;
    return restart->known_of && began_since(before, now, restart);
}

bool law_has_moved(const struct law_sight *before, const struct law_sight *now)
{
    return before->state != now->state || before->began != now->began || before->sheets != now->sheets;
}

void law_learn(struct law_habits *h, const struct law_sight *job, int ended)
{
    int took = ended && job->began > 0 ? ended - job->began : 0;
    if (job->state != IPP_JSTATE_COMPLETED)
        return;
    if (took > h->longest)
        h->longest = took;
    if (ended > h->ended)
        h->ended = ended;
    law_note_move(h, ended);
    if (job->sheets > 0)
        h->counting = LAW_COUNTS;
    else if (h->counting == LAW_UNKNOWN && ++h->uncounted >= UNCOUNTED_ENOUGH)
        h->counting = LAW_SILENT;
}

void law_note_move(struct law_habits *h, int at)
{
    if (at > h->moved)
        h->moved = at;
}

int law_patience(const struct law_habits *h, int floor)
{
    return h->longest > floor / LONGER ? h->longest * LONGER : floor;
}

/* As many sheets as the letter has; with both sides printed, half of them. */
static bool sheets_fit(const struct law_case *c)
{
    int pages = (int)c->pages, sheets = c->now.sheets;
    return !pages || (sheets <= pages && sheets >= (pages + 1) / 2);
}

static const char *proof(const struct law_case *c)
{
    if (c->again)
        return "reprint-possible";
    if (c->supposed || c->faulty)
        return "weak";
    if (c->now.sheets > 0)
        return sheets_fit(c) ? "sheets" : "weak";
    return c->counting == LAW_SILENT || c->now.sheets == LAW_UNTOLD ? "job-state" : "weak";
}

static struct law_word judge_completed(const struct law_case *c)
{
    bool missing = c->now.sheets <= 0 && c->counting == LAW_COUNTS;
    if ((missing || c->faulty) && !c->accepted)
        return (struct law_word){ OUTCOME_IN_DOUBT, missing ? "no-sheets" : "job-errors", "weak", true };
    return (struct law_word){ OUTCOME_DELIVERED, c->again ? "maybe-twice" : "printed", proof(c), false };
}

/* Is it certain that nothing came out? A printer's own count is its word; a spooler's is, where the printer counts
 * and whoever printed it ran to its end and says what went wrong. */
static bool is_unprinted(const struct law_case *c)
{
    if (c->now.sheets > 0 || c->lost)
        return false;
    if (c->now.began == 0)
        return true;
    return c->now.state == IPP_JSTATE_ABORTED && c->explained && c->now.sheets == 0 &&
           (c->own || c->counting == LAW_COUNTS);
}

static struct law_word judge_ended(const struct law_case *c)
{
    bool aborted = c->now.state == IPP_JSTATE_ABORTED;
    return (struct law_word){ is_unprinted(c) ? OUTCOME_FAILED : OUTCOME_IN_DOUBT,
                              aborted ? "job-aborted" : "job-canceled", NULL, aborted };
}

static struct law_word judge_waiting(const struct law_case *c)
{
    if (c->now.state == IPP_JSTATE_HELD)
        return (struct law_word){ OUTCOME_SPOOLED, "job-held", NULL, false };
    if (c->accepted)
        return (struct law_word){ OUTCOME_DELIVERED, "accepted", NULL, false };
    if (c->again)
        return (struct law_word){ OUTCOME_SPOOLED, "begun-again", NULL, false };
    return (struct law_word){ OUTCOME_SPOOLED, c->now.state == IPP_JSTATE_PROCESSING ? "printing" : "waiting", NULL,
                              false };
}

struct law_word law_judge(const struct law_case *c)
{
    switch (c->now.state) {
    case IPP_JSTATE_COMPLETED:
        return judge_completed(c);
    case IPP_JSTATE_CANCELED:
    case IPP_JSTATE_ABORTED:
        return judge_ended(c);
    case IPP_JSTATE_PENDING:
    case IPP_JSTATE_PROCESSING:
    case IPP_JSTATE_STOPPED:
    case IPP_JSTATE_HELD:
        return judge_waiting(c);
    default:
        return (struct law_word){ OUTCOME_IN_DOUBT, "history-gone", NULL, false };
    }
}

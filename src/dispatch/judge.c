/* What a worker may say, and when. Each worker is another process that may be out of its mind: what its method, the
 * state of the delivery or the order of words does not allow is refused before anything is done about it, so that
 * neither the store nor another worker's deliveries are touched. */
#include "lane.h"

enum { ASKS_MOST = 256 }; /* lists of jobs in one sweep */

bool judge_holder(const struct link *k, const struct flight *f)
{
    return f && f->link == k && f->place == FLIGHT_AT_WORK;
}

static unsigned bit(enum outcome_kind kind)
{
    return 1U << kind;
}

/* A letter that was released is on paper, on its way there, or was taken back: none of it can be held any more. */
static unsigned kinds_at_look(const struct flight *f)
{
    return bit(OUTCOME_DELIVERED) | bit(OUTCOME_SPOOLED) | bit(OUTCOME_DEFERRED) | bit(OUTCOME_FAILED) |
           bit(OUTCOME_IN_DOUBT) | (f->parcel.withdraw ? bit(OUTCOME_CANCELLED) : 0);
}

static unsigned kinds_of_attempt(const struct flight *f)
{
    unsigned always = bit(OUTCOME_DEFERRED) | bit(OUTCOME_FAILED) | bit(OUTCOME_HELD) | bit(OUTCOME_CANCELLED);

    if (f->lane->dispatch->site->dry_run)
        return always | bit(OUTCOME_DRY_RUN);
    if (f->lane->method->flags & METHOD_FENCED)
        always |= bit(OUTCOME_SPOOLED);
    return always | bit(OUTCOME_DELIVERED) | bit(OUTCOME_IN_DOUBT);
}

bool judge_outcome(const struct flight *f, const struct outcome *o)
{
    return bit(o->kind) & (f->state == STATE_SPOOLED ? kinds_at_look(f) : kinds_of_attempt(f));
}

/* The intent to do the irreversible step is said once, before it. */
bool judge_mark(const struct link *k, const struct flight *f)
{
    if (!judge_holder(k, f) || f->state != STATE_SENDING || f->parcel.stage >= STAGE_RELEASING)
        return false;
    for (size_t i = 0; i < k->n_marks; i++)
        if (uuid_equal(&k->marks[i], &f->parcel.id))
            return false;
    return true;
}

bool judge_word(const struct link *k, enum word_kind kind)
{
    if (k->is_marking) /* it waits for the answer */
        return false;
    switch (kind) {
    case WORD_READY:
    case WORD_UNFIT:
        return !k->ready;
    case WORD_BYE:
        return true;
    case WORD_WAITING:
        return k->tidying && k->asked < ASKS_MOST;
    case WORD_TIDIED:
        return k->tidying;
    case WORD_BEGIN:
    case WORD_MARK:
    case WORD_OUTCOME:
    case WORD_FINDINGS:
        break;
    }
    return k->ready;
}

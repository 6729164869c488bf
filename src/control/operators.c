#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/log.h>
#include <pindispatch/outcome.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

/* What an operator may ask for: from where, to what, and what counts as being there already. */
struct verb {
    const char *cause; /* for the audit row */
    unsigned from;     /* STATE_BITs */
    unsigned already;  /* STATE_BITs: nothing is changed and the answer is ok */
    enum delivery_state to;
    bool withdraws;  /* a spooled letter is asked back from the printer */
    bool is_outcome; /* the operator's word is recorded as the outcome */
    enum outcome_kind outcome;
};

static const struct verb verb_retry = { .cause = "operator:retry",
                                        .from = STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_DEFERRED),
                                        .already = STATE_BIT(STATE_QUEUED),
                                        .to = STATE_QUEUED };
static const struct verb verb_cancel = { .cause = "operator:cancel",
                                         .from = STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_DEFERRED) |
                                                 STATE_BIT(STATE_HELD) | STATE_BIT(STATE_FAILED),
                                         .already = STATE_BIT(STATE_CANCELLED),
                                         .to = STATE_CANCELLED,
                                         .withdraws = true,
                                         .is_outcome = true,
                                         .outcome = OUTCOME_CANCELLED };
static const struct verb verb_hold = { .cause = "operator:hold",
                                       .from = STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_DEFERRED),
                                       .already = STATE_BIT(STATE_HELD),
                                       .to = STATE_HELD };
static const struct verb verb_release = {
    .cause = "operator:release", .from = STATE_BIT(STATE_HELD), .already = STATE_BIT(STATE_QUEUED), .to = STATE_QUEUED
};
static const struct verb verb_resolve_delivered = { .cause = "operator:resolve",
                                                    .from = STATE_BIT(STATE_IN_DOUBT),
                                                    .already = STATE_BIT(STATE_DELIVERED),
                                                    .to = STATE_DELIVERED,
                                                    .is_outcome = true,
                                                    .outcome = OUTCOME_DELIVERED };
static const struct verb verb_resolve_failed = { .cause = "operator:resolve",
                                                 .from = STATE_BIT(STATE_IN_DOUBT),
                                                 .already = STATE_BIT(STATE_FAILED),
                                                 .to = STATE_FAILED,
                                                 .is_outcome = true,
                                                 .outcome = OUTCOME_FAILED };

/* What a state means for somebody who wants something else, and what can be done about it. */
static const char *const advice[STATE_COUNT] = {
    [STATE_QUEUED] = "it waits for its turn",
    [STATE_SENDING] = "a worker has it just now; ask again when that attempt has ended",
    [STATE_SPOOLED] = "its letter is released to the printer and is followed to its end; \"cancel\" asks for it back",
    [STATE_DEFERRED] = "it waits for its next attempt; \"retry\" makes it due now",
    [STATE_HELD] = "it is held; \"release\" lets it go on",
    [STATE_IN_DOUBT] = "nothing can tell whether it arrived; find out, then \"resolve\" it",
    [STATE_FAILED] = "it has failed; \"retry\" tries it again, \"cancel\" drops it",
    [STATE_DELIVERED] = "that is final, and nothing is delivered twice",
    [STATE_NOPIN] = "that is final: the secret was never stored",
    [STATE_CANCELLED] = "that is final: its secret is erased",
    [STATE_EXPIRED] = "that is final: its secret is erased",
    [STATE_DRY_RUN] = "that is final: it was a dry run",
};

/* What a verb must know about the delivery; copied out of the store's callback. */
struct now {
    struct uuid id;
    enum delivery_state state;
    enum stage stage;
    json_t *outcome; /* owned, may be NULL */
};

static int note_now(void *userdata, const struct record *r)
{
    struct now *now = userdata;

    now->state = r->state;
    now->stage = r->stage;
    now->outcome = r->outcome ? json_loads(r->outcome, 0, NULL) : NULL;
    return 0;
}

/* LOG_NOTICE for what was done, with who asked; the operator's words are in the audit trail only. */
void operator_log(const struct request *q)
{
    char id[UUID_TEXT], uid[24];

    if (!q->result)
        return;
    uuid_format(&q->id, id);
    snprintf(uid, sizeof(uid), "%lld", (long long)q->uid);
    log_event(LOG_NOTICE, MESSAGE_OPERATOR,
              LOG_FIELDS(LOG_FIELD("DELIVERY_ID", id), LOG_FIELD("OPERATOR_UID", uid),
                         LOG_FIELD("COMMAND", q->command->name), LOG_FIELD("RESULT", q->result)),
              "operator with uid %s: %s delivery %s: %s", uid, q->command->name, id, q->result);
}

static int refuse_state(struct request *q, const struct now *now)
{
    q->result = "refused";
    return request_refuse(q, "refused", "the delivery is %s: %s", state_name(now->state), advice[now->state]);
}

/* A letter that was begun may have left a job at the printer that nobody looks for any more. */
static const char *note_for(const struct now *now, const struct verb *verb)
{
    if (verb->to == STATE_CANCELLED && now->stage != STAGE_FRESH)
        return "an earlier attempt was interrupted: look for a job or a mail that it left";
    if (verb == &verb_retry && now->stage >= STAGE_RELEASING)
        return "an earlier letter was released: this one is a new copy, destroy the other if it exists";
    return NULL;
}

static int answer_state(struct request *q, const struct now *now, enum delivery_state state, bool changed,
                        const char *note)
{
    char id[UUID_TEXT];
    json_t *answer = json_pack("{s:s, s:s, s:b}", "id", uuid_format(&now->id, id), "state", state_name(state),
                               "changed", (int)changed);
    int r = answer ? json_put_text(answer, "note", note) : -ENOMEM;

    if (r < 0) {
        json_decref(answer);
        return r;
    }
    r = request_answer(q, answer);
    /* What somebody else asked for in this turn is not on disk yet either. */
    return r == STEP_DONE && (changed || store_is_dirty(q->site->store)) ? STEP_COMMIT : r;
}

/* The operator's word is the outcome; the evidence of the last attempt stays beside it. */
static int fill_outcome(const struct verb *verb, const struct now *now, struct outcome *ret)
{
    if (now->outcome && outcome_from_json(now->outcome, ret) == -ENOMEM)
        return -ENOMEM;
    ret->destination = false;
    outcome_set(ret, verb->outcome, "operator", "an operator settled it as %s", state_name(verb->to));
    return 0;
}

static int settle(struct request *q, const struct verb *verb, const struct now *now, const char *reason,
                  const struct outcome *outcome)
{
    struct change change = { .id = now->id,
                             .from = verb->from,
                             .to = verb->to,
                             .stage = now->stage,
                             .new_copy = verb == &verb_retry && now->stage >= STAGE_RELEASING,
                             .outcome = outcome,
                             .cause = { .what = verb->cause,
                                        .words = reason,
                                        .uid = q->uid,
                                        .generation = q->site->generation,
                                        .now = clock_now(q->site->clock) } };

    if (verb->to == STATE_QUEUED)
        change.due = change.cause.now;
    CRASH_POINT("control.changing");
    int r = store_settle(q->site->store, &change);
    CRASH_POINT("control.changed");
    return r;
}

static int change_state(struct request *q, const struct verb *verb, const struct now *now, const char *reason)
{
    struct outcome outcome = { 0 };
    int r = verb->is_outcome ? fill_outcome(verb, now, &outcome) : 0;

    if (r == 0)
        r = settle(q, verb, now, reason, verb->is_outcome ? &outcome : NULL);
    outcome_release(&outcome);
    if (r == STORE_CONFLICT) {
        q->result = "refused";
        return request_refuse(q, "refused", "the delivery is %s and its sealed secret is erased",
                              state_name(now->state));
    }
    if (r > 0)
        return refuse_state(q, now);
    if (r < 0)
        return r;
    q->result = state_name(verb->to);
    return answer_state(q, now, verb->to, true, note_for(now, verb));
}

/* The letter is at the printer: what comes of asking for it back is known later. */
static int ask_back(struct request *q, const struct now *now, const char *reason)
{
    int r = q->host->withdraw(q->host->userdata, &now->id, reason, q->uid);

    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return refuse_state(q, now);
    r = answer_state(q, now, now->state, false, "the printer is asked to give the letter back");
    if (r >= 0 && q->answer && json_object_set_new(q->answer, "asked", json_true()) < 0)
        return -ENOMEM;
    q->result = "asked back";
    return r;
}

static int run_verb(struct request *q, const struct verb *verb)
{
    struct now now = { 0 };
    const char *reason;
    int r = request_id(q, &now.id);

    if (r == 0)
        r = request_reason(q, &reason);
    if (r != 0)
        return r;
    r = store_find(q->site->store, &now.id, note_now, &now);
    if (r == STORE_UNKNOWN)
        return request_refuse(q, "unknown", "there is no delivery with this id");
    if (r < 0)
        return r;
    q->id = now.id;
    if (verb->already & STATE_BIT(now.state))
        r = answer_state(q, &now, now.state, false, NULL);
    else if (verb->from & STATE_BIT(now.state))
        r = change_state(q, verb, &now, reason);
    else if (verb->withdraws && now.state == STATE_SPOOLED)
        r = ask_back(q, &now, reason);
    else
        r = refuse_state(q, &now);
    json_decref(now.outcome);
    /* Before the commit, so that what became due can be claimed in the same transaction; and also for what is
     * queued already, whose destination may be in trouble: "retry" means now. */
    if (r == STEP_COMMIT || (r == STEP_DONE && verb->to == STATE_QUEUED))
        q->host->nudge(q->host->userdata);
    return r;
}

int command_retry(struct request *q)
{
    return run_verb(q, &verb_retry);
}

int command_cancel(struct request *q)
{
    return run_verb(q, &verb_cancel);
}

int command_hold(struct request *q)
{
    return run_verb(q, &verb_hold);
}

int command_release(struct request *q)
{
    return run_verb(q, &verb_release);
}

int command_resolve(struct request *q)
{
    const char *as = json_text(q->arguments, "as");

    if (as && strcmp(as, "delivered") == 0)
        return run_verb(q, &verb_resolve_delivered);
    if (as && strcmp(as, "failed") == 0)
        return run_verb(q, &verb_resolve_failed);
    return request_refuse(q, "usage", "\"as\" is \"delivered\" or \"failed\"");
}

#include "lane.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/json.h>
#include <pindispatch/log.h>

/* Looks that are so far apart are those of a destination where nothing moves. */
#define LOOK_SLOW (INT64_C(400) * MICROSECONDS_PER_MILLISECOND)

static void on_committed(struct commit_waiter *w, int r);

static struct flight *flight_of(struct commit_waiter *w)
{
    return (struct flight *)((char *)w - offsetof(struct flight, waiter));
}

static int copy_text(char **to, const char *from)
{
    free(*to);
    *to = from ? strdup(from) : NULL;
    return from && !*to ? -ENOMEM : 0;
}

/* What an earlier attempt left: what it marked last, else the evidence of the last outcome. */
static int copy_evidence(struct flight *f, const struct record *r)
{
    CLEANUP(json_cleanup) json_t *j = r->outcome ? json_parse_line(r->outcome, strlen(r->outcome)) : NULL;
    const json_t *evidence = json_object_get(j, "evidence");

    if (r->mark)
        return copy_text(&f->evidence, strlen(r->mark) <= EVIDENCE_MOST ? r->mark : NULL);
    if (!evidence_is_valid(evidence))
        evidence = NULL;
    free(f->evidence);
    f->evidence = evidence ? json_to_text(evidence) : NULL;
    return evidence && !f->evidence ? -ENOMEM : 0;
}

static int take_texts(void *userdata, const struct record *r)
{
    struct flight *f = userdata;
    int e = copy_text(&f->event, r->event);

    if (e == 0)
        e = copy_text(&f->parcel.sealed, r->sealed);
    if (e == 0)
        e = copy_evidence(f, r);
    return e;
}

int flight_new(struct lane *l, const struct record *r, struct flight **ret)
{
    struct flight *f = calloc(1, sizeof(*f));

    if (!f)
        return -ENOMEM;
    *f = (struct flight){ .lane = l, .state = r->state };
    f->parcel = (struct parcel){ .id = r->id,
                                 .job_uuid = r->job_uuid,
                                 .copy = r->copy,
                                 .attempt = r->attempts,
                                 .secret = r->secret,
                                 .stage = r->stage,
                                 .stated = r->stated,
                                 .created = r->created };
    f->waiter.done = on_committed;
    if (take_texts(f, r) < 0) {
        flight_free(f);
        return -ENOMEM;
    }
    *l->last_flight = f;
    l->last_flight = &f->next;
    *ret = f;
    return 0;
}

void flight_free(struct flight *f)
{
    struct flight **at = &f->lane->flights;

    while (*at && *at != f)
        at = &(*at)->next;
    if (*at && f->lane->last_flight == &f->next)
        f->lane->last_flight = at;
    if (*at)
        *at = f->next;
    parcel_release(&f->parcel);
    outcome_release(&f->outcome);
    free(f->event);
    free(f->evidence);
    free(f->words);
    free(f);
}

struct flight *flight_find(const struct lane *l, const struct uuid *id)
{
    struct flight *f = l->flights;

    while (f && !uuid_equal(&f->parcel.id, id))
        f = f->next;
    return f;
}

static int take_evidence(void *userdata, const struct record *r)
{
    return copy_evidence(userdata, r);
}

int flight_fetch(struct flight *f)
{
    bool looks = f->parcel.stage == STAGE_SPOOLED; /* what was released needs no secret, only what is known of it */

    if (looks ? f->evidence : f->event)
        return 0;
    return store_find(f->lane->dispatch->site->store, &f->parcel.id, looks ? take_evidence : take_texts, f);
}

/* The next look starts from what this one found. */
static void keep_evidence(struct flight *f, const struct outcome *o)
{
    char *text = o->kind == OUTCOME_SPOOLED ? json_to_text(o->evidence) : NULL;

    if (!text)
        return;
    free(f->evidence);
    f->evidence = text;
}

static void log_change(const struct flight *f, enum delivery_state to)
{
    char id[UUID_TEXT];
    bool bad = STATE_BIT(to) & (STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_IN_DOUBT));
    bool maybe_twice = json_is_true(json_object_get(f->outcome.evidence, "interrupted"));

    log_event(bad || maybe_twice ? LOG_WARNING : LOG_INFO, MESSAGE_DELIVERY_STATE,
              LOG_FIELDS(LOG_FIELD("DELIVERY_ID", uuid_format(&f->parcel.id, id)),
                         LOG_FIELD("DELIVERY_STATE", state_name(to)),
                         LOG_FIELD("DELIVERY_METHOD", f->lane->method->names[f->parcel.secret]),
                         LOG_FIELD("REASON_CODE", f->outcome.code)),
              "delivery is %s: %s", state_name(to), f->outcome.reason);
}

/* When the next attempt is. In an outage it is the lane that waits: the one that probed is the next to probe, and the
 * others are due when it does. */
static int64_t due_after(const struct flight *f, int64_t now)
{
    struct retry_law law = lane_law(f->lane);
    bool outage = (f->outcome.destination || f->outcome.unsure) && f->lane->trouble.on;
    uint64_t chance;

    if (outage)
        return f->is_probe ? f->parcel.created : f->lane->trouble.until;
    random_bytes(&chance, sizeof(chance));
    return now + retry_wait(&law, f->is_interrupted ? 1 : f->parcel.attempt, chance);
}

static bool is_over(const struct flight *f, int64_t now)
{
    struct retry_law law = lane_law(f->lane);

    return retry_is_over(&law, f->parcel.created, now);
}

/* The retry law: wait, or give up. */
static enum delivery_state defer(struct flight *f, int64_t now, int64_t *ret_due)
{
    if (is_over(f, now)) {
        outcome_set(&f->outcome, OUTCOME_FAILED, f->outcome.code, "given up after attempt %u: %s", f->parcel.attempt,
                    f->outcome.reason);
        return STATE_FAILED;
    }
    *ret_due = due_after(f, now);
    return STATE_DEFERRED;
}

static enum delivery_state state_after(struct flight *f, int64_t now, int64_t *ret_due)
{
    const struct method *m = f->lane->method;

    switch (f->outcome.kind) {
    case OUTCOME_DELIVERED:
        return STATE_DELIVERED;
    case OUTCOME_SPOOLED:
        return STATE_SPOOLED;
    case OUTCOME_FAILED:
        return STATE_FAILED;
    case OUTCOME_HELD:
        return STATE_HELD;
    case OUTCOME_CANCELLED:
        return STATE_CANCELLED;
    case OUTCOME_DRY_RUN:
        return STATE_DRY_RUN;
    case OUTCOME_IN_DOUBT:
        if (!m->retries_doubt || !m->retries_doubt(lane_settings(f->lane)))
            return STATE_IN_DOUBT;
        return defer(f, now, ret_due);
    case OUTCOME_DEFERRED:
    case OUTCOME_KINDS:
        break;
    }
    return defer(f, now, ret_due);
}

/* One that is tried again may have left something, and nothing of it is allowed any more. */
static enum stage stage_after(const struct flight *f, enum delivery_state to)
{
    if (to == STATE_SPOOLED)
        return STAGE_SPOOLED;
    return to == STATE_DEFERRED && f->parcel.stage > STAGE_BEGUN ? STAGE_BEGUN : f->parcel.stage;
}

int flight_withdraw(struct flight *f, const char *words, int64_t uid)
{
    if (f->place != FLIGHT_RESTING)
        return f->state == STATE_SPOOLED ? -EBUSY : -ENOENT;
    if (copy_text(&f->words, words) < 0)
        return -ENOMEM;
    f->uid = uid;
    f->parcel.withdraw = true;
    f->is_recalled = false;
    return 0;
}

void flight_recall(struct flight *f)
{
    if (f->place == FLIGHT_RESTING && !f->parcel.withdraw)
        f->parcel.withdraw = f->is_recalled = true;
}

/* A letter that came back by an operator's word is that operator's change; one that came out all the same is not. */
static struct cause cause_of(const struct flight *f, enum delivery_state to)
{
    struct cause c = lane_cause(f->lane, f->cause);

    if (f->parcel.withdraw && to == STATE_CANCELLED) {
        c.what = "operator:cancel";
        c.words = f->words;
        c.uid = f->uid;
    }
    return c;
}

/* The outcome is known here and nowhere else: it stays until the store takes it. */
static void keep_unsaved(struct flight *f)
{
    f->place = FLIGHT_UNSAVED;
    lane_try_later(f->lane);
}

static int note_state(void *userdata, const struct record *r)
{
    *(enum delivery_state *)userdata = r->state;
    return 0;
}

static void rest(struct flight *f)
{
    f->parcel.stage = STAGE_SPOOLED;
    f->parcel.withdraw = f->is_recalled = false;
    f->place = FLIGHT_RESTING;
}

/* The store did not take the change to TO (condition R): its row decides. A commit that failed may be on disk all the
 * same, and then there is nothing to save again; what is spooled is followed; anything else is in other hands. */
static void go_by_row(struct flight *f, enum delivery_state to, int r)
{
    enum delivery_state state = STATE_COUNT;
    char id[UUID_TEXT];

    if (store_find(f->lane->dispatch->site->store, &f->parcel.id, note_state, &state) < 0) {
        keep_unsaved(f);
        return;
    }
    if (state == to) {
        commit_join(f->lane->dispatch->site->commit, &f->waiter);
        return;
    }
    log_event(LOG_ERR, MESSAGE_DELIVERY_STATE, LOG_FIELDS(LOG_FIELD("DELIVERY_ID", uuid_format(&f->parcel.id, id))),
              "the store does not take the outcome \"%s\" (condition %d): the delivery stays as it is",
              outcome_name(f->outcome.kind), r);
    if (state == STATE_SENDING) {
        keep_unsaved(f);
        return;
    }
    if (state != STATE_SPOOLED) {
        flight_free(f);
        return;
    }
    f->state = STATE_SPOOLED;
    rest(f);
    lane_look_soon(f->lane, false);
}

/* Ended by an outage, and nothing came out: that is not its end. As when an operator retries what has failed; what
 * was ended is known at the destination under its name, so that a new copy is made. */
static int go_on(struct flight *f, struct change *c)
{
    struct change again = { .id = c->id,
                            .from = STATE_BIT(STATE_FAILED),
                            .to = STATE_QUEUED,
                            .due = due_after(f, c->cause.now),
                            .stage = STAGE_BEGUN,
                            .new_copy = f->lane->method->flags & METHOD_FENCED,
                            .cause = lane_cause(f->lane, "outage") };
    int r;

    if (!f->outcome.unsure || c->to != STATE_FAILED || !lane_ends_letters(f->lane) || is_over(f, c->cause.now))
        return 0;
    c->to = STATE_QUEUED;
    r = store_settle(f->lane->dispatch->site->store, &again);
    return r > 0 ? -EUCLEAN : r;
}

static int settle_row(struct flight *f, struct change *c)
{
    int r;

    c->to = state_after(f, c->cause.now, &c->due);
    c->stage = stage_after(f, c->to);
    c->cause = cause_of(f, c->to);
    CRASH_POINT("dispatch.settling");
    r = store_settle(f->lane->dispatch->site->store, c);
    if (r == 0)
        r = go_on(f, c);
    CRASH_POINT("dispatch.settled");
    return r;
}

static int note_secret_gone(void *userdata, const struct record *r)
{
    *(bool *)userdata = r->state == STATE_SENDING && !r->sealed;
    return 0;
}

/* Without its secret it cannot wait for another attempt: then it is at its end. */
static bool end_without_secret(struct flight *f, int r)
{
    bool sent = f->begun || f->parcel.stage >= STAGE_RELEASING, gone = false;

    if (r != STORE_CONFLICT ||
        store_find(f->lane->dispatch->site->store, &f->parcel.id, note_secret_gone, &gone) != 0 || !gone)
        return false;
    outcome_set(&f->outcome, OUTCOME_FAILED, "secret-gone", "the sealed secret is not in the store any more%s",
                sent ? ", and what was sent may have arrived" : "");
    f->outcome.destination = f->outcome.unsure = false;
    return true;
}

/* Puts the flight's outcome into the open transaction. */
static void save(struct flight *f)
{
    const struct site *site = f->lane->dispatch->site;
    struct change c = { .id = f->parcel.id,
                        .from = STATE_BIT(STATE_SENDING) | STATE_BIT(STATE_SPOOLED),
                        .outcome = &f->outcome,
                        .template_hash = *f->template_hash ? f->template_hash : NULL,
                        .cause = lane_cause(f->lane, f->cause) };
    int r;

    if (commit_is_in_trouble(site->commit)) {
        keep_unsaved(f);
        return;
    }
    r = settle_row(f, &c);
    if (r > 0 && end_without_secret(f, r))
        r = settle_row(f, &c);
    f->place = FLIGHT_SETTLING;
    f->settled = c.to;
    if (r > 0) {
        go_by_row(f, c.to, r);
        return;
    }
    if (r < 0)
        commit_fail(site->commit, r);
    commit_join(site->commit, &f->waiter);
}

static void on_settled(struct flight *f)
{
    struct lane *l = f->lane;

    CRASH_POINT("dispatch.settle-committed");
    f->state = f->settled;
    log_change(f, f->state);
    outcome_release(&f->outcome);
    if (f->state == STATE_SPOOLED) {
        bool first = f->parcel.stage != STAGE_SPOOLED;

        rest(f);
        lane_look_soon(l, first);
    } else {
        flight_free(f);
    }
    /* There is room again. */
    commit_poke(l->dispatch->site->commit);
}

/* Those that were claimed together are handed out together. */
static void on_claimed(struct flight *f, int r)
{
    struct lane *l = f->lane;

    l->claimed--;
    if (r == 0) {
        CRASH_POINT("dispatch.claim-committed");
        f->place = f->link ? FLIGHT_AT_WORK : FLIGHT_WAITING;
    } else {
        flight_free(f);
        lane_try_later(l);
    }
    if (l->claimed == 0)
        lane_hand_out(l);
}

static void on_committed(struct commit_waiter *w, int r)
{
    struct flight *f = flight_of(w);

    if (f->place == FLIGHT_CLAIMED)
        on_claimed(f, r);
    else if (r == 0)
        on_settled(f);
    else
        keep_unsaved(f);
}

void flight_save_again(struct flight *f)
{
    save(f);
}

/* What a look found is kept in the store when it must not be forgotten, or when nothing else has moved for a while:
 * a letter that is printed as soon as it is there would only be written twice. */
static bool is_news(struct flight *f, const struct outcome *o)
{
    bool parked = json_is_true(json_object_get(o->evidence, "parked"));
    bool doubtful = json_is_true(json_object_get(o->evidence, "interrupted"));
    bool slow = f->lane->look_after >= LOOK_SLOW && strcmp(f->known, o->code) != 0;
    bool news = o->kind == OUTCOME_SPOOLED && (slow || parked != f->parked || doubtful != f->doubtful);

    f->parked = parked;
    f->doubtful = doubtful;
    return news;
}

/* Followed and still on its way, or the printer could not be asked: nothing changes in the store. */
static bool still_resting(struct flight *f, const struct outcome *o)
{
    return f->state == STATE_SPOOLED && (o->kind == OUTCOME_SPOOLED || o->kind == OUTCOME_DEFERRED) && !is_news(f, o);
}

/* Where one has ended, others may have. */
static void note_end(struct lane *l)
{
    l->ends = true;
    lane_look_soon(l, true);
}

static void leave_link(struct flight *f)
{
    if (f->link && f->link->in_hand > 0)
        f->link->in_hand--;
    f->link = NULL;
}

void flight_settle(struct flight *f, struct outcome *o, const char *template_hash, const char *cause)
{
    leave_link(f);
    lane_note_outcome(f->lane, f, o);
    keep_evidence(f, o);
    if (still_resting(f, o)) {
        rest(f); /* also when it was wanted back: it could not be taken */
        outcome_release(o);
        lane_look_soon(f->lane, false);
        return;
    }
    if (f->parcel.stage == STAGE_SPOOLED && o->kind != OUTCOME_SPOOLED)
        note_end(f->lane);
    if (o->kind == OUTCOME_SPOOLED)
        memcpy(f->known, o->code, sizeof(f->known));
    if (f->is_recalled && o->kind == OUTCOME_CANCELLED) { /* no person wanted that */
        outcome_set(o, OUTCOME_FAILED, "recalled", "%s", o->reason);
        o->unsure = true;
    }
    outcome_release(&f->outcome);
    f->outcome = *o;
    *o = (struct outcome){ .evidence = NULL };
    memcpy(f->template_hash, template_hash, strlen(template_hash) + 1);
    f->cause = cause;
    save(f);
}

/* What is known of a delivery whose worker is gone: a spooled one is looked at again, a released one is adopted, and
 * one that can be fenced is done anew later; a mail whose bytes were on their way is in doubt. */
void flight_orphan(struct flight *f, const char *code, const char *reason)
{
    bool fenced = f->lane->method->flags & METHOD_FENCED;
    struct outcome o = { .code = "" };

    leave_link(f);
    f->place = FLIGHT_WAITING;
    f->is_interrupted = true;
    if (f->parcel.stage == STAGE_FRESH)
        f->parcel.stage = STAGE_BEGUN;
    if (f->parcel.stage == STAGE_SPOOLED) {
        f->place = FLIGHT_RESTING;
        lane_look_soon(f->lane, false);
        return;
    }
    if (f->parcel.stage == STAGE_RELEASING && fenced)
        return;
    if (!fenced && (f->begun || f->parcel.stage == STAGE_RELEASING))
        outcome_set(&o, OUTCOME_IN_DOUBT, code, "%s while the mail was on its way", reason);
    else
        outcome_set(&o, OUTCOME_DEFERRED, code, "%s before anything was sent", reason);
    flight_settle(f, &o, "", "worker-lost");
}

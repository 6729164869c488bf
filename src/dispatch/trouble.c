/* What is wrong with a lane's destination, and how long it waits for it. */
#include "lane.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/log.h>
#include <pindispatch/utf8.h>

enum { STRIKES = 3 };

#define PROBE_EVERY (30 * MICROSECONDS_PER_SECOND)

bool lane_is_paused(const struct lane *l)
{
    return l->trouble.on && lane_now(l) < l->trouble.until;
}

static void log_trouble(const struct lane *l)
{
    log_event(LOG_WARNING, MESSAGE_TROUBLE,
              LOG_FIELDS(LOG_FIELD("DELIVERY_METHOD", l->method->names[SECRET_PIN]),
                         LOG_FIELD("REASON_CODE", l->trouble.code)),
              "%s waits: %s", l->method->names[SECRET_PIN], l->trouble.reason);
}

/* The longest pause. To ask a printer costs one letter or one request, and whoever mended it waits beside it. One
 * that ends letters so that nobody knows whether they came out is asked more and more rarely: each costs a person's
 * look. */
static int64_t longest_pause(const struct lane *l, bool in_doubt)
{
    struct retry_law law = lane_law(l);
    bool asks_often = (l->method->flags & METHOD_FENCED) && !in_doubt && !l->trouble.of_worker;

    return asks_often && law.most > PROBE_EVERY ? PROBE_EVERY : law.most;
}

static void pause_lane(struct lane *l, bool in_doubt)
{
    struct trouble *t = &l->trouble;
    struct retry_law law = lane_law(l);
    int64_t now = lane_now(l), most = longest_pause(l, in_doubt), wait;

    /* What else of the same batch comes back with the same trouble is no new pause; a try by hand lengthens none. */
    if (now >= t->until) {
        t->waits += !t->by_hand || t->waits == 0;
        wait = retry_bound(&law, t->waits);
        t->until = now + (wait < most ? wait : most);
        t->by_hand = false;
    }
    lane_wake(l->due, t->until - now);
}

static void begin_outage(struct lane *l, const char *code, const char *reason)
{
    struct trouble *t = &l->trouble;
    bool news = !t->on || strcmp(t->code, code) != 0;

    if (!t->on)
        *t = (struct trouble){ .on = true, .since = lane_now(l) };
    utf8_copy(t->code, sizeof(t->code), code);
    utf8_copy(t->reason, sizeof(t->reason), reason);
    if (news)
        log_trouble(l);
}

void lane_note_trouble(struct lane *l, const char *code, const char *reason)
{
    begin_outage(l, code, reason);
    pause_lane(l, false);
}

void lane_note_unfit(struct lane *l, const char *code, const char *reason)
{
    begin_outage(l, code, reason);
    l->trouble.of_worker = true;
    pause_lane(l, false);
}

bool lane_ends_letters(const struct lane *l)
{
    return l->trouble.on && l->trouble.ends_letters;
}

/* It ended one and said nothing that is the letter's own. What it has still is asked back while it can be. */
static void note_strike(struct lane *l, const struct outcome *o)
{
    char reason[sizeof(l->trouble.reason) + 32]; /* cut again where it is kept */

    l->strikes++;
    l->trust = TRUST_FIRST - STRIKES; /* what has ended makes no room for the next */
    if (l->strikes < STRIKES && !l->trouble.on)
        return;
    snprintf(reason, sizeof(reason), "%u in a row: %s", l->strikes, o->reason);
    begin_outage(l, o->code, reason);
    l->trouble.ends_letters = true;
    pause_lane(l, o->kind == OUTCOME_IN_DOUBT);
    for (struct flight *f = l->flights; f; f = f->next)
        flight_recall(f);
    lane_look_soon(l, true);
}

/* A letter that is released says that the printer is there, and one that waits there that it is not ended; only one
 * that came out says that others will. What is a delivery's own fault says nothing. */
void lane_note_outcome(struct lane *l, const struct flight *f, const struct outcome *o)
{
    bool waits = o->kind == OUTCOME_SPOOLED, came_out = o->kind == OUTCOME_DELIVERED;

    if (o->destination) {
        lane_note_trouble(l, o->code, o->reason);
    } else if (o->unsure && !waits && !came_out) {
        note_strike(l, o);
    } else if (came_out || (waits && !lane_ends_letters(l))) {
        l->hastens |= l->trouble.on && f->is_probe;
        lane_note_well(l);
    }
    if (came_out)
        l->strikes = 0;
    if ((came_out || (waits && f->state == STATE_SPOOLED)) && l->trust < UINT_MAX / 2) {
        l->trust++;
        commit_poke(l->dispatch->site->commit); /* there may be room again */
    }
}

void lane_nudge(struct lane *l)
{
    l->trouble.by_hand = l->trouble.on;
    l->trouble.until = 0;
}

static bool has_finding(const json_t *findings, const json_t *finding)
{
    for (size_t i = 0; i < json_array_size(findings); i++)
        if (json_equal(json_array_get(findings, i), finding))
            return true;
    return false;
}

void lane_note_findings(struct lane *l, json_t *findings)
{
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *finding = json_array_get(findings, i);

        if (has_finding(l->findings, finding))
            continue;
        log_event(LOG_WARNING, MESSAGE_TROUBLE,
                  LOG_FIELDS(LOG_FIELD("DELIVERY_METHOD", l->method->names[SECRET_PIN]),
                             LOG_FIELD("REASON_CODE", json_text(finding, "code"))),
                  "%s is unsafe: %s", l->method->names[SECRET_PIN], json_text(finding, "reason"));
    }
    json_decref(l->findings);
    l->findings = json_incref(findings);
}

void lane_note_well(struct lane *l)
{
    if (!l->trouble.on)
        return;
    log_event(LOG_NOTICE, MESSAGE_TROUBLE_OVER,
              LOG_FIELDS(LOG_FIELD("DELIVERY_METHOD", l->method->names[SECRET_PIN])), "%s works again",
              l->method->names[SECRET_PIN]);
    l->trouble = (struct trouble){ .on = false };
    commit_poke(l->dispatch->site->commit);
}

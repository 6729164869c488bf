/* What is wrong with a lane's destination, and how long it waits for it. */
#include "lane.h"

#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/log.h>
#include <pindispatch/utf8.h>

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

void lane_note_trouble(struct lane *l, const char *code, const char *reason)
{
    struct trouble *t = &l->trouble;
    struct retry_law law = lane_law(l);
    int64_t now = lane_now(l);
    bool news = !t->on || strcmp(t->code, code) != 0;

    if (!t->on)
        *t = (struct trouble){ .on = true, .since = now };
    snprintf(t->code, sizeof(t->code), "%s", code);
    utf8_copy(t->reason, sizeof(t->reason), reason);
    /* What else of the same batch comes back with the same trouble is not another strike. */
    if (now >= t->until)
        t->until = now + retry_bound(&law, ++t->strikes);
    if (news)
        log_trouble(l);
    lane_wake(l->due, t->until - now);
}

void lane_note_unfit(struct lane *l, const char *code, const char *reason)
{
    lane_note_trouble(l, code, reason);
    l->trouble.of_worker = true;
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

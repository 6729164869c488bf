#include <pindispatch/outcome.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/utf8.h>

static const char *const names[OUTCOME_KINDS] = {
    [OUTCOME_DELIVERED] = "delivered", [OUTCOME_SPOOLED] = "spooled",   [OUTCOME_DEFERRED] = "deferred",
    [OUTCOME_FAILED] = "failed",       [OUTCOME_IN_DOUBT] = "in-doubt", [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_HELD] = "held",           [OUTCOME_DRY_RUN] = "dry-run",
};

const char *outcome_name(enum outcome_kind k)
{
    return names[k];
}

void outcome_set(struct outcome *o, enum outcome_kind kind, const char *code, const char *format, ...)
{
    /* The arguments may be what O holds: an outcome is often said again in other words. */
    char new_code[sizeof(o->code)], new_reason[sizeof(o->reason)];
    va_list args;

    snprintf(new_code, sizeof(new_code), "%s", code);
    va_start(args, format);
    vsnprintf(new_reason, sizeof(new_reason), format, args);
    va_end(args);
    o->kind = kind;
    memcpy(o->code, new_code, sizeof(new_code));
    memcpy(o->reason, new_reason, sizeof(new_reason));
    utf8_repair(o->reason);
}

void outcome_release(struct outcome *o)
{
    json_decref(o->evidence);
    o->evidence = NULL;
}

json_t *outcome_to_json(const struct outcome *o)
{
    CLEANUP(json_cleanup) json_t *j = json_pack("{s:s, s:s}", "kind", names[o->kind], "code", o->code);

    /* A peer's words may not be UTF-8: the reason is then left out rather than the outcome lost. */
    if (!j || json_put_text(j, "reason", o->reason) < 0)
        return NULL;
    if (o->destination && json_object_set_new(j, "destination", json_true()) < 0)
        return NULL;
    if (o->unsure && json_object_set_new(j, "unsure", json_true()) < 0)
        return NULL;
    if (o->evidence && json_object_set(j, "evidence", o->evidence) < 0)
        return NULL;
    return TAKE(j);
}

static int parse_kind(const char *name, enum outcome_kind *ret)
{
    for (int i = 0; name && i < OUTCOME_KINDS; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = (enum outcome_kind)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* Cut, or not of ASCII, it would be a word that no JSON takes again. */
static bool is_code(const char *code)
{
    const char *c = code;

    while (*c > ' ' && *c < 0x7f)
        c++;
    return !*c && (size_t)(c - code) < sizeof(((struct outcome *)NULL)->code);
}

int outcome_from_json(const json_t *j, struct outcome *ret)
{
    const char *code = json_text(j, "code"), *reason = json_text(j, "reason");
    json_t *evidence = json_object_get(j, "evidence");
    struct outcome o = { 0 };

    if (parse_kind(json_text(j, "kind"), &o.kind) < 0 || !code || !is_code(code) ||
        (evidence && !json_is_object(evidence)))
        return -EINVAL;
    outcome_set(&o, o.kind, code, "%s", reason ? reason : "");
    o.destination = json_is_true(json_object_get(j, "destination"));
    o.unsure = json_is_true(json_object_get(j, "unsure"));
    o.evidence = json_incref(evidence);
    *ret = o;
    return 0;
}

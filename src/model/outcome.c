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

static const char letters_of_codes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* A code may be made of a peer's word. */
static void make_code(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", *from ? from : "unknown");
    for (char *c = to; *c; c++)
        if (!strchr(letters_of_codes, *c))
            *c = '-';
}

void outcome_set(struct outcome *o, enum outcome_kind kind, const char *code, const char *format, ...)
{
    /* The arguments may be what O holds: an outcome is often said again in other words. */
    char new_code[sizeof(o->code)], new_reason[sizeof(o->reason)];
    va_list args;

    make_code(new_code, sizeof(new_code), code);
    va_start(args, format);
    vsnprintf(new_reason, sizeof(new_reason), format, args);
    va_end(args);
    utf8_make_plain(new_reason); /* a peer's words may be in it */
    o->kind = kind;
    memcpy(o->code, new_code, sizeof(new_code));
    memcpy(o->reason, new_reason, sizeof(new_reason));
}

void outcome_release(struct outcome *o)
{
    json_decref(o->evidence);
    o->evidence = NULL;
}

bool outcome_code_is_valid(const char *code)
{
    size_t n = strspn(code, letters_of_codes);

    return n > 0 && !code[n] && n < sizeof(((struct outcome *)NULL)->code);
}

bool evidence_is_valid(const json_t *evidence)
{
    size_t size = json_is_object(evidence) ? json_dumpb(evidence, NULL, 0, JSON_COMPACT) : 0;

    return !evidence || (size > 0 && size <= EVIDENCE_MOST);
}

json_t *outcome_to_json(const struct outcome *o)
{
    CLEANUP(json_cleanup) json_t *j = json_pack("{s:s, s:s}", "kind", names[o->kind], "code", o->code);

    if (!j || json_put_text(j, "reason", o->reason) < 0)
        return NULL;
    if (o->destination && json_object_set_new(j, "destination", json_true()) < 0)
        return NULL;
    if (o->unsure && json_object_set_new(j, "unsure", json_true()) < 0)
        return NULL;
    if (o->evidence && evidence_is_valid(o->evidence) && json_object_set(j, "evidence", o->evidence) < 0)
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

int outcome_from_json(const json_t *j, struct outcome *ret)
{
    const char *code = json_text(j, "code"), *reason = json_text(j, "reason");
    json_t *evidence = json_object_get(j, "evidence");
    struct outcome o = { 0 };

    if (parse_kind(json_text(j, "kind"), &o.kind) < 0 || !code || !outcome_code_is_valid(code) ||
        !evidence_is_valid(evidence) || (reason && (strlen(reason) >= sizeof(o.reason) || !utf8_is_plain(reason))))
        return -EINVAL;
    outcome_set(&o, o.kind, code, "%s", reason ? reason : "");
    o.destination = json_is_true(json_object_get(j, "destination"));
    o.unsure = json_is_true(json_object_get(j, "unsure"));
    o.evidence = json_incref(evidence);
    *ret = o;
    return 0;
}

#include "print_watch.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/method.h>

void watch_job(struct print_watch *w, const struct print_job *j)
{
    if (print_job_has_ended(j) && j->document != PRINT_DOCUMENT_UNTOLD)
        w->facts.keeps_documents = j->document == PRINT_DOCUMENT_KEPT;
}

/* The newest ended job, whosever it was, shows what this server does: so the very first letter of a session is not
 * the one that finds out, and what was mended is seen although no letter goes there. */
static int ask_newest(struct print_watch *w, struct spooler *s, struct outcome *trouble)
{
    struct print_job job;
    int e = spooler_newest(s, &job, trouble);
    if (e)
        return e;
    w->facts.keeps_documents = false;
    watch_job(w, &job);
    return 0;
}

static bool is_same(const struct guard *a, const struct guard *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->findings[i].reason, b->findings[i].reason) == 0;
    return same;
}

static int tell(struct desk *desk, const struct guard *g)
{
    json_t *list = guard_to_json(g);
    int r = list ? desk->findings(desk, list) : -ENOMEM;
    json_decref(list);
    return r;
}

/* The first finding stands for all in `status`; the others are told beside it. 1, or 0: none of them is unsafe. */
static int refuse(const struct guard *g, struct outcome *trouble)
{
    if (!g->n || g->findings[0].weak)
        return 0;
    outcome_set(trouble, OUTCOME_DEFERRED, g->findings[0].code, "%s", g->findings[0].reason);
    trouble->destination = true;
    return 1;
}

int watch_judge(struct print_watch *w, struct desk *desk, struct spooler *s, struct outcome *trouble)
{
    bool required = strcmp(settings_text(desk->settings, "print.spool_guard"), "require") == 0;
    struct guard found;
    int e = w->judged && !w->facts.keeps_documents ? 0 : ask_newest(w, s, trouble);
    if (e)
        return e;
    guard_judge(&w->facts, spooler_printer(s), &found);
    if (!w->judged || !is_same(&found, &w->guard))
        e = tell(desk, &found);
    if (e < 0)
        return e;
    w->guard = found;
    w->judged = true;
    return required ? refuse(&found, trouble) : 0;
}

void watch_note(const struct print_watch *w, const json_t *earlier, json_t *evidence)
{
    json_t *codes = w->judged ? guard_codes(&w->guard) : json_incref(json_object_get(earlier, "guard"));
    if (codes)
        json_object_set_new(evidence, "guard", codes);
}

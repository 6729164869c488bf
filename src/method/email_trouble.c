#include "email_trouble.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct view {
    const struct email_gate *gate;
    const struct email_guard *guard;
    const struct email_tls *tls;
    const struct email_facts *facts;
};

/* Each looks for one kind of trouble and says whether it was that. */
typedef bool explain(const struct view *v, struct outcome *ret);

static bool said(struct outcome *ret, const char *code, const char *sentence, const struct view *v)
{
    outcome_set(ret, OUTCOME_DEFERRED, code, "%s: %s", v->facts->server, sentence);
    return true;
}

static bool is_breach(const struct view *v, struct outcome *ret)
{
    switch (v->gate->breach) {
    case GATE_INJECTION:
        return v->gate->tls ? said(ret, "smtp-unasked", "the mail server gave a reply that nobody asked for", v)
                            : said(ret, "tls-injection",
                                   "there was more in clear than the mail server's reply: "
                                   "somebody may be in between",
                                   v);
    case GATE_GARBAGE:
        return said(ret, "smtp-garbage", "a reply beyond all bounds: this is no mail server", v);
    case GATE_NO_TLS:
        return said(ret, "tls-not-offered", "the conversation was about to go on without TLS", v);
    case GATE_NO_AUTH:
        if (v->gate->auth_tried)
            return false;
        return said(ret, "auth-not-offered", "the mail server offers no authentication that we have", v);
    case GATE_SOUND:
        break;
    }
    return false;
}

static bool is_unreached(const struct view *v, struct outcome *ret)
{
    char words[128];

    if (v->facts->connected)
        return false;
    if (v->facts->resolve)
        return said(ret, "resolve", v->facts->resolve, v);
    if (v->guard->error == EACCES && v->guard->loopback_only)
        return said(ret, "tls-required", "this address is not on this machine: without TLS nothing is sent there", v);
    return said(ret, "connect", strerror_r(v->guard->error, words, sizeof(words)), v);
}

static bool is_late(const struct view *v, struct outcome *ret)
{
    return v->guard->cut == GUARD_TIMEOUT && said(ret, "timeout", "the mail server did not answer in time", v);
}

static bool is_unwelcome(const struct view *v, struct outcome *ret)
{
    static const enum gate_verb verbs[] = { VERB_GREETING, VERB_EHLO };

    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        int code = v->gate->last[verbs[i]];
        char word[sizeof(ret->code)];

        snprintf(word, sizeof(word), "smtp-%d", code);
        if (code && code / 100 != 2)
            return said(ret, word, "the mail server does not want to talk to us now", v);
    }
    return false;
}

static bool is_without_tls(const struct view *v, struct outcome *ret)
{
    if (!v->gate->tls_required || v->gate->tls)
        return false;
    if (v->facts->tls_absent)
        return said(ret, "tls-not-offered", "the mail server does not offer STARTTLS, and email.tls is \"required\"",
                    v);
    if (v->gate->last[VERB_STARTTLS] == 220) {
        tls_peer_trouble(email_tls_peer(v->tls), ret);
        return true;
    }
    return v->gate->last[VERB_STARTTLS] && said(ret, "tls-refused", "the mail server refuses to start TLS", v);
}

static bool is_unauthenticated(const struct view *v, struct outcome *ret)
{
    if (!v->gate->auth_required || v->gate->authenticated || !v->gate->last[VERB_AUTH])
        return false;
    outcome_set(ret, OUTCOME_DEFERRED, "auth", "%s: the mail server refuses our user name or password (%d)",
                v->facts->server, v->gate->last[VERB_AUTH]);
    return true;
}

void email_trouble(const struct email_gate *gate, const struct email_guard *guard, const struct email_tls *tls,
                   const struct email_facts *facts, struct outcome *ret)
{
    static explain *const explanations[] = { is_breach,    is_unreached,   is_late,
                                             is_unwelcome, is_without_tls, is_unauthenticated };
    const struct view v = { gate, guard, tls, facts };

    ret->destination = true;
    for (size_t i = 0; i < ARRAY_SIZE(explanations); i++)
        if (explanations[i](&v, ret))
            return;
    said(ret, "connection-lost", "the mail server ended the connection", &v);
}

/* Why a session came to nothing: the destination's trouble, from what was seen of the conversation. */
#ifndef METHOD_EMAIL_TROUBLE_H
#define METHOD_EMAIL_TROUBLE_H

#include "email_gate.h"
#include "email_guard.h"
#include "email_tls.h"

/* What the library said. */
struct email_facts {
    const char *server;
    bool connected;      /* at least once */
    bool tls_absent;     /* the server does not offer STARTTLS */
    const char *resolve; /* why the name has no address; NULL: it has, or was not asked for */
};

/* RET: deferred, destination. TLS may be NULL. Replies to AUTH are quoted by their code only: a server could echo
 * what it was sent. */
void email_trouble(const struct email_gate *gate, const struct email_guard *guard, const struct email_tls *tls,
                   const struct email_facts *facts, struct outcome *ret);

#endif

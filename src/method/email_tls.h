/* TLS for mail, as libesmtp needs it. */
#ifndef METHOD_EMAIL_TLS_H
#define METHOD_EMAIL_TLS_H

#include "tls_peer.h"

struct email_tls;

/* A context that accepts only HOST (a DNS name or an IPv4 address); as tls_peer_new() and tls_peer_guard(). */
int email_tls_new(const char *host, const char *ca_file, const char *crl_file, struct email_tls **ret,
                  struct outcome *trouble);
struct email_tls *email_tls_free(struct email_tls *t);
DEFINE_CLEANUP(struct email_tls, email_tls, email_tls_free)

/* For smtp_starttls_set_ctx(), which takes a reference of its own. */
SSL_CTX *email_tls_context(struct email_tls *t);
/* Who was refused, and why. */
struct tls_peer *email_tls_peer(const struct email_tls *t);

#endif

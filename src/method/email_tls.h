/* TLS for mail: whom to believe, and what was wrong when the handshake failed. */
#ifndef METHOD_EMAIL_TLS_H
#define METHOD_EMAIL_TLS_H

#include <pindispatch/cleanup.h>
#include <pindispatch/outcome.h>

#include <openssl/ssl.h>

enum { EMAIL_HOST = 254 }; /* bytes of a host name with its NUL */

struct email_tls;

/* A context that accepts only a certificate for HOST (a DNS name or an IPv4 address, as configured) signed by a CA
 * in CA_FILE ("": the system's). 0; 1 with TROUBLE (deferred, destination); -ENOMEM. */
int email_tls_new(const char *host, const char *ca_file, struct email_tls **ret, struct outcome *trouble);
struct email_tls *email_tls_free(struct email_tls *t);
DEFINE_CLEANUP(struct email_tls, email_tls, email_tls_free)

/* For smtp_starttls_set_ctx(), which takes a reference of its own. */
SSL_CTX *email_tls_context(struct email_tls *t);
/* Before each connection: forgets what was wrong with the last one. */
void email_tls_reset(struct email_tls *t);
/* After a handshake that failed: which of its reasons it was. */
void email_tls_trouble(const struct email_tls *t, struct outcome *ret);

#endif

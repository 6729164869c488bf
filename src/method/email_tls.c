#include "email_tls.h"

#include <errno.h>

struct email_tls {
    SSL_CTX *context;
    struct tls_peer *peer;
};

/* libesmtp sends no server name; the start of the handshake is the only moment at which the connection can be had. */
static void name_server(const SSL *ssl, int where, int r)
{
    const struct tls_peer *p = tls_peer_of(ssl);

    (void)r;
    if ((where & SSL_CB_HANDSHAKE_START) && !tls_peer_is_address(p) && !SSL_is_init_finished(ssl))
        SSL_set_tlsext_host_name((SSL *)ssl, tls_peer_host(p));
}

static int prepare(struct email_tls *t, struct outcome *trouble)
{
    /* TLS 1.3: a session ticket before EHLO's answer makes libesmtp wait for the greeting's time-out. */
    if (!t->context || SSL_CTX_set_max_proto_version(t->context, TLS1_2_VERSION) != 1)
        return -ENOMEM;
    SSL_CTX_set_info_callback(t->context, name_server);
    return tls_peer_guard(t->peer, t->context, trouble);
}

int email_tls_new(const char *host, const char *ca_file, const char *crl_file, struct email_tls **ret,
                  struct outcome *trouble)
{
    CLEANUP(email_tls_cleanup) struct email_tls *t = calloc(1, sizeof(*t));
    int r = t ? tls_peer_new(host, ca_file, crl_file, &t->peer) : -ENOMEM;

    if (r < 0)
        return r;
    t->context = SSL_CTX_new(TLS_client_method());
    r = prepare(t, trouble);
    if (r == 0)
        *ret = TAKE(t);
    return r;
}

struct email_tls *email_tls_free(struct email_tls *t)
{
    if (!t)
        return NULL;
    SSL_CTX_free(t->context);
    tls_peer_free(t->peer);
    free(t);
    return NULL;
}

SSL_CTX *email_tls_context(struct email_tls *t)
{
    return t->context;
}

struct tls_peer *email_tls_peer(const struct email_tls *t)
{
    return t->peer;
}

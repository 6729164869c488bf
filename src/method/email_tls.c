#include "email_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct email_tls {
    SSL_CTX *context;
    char host[EMAIL_HOST];
    bool is_address;
    int refusal; /* X509_V_ERR_… of the last verification; X509_V_OK: none */
};

static struct email_tls *tls_of(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* Only takes notes: what OpenSSL refuses stays refused. libesmtp frees the connection before anybody could ask. */
static int note_refusal(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

    if (!good)
        tls_of(ssl)->refusal = X509_STORE_CTX_get_error(store);
    return good;
}

/* libesmtp sends no server name; the start of the handshake is the only moment at which the connection can be had. */
static void name_server(const SSL *ssl, int where, int r)
{
    struct email_tls *t = tls_of(ssl);

    (void)r;
    if ((where & SSL_CB_HANDSHAKE_START) && !t->is_address && !SSL_is_init_finished(ssl))
        SSL_set_tlsext_host_name((SSL *)ssl, t->host);
}

static bool set_protocol(SSL_CTX *context)
{
    /* TLS 1.3: a session ticket before EHLO's answer makes libesmtp wait for the greeting's time-out. */
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK") == 1;
}

static bool set_peer(struct email_tls *t)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->context);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, note_refusal);
    return (t->is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, t->host)
                          : X509_VERIFY_PARAM_set1_host(param, t->host, 0)) == 1;
}

static struct email_tls *make(const char *host)
{
    struct email_tls *t = calloc(1, sizeof(*t));
    struct in_addr address;

    if (!t || strlen(host) >= sizeof(t->host))
        return email_tls_free(t);
    memcpy(t->host, host, strlen(host));
    t->is_address = inet_pton(AF_INET, host, &address) == 1;
    t->context = SSL_CTX_new(TLS_client_method());
    if (!t->context || !set_protocol(t->context) || !set_peer(t))
        return email_tls_free(t);
    SSL_CTX_set_app_data(t->context, t);
    SSL_CTX_set_info_callback(t->context, name_server);
    SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF);
    return t;
}

int email_tls_new(const char *host, const char *ca_file, struct email_tls **ret, struct outcome *trouble)
{
    CLEANUP(email_tls_cleanup) struct email_tls *t = make(host);

    if (!t)
        return -ENOMEM;
    ERR_clear_error();
    if ((ca_file[0] ? SSL_CTX_load_verify_file(t->context, ca_file) : SSL_CTX_set_default_verify_paths(t->context)) !=
        1) {
        ERR_clear_error();
        trouble->destination = true;
        outcome_set(trouble, OUTCOME_DEFERRED, "tls-ca-file", "No CA certificates can be read from %s.",
                    ca_file[0] ? ca_file : "the system's store");
        return 1;
    }
    *ret = TAKE(t);
    return 0;
}

struct email_tls *email_tls_free(struct email_tls *t)
{
    if (t)
        SSL_CTX_free(t->context);
    free(t);
    return NULL;
}

SSL_CTX *email_tls_context(struct email_tls *t)
{
    return t->context;
}

void email_tls_reset(struct email_tls *t)
{
    t->refusal = X509_V_OK;
    ERR_clear_error();
}

static const char *refusal_code(int refusal)
{
    switch (refusal) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "tls-certificate-name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "tls-certificate-expired";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "tls-certificate-unknown-ca";
    default:
        return "tls-certificate";
    }
}

void email_tls_trouble(const struct email_tls *t, struct outcome *ret)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    ret->destination = true;
    if (t->refusal != X509_V_OK)
        outcome_set(ret, OUTCOME_DEFERRED, refusal_code(t->refusal), "The certificate of %s is not accepted: %s.",
                    t->host, X509_verify_cert_error_string(t->refusal));
    else
        outcome_set(ret, OUTCOME_DEFERRED, "tls-handshake", "The TLS handshake with %s failed: %s.", t->host,
                    why ? why : "the connection was lost");
}

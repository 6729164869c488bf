#include "tls_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct tls_peer {
    char host[TLS_PEER_HOST];
    bool is_address;
    char *ca_file, *crl_file;
    int refusal; /* X509_V_ERR_… of the last verification; X509_V_OK: none */
};

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

int tls_peer_new(const char *host, const char *ca_file, const char *crl_file, struct tls_peer **ret)
{
    CLEANUP(tls_peer_cleanup) struct tls_peer *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    if (strlen(host) >= sizeof(p->host))
        return -EINVAL;
    memcpy(p->host, host, strlen(host));
    p->is_address = is_address(host);
    p->ca_file = strdup(ca_file);
    p->crl_file = strdup(crl_file);
    if (!p->ca_file || !p->crl_file)
        return -ENOMEM;
    *ret = TAKE(p);
    return 0;
}

struct tls_peer *tls_peer_free(struct tls_peer *p)
{
    if (!p)
        return NULL;
    free(p->ca_file);
    free(p->crl_file);
    free(p);
    return NULL;
}

const char *tls_peer_host(const struct tls_peer *p)
{
    return p->host;
}

bool tls_peer_is_address(const struct tls_peer *p)
{
    return p->is_address;
}

struct tls_peer *tls_peer_of(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* Only takes notes: what OpenSSL refuses stays refused. The libraries free a connection before anybody could ask. */
static int note_refusal(int good, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (!good)
        tls_peer_of(ssl)->refusal = X509_STORE_CTX_get_error(store);
    return good;
}

static int unreadable(struct outcome *trouble, const char *code, const char *what, const char *file)
{
    ERR_clear_error();
    trouble->destination = true;
    outcome_set(trouble, OUTCOME_DEFERRED, code, "No %s can be read from %s.", what, file);
    return 1;
}

static int load_cas(const struct tls_peer *p, SSL_CTX *context, struct outcome *trouble)
{
    bool given = p->ca_file[0] != '\0';
    int good = given ? SSL_CTX_load_verify_file(context, p->ca_file) : SSL_CTX_set_default_verify_paths(context);
    return good == 1
               ? 0
               : unreadable(trouble, "tls-ca-file", "CA certificates", given ? p->ca_file : "the system's store");
}

static int load_crls(const struct tls_peer *p, SSL_CTX *context, struct outcome *trouble)
{
    X509_LOOKUP *lookup = NULL;
    if (!p->crl_file[0])
        return 0;
    lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(context), X509_LOOKUP_file());
    if (!lookup)
        return -ENOMEM;
    if (X509_load_crl_file(lookup, p->crl_file, X509_FILETYPE_PEM) < 1)
        return unreadable(trouble, "tls-crl-file", "revocation lists", p->crl_file);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return 0;
}

static bool set_protocol(SSL_CTX *context)
{
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, TLS_PEER_CIPHERS) == 1;
}

static bool set_name(const struct tls_peer *p, X509_VERIFY_PARAM *param)
{
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return (p->is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, p->host)
                          : X509_VERIFY_PARAM_set1_host(param, p->host, 0)) == 1;
}

int tls_peer_guard(struct tls_peer *p, SSL_CTX *context, struct outcome *trouble)
{
    ERR_clear_error();
    if (SSL_CTX_set_app_data(context, p) != 1 || !set_protocol(context) || !set_name(p, SSL_CTX_get0_param(context)))
        return -ENOMEM;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_refusal);
    /* A resumed session is not verified. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    int r = load_cas(p, context, trouble);
    return r ? r : load_crls(p, context, trouble);
}

void tls_peer_forget(struct tls_peer *p)
{
    p->refusal = X509_V_OK;
    ERR_clear_error();
}

bool tls_peer_refused(const struct tls_peer *p)
{
    return p->refusal != X509_V_OK;
}

static const char *refusal_code(int refusal)
{
    switch (refusal) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "tls-name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "tls-expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "tls-not-yet-valid";
    case X509_V_ERR_CERT_REVOKED:
        return "tls-revoked";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        return "tls-crl";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "tls-chain";
    default:
        return "tls-certificate";
    }
}

/* What would have been right. */
static void say_refusal(const struct tls_peer *p, struct outcome *ret)
{
    const char *why = X509_verify_cert_error_string(p->refusal), *code = refusal_code(p->refusal);
    if (strcmp(code, "tls-name") == 0)
        outcome_set(ret, OUTCOME_DEFERRED, code, "The certificate of %s is not accepted: it must be for %s (%s).",
                    p->host, p->host, why);
    else if (strcmp(code, "tls-chain") == 0)
        outcome_set(ret, OUTCOME_DEFERRED, code,
                    "The certificate of %s is not accepted: a CA in %s must sign it (%s).", p->host,
                    p->ca_file[0] ? p->ca_file : "the system's store", why);
    else
        outcome_set(ret, OUTCOME_DEFERRED, code, "The certificate of %s is not accepted: %s.", p->host, why);
}

void tls_peer_trouble(const struct tls_peer *p, struct outcome *ret)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ret->destination = true;
    if (tls_peer_refused(p))
        say_refusal(p, ret);
    else
        outcome_set(ret, OUTCOME_DEFERRED, "tls-handshake", "The TLS handshake with %s failed: %s.", p->host,
                    why ? why : "the connection was lost");
}

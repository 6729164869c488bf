/* Whom to believe at the other end of a TLS connection, for mail and for printing: TLS 1.2 or later, a certificate
 * for the name that was configured (RFC 6125: not for what the DNS made of it), a chain to a CA that was configured,
 * and nothing in it revoked. It is checked within the handshake: what is refused gets no byte of ours. */
#ifndef METHOD_TLS_PEER_H
#define METHOD_TLS_PEER_H

#include <pindispatch/cleanup.h>
#include <pindispatch/outcome.h>

#include <openssl/ssl.h>

enum { TLS_PEER_HOST = 254 }; /* bytes of a host name with its NUL */

/* Forward secrecy and authenticated encryption (TLS 1.2; all of TLS 1.3 has them). */
#define TLS_PEER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK"

struct tls_peer;

/* HOST is a DNS name, an IPv4 or an IPv6 address; CA_FILE and CRL_FILE (PEM) may be "": the system's CAs; nothing is
 * asked about revocation. With a CRL_FILE, each certificate of the chain must be covered by a CRL that is in force.
 * Strings are copied. 0, -EINVAL (HOST is too long) or -ENOMEM. */
int tls_peer_new(const char *host, const char *ca_file, const char *crl_file, struct tls_peer **ret);
struct tls_peer *tls_peer_free(struct tls_peer *p);
DEFINE_CLEANUP(struct tls_peer, tls_peer, tls_peer_free)

const char *tls_peer_host(const struct tls_peer *p);
bool tls_peer_is_address(const struct tls_peer *p);

/* Makes CONTEXT, which must end before P does, refuse everybody else; its application data becomes P. Reads the
 * files. 0; 1 with TROUBLE (deferred, destination); -ENOMEM. */
int tls_peer_guard(struct tls_peer *p, SSL_CTX *context, struct outcome *trouble);
/* The P of a guarded connection. */
struct tls_peer *tls_peer_of(const SSL *ssl);

/* Before each connection: forgets what was wrong with the last one. */
void tls_peer_forget(struct tls_peer *p);
/* Was a certificate refused since then? */
bool tls_peer_refused(const struct tls_peer *p);
/* After a handshake that failed: why (deferred, destination). Codes: tls-name, tls-chain, tls-expired,
 * tls-not-yet-valid, tls-revoked, tls-crl (there is none in force for it), tls-certificate (anything else about it),
 * tls-handshake. */
void tls_peer_trouble(const struct tls_peer *p, struct outcome *ret);

#endif

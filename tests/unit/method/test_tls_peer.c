/* Whom to believe: what can be told without a connection. What a handshake makes of each certificate is tried by
 * tests/tls-cases, for mail and for printers. */
#include "tls_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct tls_peer *peer_of(const char *host, const char *ca_file, const char *crl_file)
{
    struct tls_peer *p = NULL;
    assert_int_equal(tls_peer_new(host, ca_file, crl_file, &p), 0);
    return p;
}

/* The code of what is wrong with these files; "": nothing. */
static void guard(const char *ca_file, const char *crl_file, char code[32])
{
    CLEANUP(tls_peer_cleanup) struct tls_peer *p = peer_of("peer.example", ca_file, crl_file);
    struct outcome o = { .code = "" };
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int r = tls_peer_guard(p, context, &o);
    assert_int_equal(r, o.code[0] != '\0');
    assert_true(r == 0 || (o.kind == OUTCOME_DEFERRED && o.destination));
    memcpy(code, o.code, sizeof(o.code));
    SSL_CTX_free(context);
}

static void test_files(void **state)
{
    char code[32];
    (void)state;
    guard("", "", code);
    assert_string_equal(code, "");
    guard("/dev/null", "", code);
    assert_string_equal(code, "tls-ca-file");
    guard("/nonexistent/ca.pem", "", code);
    assert_string_equal(code, "tls-ca-file");
    guard("", "/dev/null", code);
    assert_string_equal(code, "tls-crl-file");
}

static void test_context(void **state)
{
    CLEANUP(tls_peer_cleanup) struct tls_peer *p = peer_of("peer.example", "", "");
    struct outcome o = { .code = "" };
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    (void)state;
    assert_int_equal(tls_peer_guard(p, context, &o), 0);
    assert_int_equal(SSL_CTX_get_verify_mode(context), SSL_VERIFY_PEER);
    assert_int_equal(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_get_session_cache_mode(context), SSL_SESS_CACHE_OFF);
    SSL_CTX_free(context);
}

static void test_hosts(void **state)
{
    static const struct {
        const char *host;
        bool is_address;
    } cases[] = { { "peer.example", false }, { "192.0.2.1", true }, { "2001:db8::1", true }, { "192.0.2", false } };
    struct tls_peer *p = NULL;
    char host[TLS_PEER_HOST + 1];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        p = peer_of(cases[i].host, "", "");
        assert_string_equal(tls_peer_host(p), cases[i].host);
        assert_int_equal(tls_peer_is_address(p), cases[i].is_address);
        p = tls_peer_free(p);
    }
    memset(host, 'a', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    assert_int_equal(tls_peer_new(host, "", "", &p), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

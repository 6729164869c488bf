/* Libcurl carries IPP, and not libcups: that one verifies no certificate, takes TLS versions and trust from files of
 * the machine and of $HOME, and connects anew and repeats requests by itself. Libcurl hands the TLS context out
 * before the handshake, so that whom to believe is settled there (tls_peer.h), for each connection. */
#include "print_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include <pindispatch/clock.h>
#include <pindispatch/method.h>

#include "tls_peer.h"

enum {
    CONNECT_SECONDS = 10,
    SILENCE_SECONDS = 30,  /* without a byte in either direction */
    ANSWER_SECONDS = 80,   /* all of a request */
    DEADLINE_SECONDS = 90, /* this process' own: more than those above, less than the dispatcher's patience */
    WAIT_MILLISECONDS = 1000,
    REQUEST_MOST = DOCUMENT_MOST + 64 * 1024,
    ANSWER_MOST = 8 * 1024 * 1024,
};

struct connection {
    struct desk *desk;
    struct print_target target;
    struct tls_peer *peer; /* NULL: in clear, or by the pinned key */
    char *pinned_key;      /* "": by the chain and the name */
    struct curl_slist *headers;
    CURLM *multi;  /* keeps the connection between requests */
    int64_t since; /* when the last one was opened */
};

/* One request on its way, and its answer. */
struct exchange {
    struct connection *c;
    struct buffer request; /* encoded, with the document behind it: what is in one piece leaves in one piece */
    struct buffer answer;
    size_t read; /* of the answer, by the decoder */
    struct outcome *trouble;
    bool begun; /* the request may be on its way */
    bool told;  /* TROUBLE is set */
    int status; /* of HTTP */
    char why[CURL_ERROR_SIZE];
};

static int prepare(struct connection *c, const char *server, const char *printer)
{
    const struct settings *s = c->desk->settings;
    int r = print_target_of(s, server, printer, &c->target);
    c->pinned_key = strdup(settings_text(s, "print.pinned_key"));
    c->headers = curl_slist_append(NULL, "Content-Type: application/ipp");
    /* No "Expect: 100-continue": no round trip for documents that are larger than a request. */
    if (r < 0 || !c->pinned_key || !c->headers || !curl_slist_append(c->headers, "Expect:"))
        return r < 0 ? r : -ENOMEM;
    if (c->target.tls && !c->pinned_key[0])
        r = tls_peer_new(c->target.host, settings_text(s, "print.ca_file"), settings_text(s, "print.crl_file"),
                         &c->peer);
    c->multi = curl_multi_init();
    if (!c->multi)
        return -ENOMEM;
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
    return r;
}

int connection_new(struct desk *desk, const char *server, const char *printer, struct connection **ret)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return -ENOMEM;
    struct connection *c = calloc(1, sizeof(*c));
    if (!c) {
        curl_global_cleanup();
        return -ENOMEM;
    }
    c->desk = desk;
    int r = prepare(c, server, printer);
    if (r < 0)
        connection_free(c);
    else
        *ret = c;
    return r;
}

struct connection *connection_free(struct connection *c)
{
    if (!c)
        return NULL;
    if (c->multi)
        curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->headers);
    tls_peer_free(c->peer);
    free(c->pinned_key);
    free(c);
    curl_global_cleanup();
    return NULL;
}

const struct print_target *connection_target(const struct connection *c)
{
    return &c->target;
}

int64_t connection_since(const struct connection *c)
{
    return c->since;
}

static int destination_trouble(struct outcome *o, const struct connection *c, const char *code, const char *what)
{
    outcome_set(o, OUTCOME_DEFERRED, code, "The %s %.100s %s.", c->target.direct ? "printer" : "CUPS server",
                c->target.host, what);
    o->destination = true;
    return 1;
}

/* Libcurl is about to send the request; again, when a kept connection ended before there was an answer. */
static int on_request(void *exchange, char *remote, char *local, int remote_port, int local_port)
{
    struct exchange *x = exchange;
    bool again = x->begun;
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    x->begun = true;
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_write(char *bytes, size_t size, size_t n, void *exchange)
{
    struct exchange *x = exchange;
    return buffer_add(&x->answer, bytes, size * n) == 0 ? size * n : 0;
}

static curl_socket_t on_socket(void *connection, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct connection *c = connection;
    (void)purpose;
    c->since = clock_now(c->desk->clock);
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Each new TLS connection passes here before its first byte. */
static CURLcode on_context(CURL *curl, void *context, void *exchange)
{
    struct exchange *x = exchange;
    (void)curl;
    tls_peer_forget(x->c->peer);
    int r = tls_peer_guard(x->c->peer, context, x->trouble);
    x->told |= r > 0;
    return r == 0 ? CURLE_OK : CURLE_ABORTED_BY_CALLBACK;
}

static void set_tls(CURL *h, struct exchange *x)
{
    const struct connection *c = x->c;
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h, CURLOPT_SSL_CIPHER_LIST, TLS_PEER_CIPHERS);
    curl_easy_setopt(h, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* a resumed session is not verified */
    curl_easy_setopt(h, CURLOPT_SSL_ENABLE_ALPN, 0L);
    if (c->pinned_key[0]) {
        curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, c->pinned_key);
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
        curl_easy_setopt(h, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(h, CURLOPT_SSL_CTX_FUNCTION, on_context);
        curl_easy_setopt(h, CURLOPT_SSL_CTX_DATA, x);
    }
}

static void set_way(CURL *h, struct connection *c, const char *resource)
{
    const struct print_target *t = &c->target;
    char url[PRINT_ORIGIN + HTTP_MAX_URI];
    snprintf(url, sizeof(url), "%s%s", t->origin, resource);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, t->tls ? "https" : "http");
    if (!t->port)
        curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, t->host);
    curl_easy_setopt(h, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, c);
}

static void set_patience(CURL *h)
{
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_SECONDS);
}

static void set_content(CURL *h, struct exchange *x)
{
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)buffer_size(&x->request));
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, buffer_bytes(&x->request));
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, x->c->headers);
    curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(h, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, x->why);
}

static CURLcode transfer(CURLM *multi, CURL *h)
{
    int running = 1, left;
    CURLMcode m = curl_multi_add_handle(multi, h);
    while (m == CURLM_OK && running) {
        m = curl_multi_perform(multi, &running);
        if (m == CURLM_OK && running)
            m = curl_multi_poll(multi, NULL, 0, WAIT_MILLISECONDS, NULL);
    }
    const CURLMsg *end = m == CURLM_OK ? curl_multi_info_read(multi, &left) : NULL;
    CURLcode r = end ? end->data.result : CURLE_OUT_OF_MEMORY;
    curl_multi_remove_handle(multi, h);
    return r;
}

/* A handle of its own for each request: nothing of a letter stays in it. */
static int carry(struct exchange *x, const char *resource, CURLcode *ret)
{
    CURL *h = curl_easy_init();
    long status = 0;
    if (!h)
        return -ENOMEM;
    set_way(h, x->c, resource);
    set_tls(h, x);
    set_patience(h);
    set_content(h, x);
    *ret = transfer(x->c->multi, h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    x->status = (int)status;
    curl_easy_cleanup(h);
    return 0;
}

static int tls_trouble(struct exchange *x, const char *code)
{
    outcome_set(x->trouble, OUTCOME_DEFERRED, code, "The TLS handshake with %.100s failed: %.100s.",
                x->c->target.host, x->why);
    x->trouble->destination = true;
    return 1;
}

static int judge_transfer(struct exchange *x, CURLcode code)
{
    struct connection *c = x->c;
    if (x->told)
        return 1;
    if (code != CURLE_OK && c->peer && tls_peer_refused(c->peer)) {
        tls_peer_trouble(c->peer, x->trouble);
        return 1;
    }
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return destination_trouble(x->trouble, c, "tls-pin", "has another key than the one in print.pinned_key");
    case CURLE_PEER_FAILED_VERIFICATION:
        return tls_trouble(x, "tls-name");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return tls_trouble(x, "tls-handshake");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return destination_trouble(x->trouble, c, "server-gone", "does not answer");
    default:
        return destination_trouble(x->trouble, c, "server-gone", "did not answer a request");
    }
}

static int judge_status(struct exchange *x)
{
    if (x->status == 200)
        return 0;
    if (x->status == 401 || x->status == 403)
        return destination_trouble(x->trouble, x->c, CONNECTION_REFUSED, "refuses us access");
    if (x->status == 426)
        return destination_trouble(x->trouble, x->c, "tls-wanted", "wants TLS: name it with \"ipps://\"");
    return destination_trouble(x->trouble, x->c, "server-gone", "gave an answer that is not IPP");
}

static ssize_t encode_some(void *buffer, ipp_uchar_t *bytes, size_t size)
{
    return buffer_add(buffer, bytes, size) == 0 ? (ssize_t)size : -1;
}

static ssize_t decode_some(void *exchange, ipp_uchar_t *bytes, size_t size)
{
    struct exchange *x = exchange;
    size_t left = buffer_size(&x->answer) - x->read, n = left < size ? left : size;
    if (n)
        memcpy(bytes, buffer_bytes(&x->answer) + x->read, n);
    x->read += n;
    return (ssize_t)n;
}

static int encode(struct exchange *x, ipp_t *request, const struct document *d)
{
    ipp_state_t state = IPP_STATE_IDLE;
    size_t size = d ? buffer_size(&d->bytes) : 0;
    if (buffer_reserve(&x->request, ippLength(request) + size) < 0)
        return -ENOMEM;
    while (state != IPP_STATE_DATA && state != IPP_STATE_ERROR)
        state = ippWriteIO(&x->request, encode_some, 1, NULL, request);
    if (state != IPP_STATE_DATA)
        return -ENOMEM;
    return size ? buffer_add(&x->request, buffer_bytes(&d->bytes), size) : 0;
}

static int decode(struct exchange *x, ipp_t **ret)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = ippNew();
    ipp_state_t state = IPP_STATE_ERROR;
    if (!answer)
        return -ENOMEM;
    do
        state = ippReadIO(x, decode_some, 1, NULL, answer);
    while (state != IPP_STATE_DATA && state != IPP_STATE_ERROR && x->read < buffer_size(&x->answer));
    if (state != IPP_STATE_DATA)
        return destination_trouble(x->trouble, x->c, "server-gone", "gave an answer that is not IPP");
    *ret = TAKE(answer);
    return 0;
}

static int run(struct exchange *x, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret)
{
    CURLcode code = CURLE_OK;
    int r = encode(x, request, d);
    if (r == 0)
        r = carry(x, resource, &code);
    if (r == 0)
        r = judge_transfer(x, code);
    if (r == 0)
        r = judge_status(x);
    return r ? r : decode(x, ret);
}

int connection_ask(struct connection *c, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
                   struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *owned = request;
    struct exchange x = {
        .c = c, .trouble = trouble, .request = BUFFER(REQUEST_MOST), .answer = BUFFER(ANSWER_MOST)
    };
    if (!owned)
        return -ENOMEM;
    if (c->target.refused)
        return destination_trouble(trouble, c, "tls-required",
                                   "is not on this machine: no letter is sent there in clear");
    c->desk->deadline(c->desk, DEADLINE_SECONDS);
    int r = run(&x, owned, resource, d, ret);
    buffer_release(&x.request);
    buffer_release(&x.answer);
    return r;
}

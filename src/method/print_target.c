#include "print_target.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    SOCKET_PATH = 108, /* sockaddr_un's, with the NUL */
    KEY_BASE64 = 44,   /* a SHA-256 in base64 */
};

static const char key_prefix[] = "sha256//";

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

static bool is_uri(const char *text)
{
    return strstr(text, "://") != NULL;
}

/* A name or an address, as it can stand in a URL. */
static bool is_host(const char *host)
{
    for (const char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".-_:", *c))
            return false;
    return host[0] != '\0';
}

static void set_origin(struct print_target *t)
{
    bool bracket = strchr(t->host, ':') != NULL;
    snprintf(t->origin, sizeof(t->origin), "%s://%s%s%s:%d", t->tls ? "https" : "http", bracket ? "[" : "", t->host,
             bracket ? "]" : "", t->port);
}

/* Fills host, port, tls, origin and RESOURCE. */
static int split_uri(const char *uri, struct print_target *t, char *resource, size_t size)
{
    char scheme[16], user[64];
    http_uri_status_t status = httpSeparateURI(HTTP_URI_CODING_NONE, uri, scheme, sizeof(scheme), user, sizeof(user),
                                               t->host, sizeof(t->host), &t->port, resource, (int)size);
    t->tls = strcmp(scheme, "ipps") == 0;
    bool good = status == HTTP_URI_STATUS_OK || status == HTTP_URI_STATUS_MISSING_RESOURCE;
    if (!good || user[0] || (!t->tls && strcmp(scheme, "ipp") != 0))
        return -EINVAL;
    if (!is_host(t->host) || t->port < 1 || t->port > 65535 || strpbrk(resource, "?# \t\r\n"))
        return -EINVAL;
    set_origin(t);
    return 0;
}

static int read_socket(const char *path, struct print_target *t)
{
    if (strlen(path) >= SOCKET_PATH)
        return -EINVAL;
    snprintf(t->host, sizeof(t->host), "%s", path);
    snprintf(t->origin, sizeof(t->origin), "http://localhost");
    return 0;
}

/* A URI, or a host with an optional port, which is one too once it has a scheme. */
static int read_host(const char *server, struct print_target *t)
{
    char uri[HTTP_MAX_URI], resource[HTTP_MAX_URI];
    size_t size = strlen(server), colon = strcspn(server, ":");
    bool named = is_uri(server);
    if (size == 0 || size > PRINT_ORIGIN || server[size - 1] == ':' || (!named && server[colon] && !colon))
        return -EINVAL;
    snprintf(uri, sizeof(uri), "%s%s", named ? "" : "ipp://", server);
    int r = split_uri(uri, t, resource, sizeof(resource));
    return r == 0 && (resource[0] == '\0' || strcmp(resource, "/") == 0) ? 0 : -EINVAL;
}

static int read_server(const char *server, struct print_target *t)
{
    return server[0] == '/' ? read_socket(server, t) : read_host(server, t);
}

int print_target_check_server(const char *server, struct problem *p)
{
    struct print_target t = { 0 };
    int r = read_server(server, &t);
    if (r < 0 && server[0] == '/')
        return problem_set(p, "range", "", "the path of a socket has 107 bytes at most");
    if (r < 0)
        return problem_set(p, "server", "",
                           "expected the path of a socket, a host as in \"localhost:631\", or "
                           "\"ipps://host:631\"");
    if (t.port && !is_uri(server) && !is_loopback(t.host))
        return problem_set(p, "server-not-local", "",
                           "a CUPS server of another machine is talked to by TLS: expected \"ipps://%s:%d\", a "
                           "socket's path, localhost, 127.0.0.1 or [::1]",
                           t.host, t.port);
    return 0;
}

int print_target_check_printer(const char *printer, struct problem *p)
{
    struct print_target t = { 0 };
    char resource[HTTP_MAX_URI];
    if (!is_uri(printer))
        return 0;
    if (strlen(printer) >= sizeof(t.uri) || split_uri(printer, &t, resource, sizeof(resource)) < 0 ||
        strlen(resource) < 2)
        return problem_set(p, "printer", "",
                           "expected the name of a CUPS queue, or a printer as in \"ipps://host:631/ipp/print\"");
    return 0;
}

int print_target_check_key(const char *key, struct problem *p)
{
    size_t prefix = strlen(key_prefix), good = 0;
    if (!key[0])
        return 0;
    if (strncmp(key, key_prefix, prefix) == 0)
        while (isalnum((unsigned char)key[prefix + good]) ||
               (key[prefix + good] && strchr("+/=", key[prefix + good])))
            good++;
    if (good != KEY_BASE64 || key[prefix + good])
        return problem_set(p, "pinned-key", "", "expected \"sha256//\" and 44 characters of base64");
    return 0;
}

/* The queue of a CUPS server. */
static int read_queue(const char *server, const char *printer, struct print_target *t)
{
    int r = read_server(server, t);
    if (r < 0)
        return r;
    httpAssembleURIf(HTTP_URI_CODING_ALL, t->uri, sizeof(t->uri), t->tls ? "ipps" : "ipp", NULL,
                     t->port ? t->host : "localhost", t->port, "/printers/%s", printer);
    const char *path = strstr(t->uri, "/printers/");
    if (!path)
        return -EINVAL;
    snprintf(t->resource, sizeof(t->resource), "%s", path);
    return 0;
}

static int read_printer(const char *uri, struct print_target *t)
{
    t->direct = true;
    snprintf(t->uri, sizeof(t->uri), "%s", uri);
    return split_uri(uri, t, t->resource, sizeof(t->resource));
}

static bool is_in_clear(const struct print_target *t)
{
    return t->port && !t->tls && !is_loopback(t->host);
}

static bool may_be_in_clear(const struct settings *s)
{
    return strcmp(settings_text(s, "print.tls"), PRINT_CLEAR_ANYWHERE) == 0;
}

void print_place_read(const struct settings *s, struct print_place *ret)
{
    const char *printer = settings_text(s, "print.printer");
    snprintf(ret->printer, sizeof(ret->printer), "%s", printer);
    snprintf(ret->server, sizeof(ret->server), "%s", is_uri(printer) ? "" : settings_text(s, "print.server"));
}

int print_target_read(const struct settings *s, struct print_target *ret)
{
    return print_target_of(s, settings_text(s, "print.server"), settings_text(s, "print.printer"), ret);
}

int print_target_of(const struct settings *s, const char *server, const char *printer, struct print_target *ret)
{
    *ret = (struct print_target){ 0 };
    int r = is_uri(printer) ? read_printer(printer, ret) : read_queue(server, printer, ret);
    ret->refused = r == 0 && is_in_clear(ret) && !may_be_in_clear(s);
    return r;
}

void print_target_warn(const struct settings *s, const char *secrets,
                       void (*tell)(void *userdata, const struct problem *p), void *userdata)
{
    struct print_target t;
    struct problem p = { 0 };
    if (print_target_read(s, &t) < 0 || !is_in_clear(&t))
        return;
    if (t.refused)
        problem_set(
            &p, "tls-required", "print.tls",
            "no letter is sent to %s: it is not on this machine, and to be talked to in clear; use \"ipps://\"",
            t.host);
    else
        problem_set(&p, "print-in-clear", "print.tls", "everybody on the way to %s can read the %s", t.host, secrets);
    tell(userdata, &p);
}

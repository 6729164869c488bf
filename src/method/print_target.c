#include "print_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    STANDARD_PORT = 631,
    SOCKET_PATH = 108, /* sockaddr_un's, with the NUL */
};

static int read_port(const char *text, int *ret)
{
    char *end;
    errno = 0;
    long port = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || port < 1 || port > 65535)
        return -EINVAL;
    *ret = (int)port;
    return 0;
}

/* "host", "host:port", "[::1]:port". */
static int split_server(const char *server, struct print_target *t)
{
    bool bracket = server[0] == '[';
    const char *start = server + bracket;
    size_t size = strcspn(start, bracket ? "]" : ":");
    const char *rest = start + size + bracket;
    if (!size || size >= sizeof(t->host) || (bracket && start[size] != ']'))
        return -EINVAL;
    snprintf(t->host, sizeof(t->host), "%.*s", (int)size, start);
    t->port = STANDARD_PORT;
    if (!rest[0])
        return 0;
    return rest[0] == ':' ? read_port(rest + 1, &t->port) : -EINVAL;
}

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

int print_target_check_server(const char *server, struct problem *p)
{
    struct print_target t;
    if (server[0] == '/')
        return strlen(server) < SOCKET_PATH
                   ? 0
                   : problem_set(p, "range", "", "the path of a socket has 107 bytes at most");
    if (split_server(server, &t) < 0)
        return problem_set(p, "server", "", "expected the path of a socket, or a host as in \"localhost:631\"");
    if (!is_loopback(t.host))
        return problem_set(
            p, "server-not-local", "",
            "only a CUPS server of this machine is talked to: a socket's path, localhost, 127.0.0.1 or [::1]; let "
            "it have the queue of the remote printer");
    return 0;
}

int print_target_read(const struct settings *s, struct print_target *ret)
{
    const char *server = settings_text(s, "print.server");
    struct problem p = { 0 };
    *ret = (struct print_target){ 0 };
    if (print_target_check_server(server, &p))
        return -EINVAL;
    if (server[0] == '/')
        snprintf(ret->host, sizeof(ret->host), "%s", server);
    else
        split_server(server, ret);
    httpAssembleURIf(HTTP_URI_CODING_ALL, ret->uri, sizeof(ret->uri), "ipp", NULL, "localhost", 0, "/printers/%s",
                     settings_text(s, "print.printer"));
    snprintf(ret->resource, sizeof(ret->resource), "%s", strstr(ret->uri, "/printers/"));
    return 0;
}

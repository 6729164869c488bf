/* Where letters go: what the settings print.server and print.printer name, taken apart. */
#ifndef METHOD_PRINT_TARGET_H
#define METHOD_PRINT_TARGET_H

#include <cups/http.h>

#include <pindispatch/problem.h>
#include <pindispatch/settings.h>

enum { PRINT_HOST = 256 };

struct print_target {
    char host[PRINT_HOST];       /* a name, an address, or a unix socket's path */
    int port;                    /* 0: a socket's path */
    char uri[HTTP_MAX_URI];      /* printer-uri of the requests (RFC 8011 section 4.1.5) */
    char resource[HTTP_MAX_URI]; /* the path that they are posted to */
};

/* 0, or -EINVAL, which the checks of the settings keep from happening. */
int print_target_read(const struct settings *s, struct print_target *ret);

/* The check of the setting print.server: 0, or 1 with P. */
int print_target_check_server(const char *server, struct problem *p);

#endif

/* Where letters go: what the settings print.server, print.printer and print.tls say, taken apart. */
#ifndef METHOD_PRINT_TARGET_H
#define METHOD_PRINT_TARGET_H

#include <cups/http.h>

#include <pindispatch/problem.h>
#include <pindispatch/settings.h>

/* The value of print.tls that lets letters out without TLS. */
#define PRINT_CLEAR_ANYWHERE "none-in-clear-over-the-network"

enum { PRINT_HOST = 254, PRINT_ORIGIN = PRINT_HOST + 24 };

/* A printer as the configuration names it. */
struct print_place {
    char server[PRINT_ORIGIN]; /* of CUPS; empty: the printer is talked to directly */
    char printer[HTTP_MAX_URI];
};

struct print_target {
    char host[PRINT_HOST];       /* a name, an address (IPv6 without brackets), or a unix socket's path */
    int port;                    /* 0: a socket's path */
    bool tls;                    /* else in clear */
    bool refused;                /* in clear to another machine, and print.tls does not allow that: talk to nobody */
    bool direct;                 /* a printer that is talked to without a CUPS server */
    char origin[PRINT_ORIGIN];   /* "https://host:port", as a URL begins */
    char uri[HTTP_MAX_URI];      /* printer-uri of the requests (RFC 8011 section 4.1.5) */
    char resource[HTTP_MAX_URI]; /* the path that they are posted to */
};

/* 0, or -EINVAL, which the checks of the settings keep from happening. */
int print_target_read(const struct settings *s, struct print_target *ret);
/* The place that the settings name. */
void print_place_read(const struct settings *s, struct print_place *ret);
/* The same for another SERVER and PRINTER than those of the settings. */
int print_target_of(const struct settings *s, const char *server, const char *printer, struct print_target *ret);

/* Tells when letters would go in clear over the network, and when they would but must not. */
void print_target_warn(const struct settings *s, const char *secrets,
                       void (*tell)(void *userdata, const struct problem *p), void *userdata);

/* The checks of the settings print.server, print.printer and print.pinned_key: 0, or 1 with P. */
int print_target_check_server(const char *server, struct problem *p);
int print_target_check_printer(const char *printer, struct problem *p);
int print_target_check_key(const char *key, struct problem *p);

#endif

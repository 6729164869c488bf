/* A desk with mails in its hands, the row `email` open on it, and a mail server at the other end. */
#ifndef TESTS_SUPPORT_MAIL_BENCH_H
#define TESTS_SUPPORT_MAIL_BENCH_H

#include "desk.h"
#include "mail_server.h"

struct mail_bench {
    char folder[64]; /* certificates, the record, what a test puts there */
    char canary[25]; /* stands for the PIN in the mail */
    char mail[1024]; /* the document of every parcel */
    struct stub_desk *desk;
    struct mail_server server;
    void *session;
};

/* Once a program; with no server and no desk yet. */
void mail_bench_make(struct mail_bench *b);
void mail_bench_remove(struct mail_bench *b);

/* Starts the scripted server with the members STEPS of its script (' stands for ") and the certificate CERT (NULL:
 * no TLS), and opens the method on HOST. */
void mail_bench_start(struct mail_bench *b, const char *host, const char *cert, const char *steps);
/* Opens the method on HOST and the port of b->server. */
void mail_bench_open(struct mail_bench *b, const char *host);
/* Closes both and stops the server. */
void mail_bench_end(struct mail_bench *b);

/* Sets a setting to the path of NAME in the folder. */
void mail_bench_set_file(struct mail_bench *b, const char *setting, const char *name);
/* One call of deliver(), which must answer 0. */
void mail_bench_deliver(struct mail_bench *b);
void assert_outcome(const struct mail_bench *b, const struct stub_parcel *p, enum outcome_kind kind, const char *code,
                    bool destination);
/* The mail's secret never came to the server, nor anything of its envelope. */
void assert_nothing_sent(const struct mail_bench *b);

#endif

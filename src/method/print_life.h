/* What makes a CUPS server print a letter from the top: its restart, and hands that stop a printer, move a job or
 * change its queue. CUPS tells of them by a subscription (RFC 3995, RFC 3996), which it keeps over restarts; it
 * counts and times each. From one of them to the next is a life: within one nothing is begun a second time. */
#ifndef METHOD_PRINT_LIFE_H
#define METHOD_PRINT_LIFE_H

#include <cups/ipp.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct outcome;

enum { LIFE_NAME = 64 };

struct print_life {
    char name[LIFE_NAME];  /* the same name is the same life; empty: not asked yet, or not told */
    bool untold;           /* the server does not let us subscribe: it is not asked again */
    int count;             /* of such events since the subscription was made */
    int started;           /* the last of them, in the server's seconds since 1970; 0: there was none */
    int64_t since;         /* of the connection that it was asked over */
    int watch;             /* the subscription; 0: it is not known over this connection */
    char token[LIFE_NAME]; /* its own */
};

/* Asks what happened until now. A server that does not let us subscribe says so once: it ends
 * the connection with its refusal, which is no sign of a restart. 0; 1 with TROUBLE; -ENOMEM. */
int life_ask(struct print_life *l, struct connection *c, const char *user, struct outcome *trouble);

/* When (the server's seconds) the life that has this NAME was followed by NOW; 0: it was not the one before, or that
 * is not known. */
int life_follows(const struct print_life *now, const char *name);

/* Our subscription among those of an answer: its id, and its TOKEN. 0: there is none. */
int life_read_watch(ipp_t *answer, char token[LIFE_NAME]);
/* The last start that is told there under TOKEN. */
void life_read_starts(ipp_t *answer, const char *token, struct print_life *ret);

#endif

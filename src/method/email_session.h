/* One SMTP session: many parcels over one connection, by libesmtp. */
#ifndef METHOD_EMAIL_SESSION_H
#define METHOD_EMAIL_SESSION_H

#include "email_tls.h"

#include <pindispatch/method.h>
#include <pindispatch/secret.h>

#include <stdbool.h>
#include <stdint.h>

enum { EMAIL_SESSION_MOST = 100 }; /* messages: libesmtp keeps every one until the session ends */

/* How to reach the server. All borrowed. */
struct email_account {
    const char *server;            /* "host:port" */
    const char *hello;             /* what EHLO says; "": the machine's name */
    const char *username;          /* "": no authentication */
    const struct secret *password; /* set with a username */
    struct email_tls *tls;         /* NULL: in clear */
    bool clear_anywhere;           /* in clear also to other addresses than loopback */
    int64_t timeout;               /* microseconds, of each step of the conversation; twice that for the last */
    int64_t keep;                  /* microseconds that the connection waits for the next mail; 0: it does not */
    bool holds_doubt;              /* what may be out is committed before its first byte: desk->mark() */
};

/* Sends FIRST, then what desk->next() gives, and reports each. 0, also when nothing could be sent; -errno when the
 * desk or the memory is gone. TROUBLE: the destination's, with code and reason, else its code is empty. */
int email_session_run(struct desk *d, const struct email_account *a, struct parcel *first, struct outcome *trouble);

#endif

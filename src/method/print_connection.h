/* One connection to a CUPS server or a printer: kept, and renewed when it broke. It says what goes wrong on the way;
 * what an answer means is for its users to judge. */
#ifndef METHOD_PRINT_CONNECTION_H
#define METHOD_PRINT_CONNECTION_H

#include <cups/ipp.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/document.h>
#include <pindispatch/outcome.h>

#include "print_target.h"

struct desk;
struct connection;

DEFINE_CLEANUP(ipp_t, ipp, ippDelete)

/* The code of trouble: the server wants to know who asks. */
#define CONNECTION_REFUSED "server-refuses"

/* Does not connect. SERVER and PRINTER are as print.server and print.printer. DESK is borrowed: its settings say how
 * to trust them, its deadline guards each request. 0, -ENOMEM, or -EINVAL (names that nobody checked). */
int connection_new(struct desk *desk, const char *server, const char *printer, struct connection **ret);
struct connection *connection_free(struct connection *c);

const struct print_target *connection_target(const struct connection *c);
/* When the last connection was opened, microseconds since 1970; 0: none was. A server that is restarted ends its
 * connections. */
int64_t connection_since(const struct connection *c);

/* Connects if there is no connection that can be used, sends REQUEST (taken; NULL is -ENOMEM) with document D (may
 * be NULL) to the path RESOURCE and waits for the answer, whatever its IPP status. Nothing is ever repeated. 0 with
 * *RET; 1 with TROUBLE of the destination: then the request may or may not have arrived; -ENOMEM. */
int connection_ask(struct connection *c, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
                   struct outcome *trouble);

#endif

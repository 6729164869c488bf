/* The control socket: one JSON request a line; its answers are zero or more {"item":…} lines and then one
 * {"ok":true,…} or {"error":{"code","message"}} line.
 *
 *   {"command":"status"}                                 → {"ok":true,"status":{…}}
 *   {"command":"list","states":["failed"],"limit":100}   → {"item":{delivery}}… {"ok":true}
 *   {"command":"show","id":ID}                           → {"ok":true,"delivery":{…,"event":{…},"audit":[…]}}
 *   {"command":"states","ids":[ID…]}                     → {"ok":true,"states":{ID:"queued"…}} (null: no such
 * delivery)
 *   {"command":"retry"|"cancel"|"hold"|"release","id":ID,"reason":…}          → {"ok":true,"id","state"}
 *   {"command":"resolve","id":ID,"as":"delivered"|"failed","reason":…}        → {"ok":true,"id","state"}
 *       (cancel of a spooled letter answers with "asked":true: the printer is asked to give it back, watch its state;
 *       "changed" tells whether it was not so already; "note": what the operator should look after)
 *   {"command":"reload"}                                 → {"ok":true,"generation":N}
 *   {"command":"metrics"}                                → {"ok":true,"text":…}
 *   {"command":"audit-verify"}                           → {"ok":true,"rows":N} or error "audit"
 *       (with audit.public_key also "anchors": how many, and "anchored": the row of the newest)
 *   {"command":"audit-export","after":N}                 → {"item":{row}}… {"item":{"anchor":{…}}}… {"ok":true}
 *
 * Error codes: "usage" (not a request), "unknown" (no such delivery), "refused" (the state does not allow it),
 * "denied" (the peer's rights do not), "config" (a reload was refused), "audit" (the chain is broken), "store" (it
 * failed), "busy". A line of more than 64 KiB is answered with "usage". Requests of one connection are answered in
 * order, one after the other. */
#ifndef PINDISPATCH_CONTROL_H
#define PINDISPATCH_CONTROL_H

#include <pindispatch/cleanup.h>
#include <pindispatch/problem.h>

#include <jansson.h>
#include <sys/types.h>

struct channel;
struct control;
struct site;
struct uuid;

/* What a peer may do; each includes the ones before. The column of the command table. */
enum control_privilege {
    CONTROL_WATCH,   /* numbers and states */
    CONTROL_READ,    /* holders' data and the audit trail */
    CONTROL_OPERATE, /* changes */
};

/* What control asks of the daemon, which knows the other rooms. */
struct control_host {
    /* Members for `status` beside the store's:
     * {"version","pid","started","generation","dry_run","methods":{"pin","puk"},
     * "config","intake":{…},"clock":{"trouble":null or {"code","reason","since"}},"channels":[dispatch_status()]}.
     * NULL: out of memory. */
    json_t *(*status)(void *userdata);
    /* 0; 1 with P: the old configuration stays. */
    int (*reload)(void *userdata, struct problem *p);
    /* Deliveries became due by an operator's word. */
    void (*nudge)(void *userdata);
    /* Takes a letter back from the printer, as dispatch_withdraw(). */
    int (*withdraw)(void *userdata, const struct uuid *id, const char *words, int64_t uid);
    /* Up to where this peer may go. NULL: whoever can open the socket may do everything; its mode says who. A peer
     * that the kernel does not name never gets more than CONTROL_WATCH. */
    enum control_privilege (*privilege)(void *userdata, const struct channel *peer);
    void *userdata;
};

/* HOST is copied. */
int control_new(const struct site *site, const struct control_host *host, struct control **ret);
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control, control, control_free)
/* Serves a listening unix stream socket; takes FD over. 0 or -errno. */
int control_listen(struct control *c, int fd);

#endif

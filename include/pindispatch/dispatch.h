/* Dispatch: what is due is claimed, handed to workers, and settled by what they say. */
#ifndef PINDISPATCH_DISPATCH_H
#define PINDISPATCH_DISPATCH_H

#include <pindispatch/cleanup.h>

#include <jansson.h>
#include <stdbool.h>

struct dispatch;
struct site;

struct dispatch_options {
    const char *worker_program; /* path of pindispatch-worker; used when workers.socket is empty */
    /* Called when there is nothing left to do just now (for --once). May be NULL. */
    void (*idle)(void *userdata);
    void *userdata;
};

/* Takes up what an earlier run left in `sending` and `spooled`. OPTIONS is copied. */
int dispatch_new(const struct site *site, const struct dispatch_options *options, struct dispatch **ret);
struct dispatch *dispatch_free(struct dispatch *d);
DEFINE_CLEANUP(struct dispatch, dispatch, dispatch_free)

/* The site's settings changed: workers are replaced as they become free. */
void dispatch_reload(struct dispatch *d);
/* Claims nothing more; workers end after what they have in hand. */
void dispatch_stop(struct dispatch *d);
/* Is anything in a worker's hands? */
bool dispatch_is_busy(const struct dispatch *d);
/* An operator changed deliveries of a destination in trouble: look again at once instead of waiting. */
void dispatch_nudge(struct dispatch *d);

/* For `status`: [{"method","workers":{"wanted","running","busy"},"destination","in_hand","spooled",
 *  "trouble":{"code","reason","since","next_try"} or null}]. NULL: out of memory. */
json_t *dispatch_status(const struct dispatch *d);

#endif

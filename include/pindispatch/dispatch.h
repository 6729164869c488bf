/* Dispatch: what is due is claimed, handed to workers, and settled by what they say. */
#ifndef PINDISPATCH_DISPATCH_H
#define PINDISPATCH_DISPATCH_H

#include <pindispatch/cleanup.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct dispatch;
struct site;
struct uuid;

/* WORKER_PROGRAM is the path of pindispatch-worker, borrowed; it is used when workers.socket is empty. Takes up what
 * an earlier run left in `sending` and `spooled`. 0, -ENOMEM, -errno. */
int dispatch_new(const struct site *site, const char *worker_program, struct dispatch **ret);
/* Kills workers that were started here and are still there. */
struct dispatch *dispatch_free(struct dispatch *d);
DEFINE_CLEANUP(struct dispatch, dispatch, dispatch_free)

/* The site's settings changed: workers are replaced as they become free. */
void dispatch_reload(struct dispatch *d);
/* Claims nothing more; workers end after what they have in hand, and are ended when they do not. */
void dispatch_stop(struct dispatch *d);
/* Is anything in a worker's hands, or, after dispatch_stop(), any worker there? */
bool dispatch_is_busy(const struct dispatch *d);
/* Is nothing in hand, nothing due just now, or everything that is due waits for a destination in trouble? */
bool dispatch_is_quiet(const struct dispatch *d);
/* An operator wants a letter back that is at the printer: a worker is asked to cancel its job as long as it is not
 * being printed. What came of it is a change of state that comes later: `cancelled`, or none. WORDS (the reason, may
 * be NULL) is copied; UID is the operator's. 0: asked; -ENOENT: it is not at the printer; -EBUSY: a worker has it
 * just now; -ENOMEM. */
int dispatch_withdraw(struct dispatch *d, const struct uuid *id, const char *words, int64_t uid);
/* The store was in trouble and takes changes again (commit_watch()). */
void dispatch_resume(struct dispatch *d);
/* An operator changed deliveries of a destination in trouble: look again at once instead of waiting. */
void dispatch_nudge(struct dispatch *d);

/* For `status`: [{"method","workers":{"wanted","running","busy"},"destination","in_hand","spooled",
 *  "trouble":{"code","reason","since","next_try"} or null}]. NULL: out of memory. */
json_t *dispatch_status(const struct dispatch *d);

#endif

/* A CUPS server and one printer of it, or a printer that is talked to directly: the few IPP operations (RFC 8011)
 * that printing a letter needs, over one connection.
 *
 * All return 0; 1 with TROUBLE set (kind, destination, code, reason); or the positive condition that is documented.
 */
#ifndef METHOD_PRINT_SPOOLER_H
#define METHOD_PRINT_SPOOLER_H

#include "print_ability.h"
#include "print_guard.h"
#include "print_item.h"
#include "print_job.h"
#include "print_life.h"

#include <pindispatch/document.h>
#include <pindispatch/problem.h>
#include <pindispatch/settings.h>

struct desk;
struct spooler;

enum {
    SPOOLER_GONE = 2, /* there is no such job (any more) */
    SPOOLER_UNFIT,    /* the job is in a state in which that cannot be done: not held, or ended */
    SPOOLER_UNDONE,   /* of a step that was tried: it did not happen */
};

/* Does not connect. PLACE: NULL is the one that the settings name. 0 or -errno. */
int spooler_new(struct desk *desk, const struct print_place *place, struct spooler **ret);
struct spooler *spooler_free(struct spooler *s);

const char *spooler_printer(const struct spooler *s);
/* How it is named; a printer without a CUPS server has no `server`. */
const struct print_place *spooler_place(const struct spooler *s);
/* When its connection was opened; another time is another connection. */
int64_t spooler_since(const struct spooler *s);
/* Which life of its CUPS server answers (print_life.h); asked once a connection. */
int spooler_life(struct spooler *s, struct print_life *ret, struct outcome *trouble);
/* FACTS, unless NULL: what the queue tells of itself. */
/* Is it a printer without a CUPS server: one that holds no jobs, keeps no UUID of ours, and gets a letter's document
 * as the step that cannot be undone? Its jobs that wait for a document are told as held. */
bool spooler_is_direct(const struct spooler *s);
/* What such a printer can do. */
int spooler_ability(struct spooler *s, struct ability *ret, struct outcome *trouble);
int spooler_look(struct spooler *s, struct print_printer *ret, struct guard_facts *facts, struct outcome *trouble);
/* The job that ended last, anybody's; id 0: none did. */
int spooler_newest(struct spooler *s, struct print_job *ret, struct outcome *trouble);
/* Some more of the jobs that ended at the printer, anybody's, newest first. */
int spooler_history(struct spooler *s, void (*each)(void *userdata, const struct print_job *j), void *userdata,
                    struct outcome *trouble);

/* Create-Job, held, under UUID, which is also its NAME at a printer; RET has id and state: anything but held must be
 * cancelled by the caller. */
int spooler_create(struct spooler *s, const char *name, const struct uuid *uuid, struct print_job *ret,
                   struct outcome *trouble);
/* SIDES, from now on, in place of what print.sides says: what the printer can do. */
void spooler_set_sides(struct spooler *s, const char *sides);
/* Send-Document, the only one; SPOOLER_UNFIT, at a printer: the job has a document, or has ended. A job that ended
 * meanwhile swallows it with success: read RET's state. */
int spooler_send(struct spooler *s, int id, const struct document *d, struct print_job *ret, struct outcome *trouble);
/* Both: or SPOOLER_GONE, SPOOLER_UNFIT. */
int spooler_release(struct spooler *s, int id, struct outcome *trouble);
int spooler_cancel(struct spooler *s, int id, struct outcome *trouble);

/* Each job by its id: ids are hints (they are used again after a crash), so compare the UUID. Ids that are not there
 * leave a job with id 0. */
int spooler_jobs(struct spooler *s, const int *ids, size_t n, struct print_job *ret, struct outcome *trouble);
/* Our own held jobs of the server, at all of its printers; at most N. */
int spooler_held(struct spooler *s, struct print_job *ret, size_t n, size_t *ret_n, struct outcome *trouble);
/* All jobs of the server, at all of its printers, or of a printer without one; ended ones too. */
int spooler_each(struct spooler *s, void (*each)(void *userdata, const struct print_job *j), void *userdata,
                 struct outcome *trouble);

#endif

/* Letters that are worked on together: one commit for all. */
#ifndef METHOD_PRINT_BATCH_H
#define METHOD_PRINT_BATCH_H

#include "print_item.h"
#include "print_spooler.h"
#include "print_watch.h"

#include <pindispatch/method.h>

/* Their documents lie at the spooler, held, until that commit. */
enum { BATCH = 32, FENCES = 64 };

/* What a worker learnt about its printer, from its letters and from what its server remembers. */
struct print_habits {
    struct law_habits law;
    bool asked; /* the server, in this session */
};

struct batch {
    struct desk *desk;
    struct spooler *spooler;
    struct print_watch *watch;
    struct print_habits *habits;
    /* The step that cannot be undone. 0; SPOOLER_GONE; SPOOLER_UNFIT; SPOOLER_UNDONE with O: it provably did not
     * happen; 1 with O: the destination's trouble, nobody knows; negative. */
    int (*release)(struct batch *b, struct item *i, struct outcome *o);
    struct item items[BATCH];
    size_t n;
    int fences[FENCES]; /* held jobs of interrupted attempts */
    size_t n_fences;
    int64_t connection; /* over which this batch's jobs are made */
    bool former;        /* its server is none that new letters go to: what is wrong there is no reason to wait */
    bool accepted;      /* print.confirm: the spooler's word is enough */
};

/* Sets of stages: to be made, and committed to be released. */
enum {
    STAGES_NEW = 1 << STAGE_FRESH | 1 << STAGE_BEGUN,
    STAGES_OLD = 1 << STAGE_RELEASING | 1 << STAGE_SPOOLED,
};

/* Where new letters go, by the clock of whose server nothing is known yet: seconds. */
int batch_now(const struct batch *b);
/* What the printer usually says; asks its server the first time. 0, also when it does not answer; negative. */
int batch_learn(struct batch *b, bool anew);
/* Is the item not reported, and of one of these stages? */
bool batch_is_open(const struct item *i, unsigned stages);
size_t batch_count(const struct batch *b, unsigned stages);
/* Reports the item; takes O's evidence, or makes it. 0, or -errno: the dispatcher is gone. */
int batch_settle(struct batch *b, struct item *i, struct outcome *o);
/* The same trouble for all open items of these stages: a letter that may be at the printer stays `spooled`, so that
 * it is looked for again and never made anew. */
int batch_settle_all(struct batch *b, unsigned stages, const struct outcome *trouble);
/* `release` of a CUPS server. */
int batch_release_held(struct batch *b, struct item *i, struct outcome *o);
/* Releases, and reports, what is held by intent: of this attempt, or of one that ended right after the commit. */
int batch_release(struct batch *b);

/* print_sweep.c: struct method's tidy, of a CUPS server's printer. */
int print_sweep(struct desk *desk, struct spooler *spooler);

/* print_follow.c: what earlier attempts left. */

/* Finds the jobs of the open items. 0; 1 with TROUBLE; negative. */
int batch_find(struct batch *b, struct outcome *trouble);
/* Cancels the held jobs of interrupted attempts: before anything is made anew. */
int batch_fence(struct batch *b, struct outcome *trouble);
/* Reports what became of letters whose release was committed, or that turn out to be released. */
int batch_follow(struct batch *b);

/* print_stand.c: why letters that are at the printer do not move. */

/* Of what became of them (FOUND, by item): is the destination to blame? TROUBLE: code empty when not. 0 or negative.
 */
int batch_stand(struct batch *b, const struct outcome *found, struct outcome *trouble);
/* What that means for one of them: O is said again. */
void batch_tell_stand(struct item *i, const struct outcome *trouble, struct outcome *o);

#endif

/* CUPS servers that the configuration named before (print.former): letters that were given to them are followed
 * there, and jobs that interrupted attempts left there are taken away. Nothing new goes to them. Only the
 * configuration names them: where a letter is known to be is never an address to go to. */
#ifndef METHOD_PRINT_FORMER_H
#define METHOD_PRINT_FORMER_H

#include "print_batch.h"

enum { FORMER_SERVERS = 8 };

/* Of one worker's session; zero at its beginning. */
struct print_former {
    struct spooler *spoolers[FORMER_SERVERS]; /* in the order of the setting; made when needed */
    struct print_habits habits[FORMER_SERVERS];
};

/* Settles those of B's letters that are at a former server, but for what is to be made anew. 0 or negative. */
int former_work(struct print_former *f, struct batch *b);
/* struct method's tidy there: 0; 1: something was left, or may be; negative. */
int former_sweep(struct print_former *f, struct desk *d);
void former_close(struct print_former *f);

#endif

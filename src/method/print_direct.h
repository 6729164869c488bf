/* Letters straight to a printer (IPP Everywhere, PWG 5100.14), without a CUPS server and its spool.
 *
 * Such a printer holds no job until it is released: it prints what it gets. So the step that cannot be undone is the
 * document. A job is made, without one; the intent is committed, with the job's id and the UUID that the printer gave
 * it; the document is sent. A job takes one document, so that whoever sends second is refused. After a crash the job
 * tells: it still waits for its document, which is sent then, or it goes on. A printer that knows nothing of the job
 * any more (most forget soon after the end) leaves the letter in doubt. */
#ifndef METHOD_PRINT_DIRECT_H
#define METHOD_PRINT_DIRECT_H

#include "print_batch.h"

/* What a worker knows of its printer; zero at the session's beginning. */
struct print_direct {
    bool known;
    struct raster_form raster; /* what desk->form leads to when the printer takes no PDF */
};

/* Asks once what the printer can do, and has letters composed as it wants them. 0; 1 with TROUBLE; negative. */
int direct_prepare(struct print_direct *d, struct desk *desk, struct spooler *s, struct outcome *trouble);
/* struct batch's release(): the document. */
int direct_release(struct batch *b, struct item *i, struct outcome *o);
/* Letters that were not begun, or not committed: one after the other. 0 or negative. */
int direct_deliver(struct batch *b, struct outcome *trouble);
/* A letter that counts as sent, and whose job still waits for its document: that never came, and the job is
 * cancelled, so that it is told as failed. 0 or negative. */
int direct_end_open(struct batch *b);

#endif

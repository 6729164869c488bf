/* The spool guard at work: a queue is judged whenever letters are about to go there, and by what its server says of
 * ended jobs. */
#ifndef METHOD_PRINT_WATCH_H
#define METHOD_PRINT_WATCH_H

#include "print_guard.h"
#include "print_spooler.h"

/* Of one worker's session; zero at its beginning. */
struct print_watch {
    struct guard_facts facts;
    struct guard guard; /* as judged and told last */
    bool judged;
};

/* Before new letters, after spooler_look() filled the facts: judges, and tells the dispatcher what it does not know
 * yet. 0; 1 with TROUBLE: print.spool_guard requires better; negative: this worker cannot go on. */
int watch_judge(struct print_watch *w, struct desk *desk, struct spooler *s, struct outcome *trouble);
/* What the server says about the document of an ended job is what it does with documents now. */
void watch_job(struct print_watch *w, const struct print_job *j);
/* Puts what was found into a letter's evidence: "guard": ["CODE"…]. A session that did not look takes what EARLIER
 * (evidence; may be NULL) had. */
void watch_note(const struct print_watch *w, const json_t *earlier, json_t *evidence);

#endif

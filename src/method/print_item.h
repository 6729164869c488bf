/* One letter of a batch: what is known of it, and what that means. Pure. */
#ifndef METHOD_PRINT_ITEM_H
#define METHOD_PRINT_ITEM_H

#include "print_job.h"
#include "print_life.h"

#include <pindispatch/outcome.h>
#include <pindispatch/parcel.h>

struct item {
    struct parcel *parcel;
    struct print_job job;            /* the one that tells; id 0: none is found */
    int known_id;                    /* the job's id as the last attempt noted it; 0: it did not */
    unsigned pages;                  /* of the letter; 0: unknown */
    char printer_uuid[PRINT_UUID];   /* the job-uuid of a printer that gives its own; else empty */
    const struct document *document; /* of this attempt, for a printer that gets it after the commit; else NULL */
    bool intended;                   /* the release is committed */
    bool released;                   /* the server answered that it released the job */
    bool made;                       /* this attempt has a held job at the server */
    bool prepared;                   /* and its document is there */
    struct outcome answer;           /* to its release: not reported yet, when `answered` and not `done` */
    bool answered;
    bool done;            /* reported */
    bool interrupted;     /* the server was restarted and may have been printing it: it then begins again */
    int64_t looked;       /* when the job was asked for last, microseconds since 1970; 0: never */
    char life[LIFE_NAME]; /* of the server, at that time */
};

void item_begin(struct item *i, struct parcel *p);
/* Is J this letter's job: by our UUID, which a CUPS server keeps as the job's; or, at a printer, by the name that we
 * gave the job, or by the UUID that the printer gave it? */
bool item_is(const struct item *i, const struct print_job *j);
/* Is J, under this letter's UUID, a leftover of an attempt that is not the one whose release was committed? */
bool item_is_stray(const struct item *i, const struct print_job *j);
/* Another job under this letter's UUID: the one that came furthest is kept, and a stray never. */
void item_consider(struct item *i, const struct print_job *j);
/* Is the release committed and the job still held, because it was not done? A job that was released and is held
 * again is held by a person at the printer. */
bool item_wants_release(const struct item *i);
/* Is JOB, as the server has it, this letter's held job with its one document? Else O says what is wrong. */
bool item_is_ready(const struct item *i, const struct print_job *job, struct outcome *o);
/* The job was asked for at ASKED, between BEFORE and AFTER, which are the same life of the server but for a restart
 * in that moment. Was it restarted since the last look, and may it then have been printing this letter? */
void item_look(struct item *i, int64_t asked, const struct print_life *before, const struct print_life *after);
/* What became of a letter whose release was committed. ACCEPTED: the spooler's word is enough. O gets evidence. */
void item_judge(const struct item *i, const char *printer, bool accepted, struct outcome *o);
/* The same right after the release: a job that was held waits now. */
void item_released(struct item *i, const char *printer, bool accepted, struct outcome *o);

/* {"job_id","job_uuid","printer_job_uuid","printer","job_state","job_state_reasons","sheets","pages","released",
 * "document","looked","server","interrupted","proof"}; without a job what the last attempt left. NULL: nothing is
 * known, or out of memory (evidence is never worth a failed letter).
 *
 * document, with an ended job: "gone", "kept" or "unknown", as the server says of the letter's bytes.
 *
 * proof, with a completed job: "sheets": the printer counted the letter's sheets; "job-state": it says completed and
 * does not count; "weak": the count does not fit, or the printer kept no history and CUPS only supposes the end;
 * "reprint-possible": it is completed, and was interrupted before: there may be a second letter. */
json_t *item_evidence(const struct item *i, const char *printer);

#endif

/* One letter of a batch: what is known of it, and what that means by the law (print_law.h). Pure. */
#ifndef METHOD_PRINT_ITEM_H
#define METHOD_PRINT_ITEM_H

#include "print_job.h"
#include "print_law.h"
#include "print_life.h"
#include "print_target.h"

#include <pindispatch/outcome.h>
#include <pindispatch/parcel.h>

struct item {
    struct parcel *parcel;
    struct print_place place;        /* that its job was, or is to be, made at */
    struct print_job job;            /* the one that tells; id 0: none is found */
    int known_id;                    /* the job's id as the last attempt noted it; 0: it did not */
    unsigned pages;                  /* of the letter; 0: unknown */
    char printer_uuid[PRINT_UUID];   /* the job-uuid of a printer that gives its own; else empty */
    const struct document *document; /* of this attempt, for a printer that gets it after the commit; else NULL */
    bool intended;                   /* the release is committed */
    bool released;                   /* the server answered that it released the job */
    bool elsewhere;                  /* its place is another server than the one that new letters go to */
    bool tried;                      /* a job may have been made at its place */
    bool made;                       /* this attempt has a held job at the server */
    bool prepared;                   /* and its document is there */
    struct outcome answer;           /* to its release: not reported yet, when `answered` and not `done` */
    bool answered;
    bool done;             /* reported */
    bool again;            /* it may come out a second time */
    bool parked;           /* it does not move until somebody does something */
    struct law_sight seen; /* at the last look */
    int since;             /* when it moved last, by the same clock */
    char life[LIFE_NAME];  /* of the server, at that time; empty: not known */
};

/* HERE: the place for a letter that was not begun yet, or whose place nobody noted. */
void item_begin(struct item *i, struct parcel *p, const struct print_place *here);
/* The queue that has the job, as its server tells; else the printer that it was given to. */
const char *item_printer(const struct item *i);
/* Did somebody move it to another queue? */
bool item_is_moved(const struct item *i);
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
/* Is JOB, which nobody here released, on its way or at its end all the same: can paper come of it? */
bool item_went_on(const struct print_job *j);
/* The job was asked for between BEFORE and AFTER, which are the same life of the server but for a restart in that
 * moment. What is new since the last look? NOW: our clock's seconds, for a server that tells no time. */
void item_look(struct item *i, int now, const struct print_life *before, const struct print_life *after);
/* What became of a letter whose release was committed. HABITS: of the printer that it was given to. ACCEPTED: the
 * spooler's word is enough. O gets evidence. */
void item_judge(const struct item *i, const struct law_habits *habits, bool accepted, struct outcome *o);
/* The same right after the release: a job that was held waits now. */
void item_released(struct item *i, const struct law_habits *habits, bool accepted, struct outcome *o);

/* {"job_id","job_uuid","printer_job_uuid","printer","moved_from","cups_server","job_state","job_state_reasons",
 * "sheets","pages","released","document","began","seen","since","life","interrupted","parked","proof"}; without a job
 * what the last attempt left, or the place where this one may have left a job. NULL: nothing is known, or out of
 * memory (evidence is never worth a failed letter).
 *
 * document, with an ended job: "gone", "kept" or "unknown", as the server says of the letter's bytes.
 * proof, with a completed job: print_law.h. HABITS may be NULL: then without it. */
json_t *item_evidence(const struct item *i, const struct law_habits *habits);

#endif

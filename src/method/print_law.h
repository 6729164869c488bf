/* The law of a letter's end: what a server or printer says of a job now, what it said before and what it usually says
 * decide what became of the letter. Pure; the words are print_item.c's.
 *
 * A printer has no other way to tell of paper than its counter, and most say nothing. So a job that had begun may
 * have come out, whatever its end is called, and one that begins a second time may come out a second time. */
#ifndef METHOD_PRINT_LAW_H
#define METHOD_PRINT_LAW_H

#include <cups/ipp.h>
#include <stdbool.h>

#include <pindispatch/outcome.h>

enum { LAW_UNTOLD = -1 };

/* One look at a job. Times are the server's own seconds, and compared with its own only. */
struct law_sight {
    ipp_jstate_t state; /* 0: the job was not seen yet, or is not known any more */
    int began;          /* when it was begun last; 0: it never was; LAW_UNTOLD */
    int sheets;         /* LAW_UNTOLD, or as counted */
    int at;             /* of the look; 0: the server tells no time */
};

/* Does the printer count the sheets of a letter? */
enum law_counting { LAW_UNKNOWN, LAW_COUNTS, LAW_SILENT };

/* What is known of a printer from letters, and other people's jobs, that ended there. Zero: nothing yet. */
struct law_habits {
    enum law_counting counting;
    unsigned uncounted; /* ended jobs without a sheet, while none had one */
    int longest;        /* seconds that a job took */
    int ended;          /* when a job was completed there last, the server's seconds */
    int moved;          /* when anything happened to one of our jobs last */
};

/* A restart of the server since the look before. */
struct law_restart {
    bool known_of;
    int at; /* the server's seconds; 0: not known */
};

/* May the job be printed a second time by now, or when it goes on? */
bool law_begins_again(const struct law_sight *before, const struct law_sight *now, const struct law_restart *restart);
/* Did anything happen to it? */
bool law_has_moved(const struct law_sight *before, const struct law_sight *now);
/* A job that was completed there; ENDED: when, or 0. */
void law_learn(struct law_habits *h, const struct law_sight *job, int ended);
void law_note_move(struct law_habits *h, int at);
/* How long (seconds) nothing may move at a printer before that is trouble. FLOOR: at least. */
int law_patience(const struct law_habits *h, int floor);

struct law_case {
    struct law_sight now;
    unsigned pages;             /* of the letter; 0: not known */
    enum law_counting counting; /* of the printer */
    bool again;                 /* law_begins_again() was true at some look */
    bool supposed;              /* the server kept no history, and only supposes the end */
    bool faulty;                /* the printer told errors with the completed job */
    bool explained;             /* aborted by who printed it, who says why */
    bool lost;                  /* aborted because the server found no document any more: it may have printed it */
    bool own;                   /* the word of a printer without a spool */
    bool accepted;              /* the spooler's word is enough (print.confirm) */
};

/* PROOF, of a completed job:
 *   sheets            the printer counted the letter's sheets
 *   job-state         it says completed, and is known not to count
 *   weak              the count does not fit, or is not there although nobody knows that it must not be; or the end
 *                     is only supposed
 *   reprint-possible  it began more than once: there may be a second letter */
struct law_word {
    enum outcome_kind kind;
    const char *code, *proof; /* PROOF may be NULL */
    bool unsure;              /* struct outcome's */
};

struct law_word law_judge(const struct law_case *c);

#endif

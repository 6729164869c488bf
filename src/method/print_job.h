/* What a CUPS server says about jobs and printers, read once into plain values. */
#ifndef METHOD_PRINT_JOB_H
#define METHOD_PRINT_JOB_H

#include <cups/ipp.h>
#include <stdbool.h>

#include <pindispatch/outcome.h>
#include <pindispatch/uuid.h>

#include "print_law.h"

enum { PRINT_WORDS = 192, PRINT_QUEUE = 128, PRINT_UUID = sizeof("urn:uuid:") - 1 + UUID_TEXT };

/* What the server says about the document of a job that it has or had. */
enum print_document { PRINT_DOCUMENT_UNTOLD, PRINT_DOCUMENT_GONE, PRINT_DOCUMENT_KEPT };

struct print_job {
    int id;
    ipp_jstate_t state;           /* 0: not told */
    int began;                    /* when the server began to print it last (time-at-processing), as the law has it */
    int ended;                    /* when it ended (time-at-completed); 0: not yet, or not told */
    int now;                      /* the server's time (job-printer-up-time); 0: not told */
    int documents;                /* received by the server */
    enum print_document document; /* CUPS' job-preserved */
    int sheets;                   /* printed, as the law has it */
    bool counts;                  /* the server told how many documents it received */
    char name[PRINT_UUID];        /* job-name, when it is short enough to be one of ours; else empty */
    char uuid[PRINT_UUID];        /* "urn:uuid:…"; empty when not told */
    char queue[PRINT_QUEUE];      /* of the CUPS server, where it is now (job-printer-uri); empty when not told */
    char reasons[PRINT_WORDS];    /* job-state-reasons and what the printer said meanwhile, by commas */
    char message[PRINT_WORDS];    /* the printer's sentence; may be empty */
};

struct print_printer {
    ipp_pstate_t state;
    bool accepting;
    char reasons[PRINT_WORDS];
    char message[PRINT_WORDS];
};

/* The job's attributes from the group that *ATTR is in, up to the next group; *ATTR is moved behind it.
 * False: there is no more job in this answer. */
bool print_job_read(ipp_t *answer, ipp_attribute_t **attr, struct print_job *ret);
void print_printer_read(ipp_t *answer, struct print_printer *ret);

/* A sentence that a server or a printer's driver made: it may be anything. MESSAGE must be a string before. */
void print_message_read(ipp_attribute_t *attr, char message[PRINT_WORDS]);

char *print_uuid(const struct uuid *u, char text[PRINT_UUID]);
bool print_job_is(const struct print_job *j, const struct uuid *u);
/* Which of several jobs under one UUID tells what became of the letter: the one that came furthest. 0: none. */
int print_job_rank(const struct print_job *j);
/* Of a printer that holds no jobs: a job that has no document yet is held for us, and one whose document may be on
 * its way is not. */
void print_job_tell_open(struct print_job *j);
bool print_job_has_ended(const struct print_job *j);
bool print_reason_has(const char *reasons, const char *reason);

/* Is the printer unable to take NEW letters, or, else, to print those that it has? Sets code and reason then, with
 * O's kind kept and its destination set. A reason that a printer told with an earlier job is none for a new one: it
 * may go away only when something is printed. */
bool print_printer_trouble(const struct print_printer *p, const char *name, bool new, struct outcome *o);

#endif

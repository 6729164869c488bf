/* The spool guard: what is wrong with a queue that letters with PINs go to. Pure.
 *
 * Codes, and what each means:
 *   queue-class          several printers, so that nobody knows where a letter comes out
 *   queue-banner         a banner page is a sheet about the letter that lies at the printer
 *   queue-reprints       a job that fails is printed again from the top
 *   queue-shared         the server offers the queue to the network
 *   queue-file           letters go to a file instead of a printer
 *   device-unencrypted   the server sends letters over the network in clear
 *   spool-keeps-documents  letters stay in the spool after they are printed: seen of a job, not of a setting
 *   printer-counts-nothing  no sheets are counted: a letter is delivered by the spooler's word alone
 *   letters-moved        somebody moved letters of ours to another queue: told by the letters
 *   server-tells-no-starts  we may not subscribe: a restart between two looks is not noticed */
#ifndef METHOD_PRINT_GUARD_H
#define METHOD_PRINT_GUARD_H

#include <cups/ipp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { GUARD_TEXT = 128, GUARD_FINDINGS = 12 };

/* What a CUPS queue tells of itself (Get-Printer-Attributes). What it does not tell is empty, and judged as good. */
struct guard_facts {
    bool is_class, is_shared;
    char banner[GUARD_TEXT];       /* job-sheets-default, by commas */
    char error_policy[GUARD_TEXT]; /* printer-error-policy */
    char device[GUARD_TEXT];       /* device-uri; cut, which leaves scheme and host */
    bool keeps_documents;          /* from the jobs: the newest that ended still has its document */
    char moved_to[64];             /* from the letters: the queue that has one of ours; empty: none was moved */
    bool counts_nothing;           /* from the jobs, too */
    bool tells_no_starts;          /* from the server's answer to a subscription */
};

struct guard_finding {
    char code[32];
    char reason[256]; /* what is wrong, and the command that mends it */
    bool weak;        /* nothing unsafe: it says what less can be known of letters, and none waits for it */
};

struct guard {
    struct guard_finding findings[GUARD_FINDINGS];
    size_t n;
};

/* The attributes that guard_read() wants asked. */
enum { GUARD_ATTRIBUTES = 5 };
extern const char *const guard_attributes[GUARD_ATTRIBUTES];

/* Fills all but what the queue's attributes do not tell, which stays as it is. */
void guard_read(ipp_t *answer, struct guard_facts *ret);
void guard_judge(const struct guard_facts *f, const char *printer, struct guard *ret);

/* [{"code","reason"}…]. NULL: out of memory. */
json_t *guard_to_json(const struct guard *g);
/* ["CODE"…], for the evidence of a letter. NULL: there is none, or out of memory. */
json_t *guard_codes(const struct guard *g);

#endif

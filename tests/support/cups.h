/* A private cupsd (tests/support/cups.py) for a test program; it ends with the program, however that ends. */
#ifndef TESTS_SUPPORT_CUPS_H
#define TESTS_SUPPORT_CUPS_H

#include <stdbool.h>
#include <sys/types.h>

struct private_cups {
    char dir[64];
    char server[96]; /* what print.server wants */
    char relay[96];  /* the same, by way of something that loses answers */
    char tcp[32];    /* the same, by TCP */
    int leash;       /* its standard input: when this is closed, it ends */
    pid_t pid;
};

/* Its printers are "pin" and "other". MAX_JOBS: NULL for cupsd's standard. Ends the program when it does not start.
 */
void private_cups_start(struct private_cups *c, const char *max_jobs);
/* Ends it and removes its folder. */
void private_cups_stop(struct private_cups *c);
/* Runs a command of the CUPS client ("cupsdisable", "pin") against it; ends the program when that fails. */
void private_cups_run(const struct private_cups *c, const char *command, const char *argument);
/* What the printer does from now on: see cups.py. NULL: prints. */
void private_cups_fault(const struct private_cups *c, const char *words);
/* Makes it read its configuration again, which closes all its connections. */
void private_cups_reload(const struct private_cups *c);
/* The relay loses the next answer to this IPP operation, or the request when BEFORE. */
void private_cups_lose(const struct private_cups *c, unsigned operation, bool before);
/* Has the relay lost what it was told to? */
bool private_cups_has_lost(const struct private_cups *c);
/* How often the job with this UUID was printed at "pin"; the last document's path is put into PATH unless NULL. */
unsigned private_cups_printed(const struct private_cups *c, const char *uuid, char path[160]);

#endif

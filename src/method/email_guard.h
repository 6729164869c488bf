/* The guard: holds libesmtp's socket and bounds every wait on it.
 *
 * libesmtp connects without any time-out, starts its time-out anew with each byte that comes, and after a write
 * that timed out or failed it leaves that chunk out and goes on: a message with a hole that the server then accepts.
 * There is no way to reach its socket through its interface. So this file defines connect(), poll() and write() for
 * the whole executable; while a guard is entered they watch its connection, and otherwise they are the system's. */
#ifndef METHOD_EMAIL_GUARD_H
#define METHOD_EMAIL_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum guard_cut { GUARD_UNCUT, GUARD_TIMEOUT, GUARD_BREACH, GUARD_BROKEN };

struct email_guard {
    bool loopback_only; /* other addresses are refused with EACCES before a byte is sent */
    bool more;          /* set while what is written is followed by more at once: it may leave together with that */
    int fd;             /* the connection; -1: none */
    int error;          /* errno of the last connect() that failed */
    int64_t until;      /* clock_monotonic() at which the present step must be over */
    enum guard_cut cut; /* why the connection was cut; GUARD_BROKEN: a write to it failed */
    ssize_t (*write)(int, const void *, size_t); /* the one that would be called if there were no guard */
};

/* 0 when connect(), poll() and write() of this executable really are ours, else -ENOSYS: then no mail may be sent. */
int email_guard_check(void);

/* From here to email_guard_leave() connections are G's. One at a time in a process. */
void email_guard_enter(struct email_guard *g);
void email_guard_leave(struct email_guard *g);
/* The step that begins now may take so long, however many waits it is made of. */
void email_guard_give(struct email_guard *g, int64_t microseconds);
/* Ends the connection: nothing is written or read any more, the library sees it lost. The first reason stays. */
void email_guard_cut(struct email_guard *g, enum guard_cut why);
/* Does the connection stand, as far as can be told without waiting? */
bool email_guard_stands(const struct email_guard *g);
/* The connection was closed by its owner. */
void email_guard_forget(struct email_guard *g);

#endif

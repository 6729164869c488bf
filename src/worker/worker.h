/* The worker: the desk that a method sits at, made of the wire to the dispatcher and the composer. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <pindispatch/clock.h>
#include <pindispatch/lines.h>
#include <pindispatch/method.h>

#include <stdbool.h>

#include "compose.h"

/* A parcel in this worker's hands. */
struct item {
    struct parcel parcel; /* first: a method's struct parcel * is an item */
    char template_hash[65];
    bool taken;                                            /* by the method */
    enum { ITEM_CLAIMED, ITEM_AHEAD, ITEM_DROPPED } claim; /* ahead: of the commit of its claim */
    struct item *next;
};

struct worker {
    struct desk desk; /* first: a struct desk * is a worker */
    struct lines input;
    int fd;
    struct item *items; /* in the order they came */
    int64_t deadline;   /* clock_monotonic() at which this process's own strikes; 0: it is not armed */
    bool quit;          /* no more parcels will come */
    bool tidy;          /* between two batches: the method's tidy() */
    enum { ANSWER_NONE, ANSWER_GO, ANSWER_STOP, ANSWER_CLEAR } answer;
    bool left[WAITING_MOST]; /* with ANSWER_CLEAR */
    size_t n_left;

    const struct setting *const *schemas;
    struct settings *settings;
    const struct method *method;
    struct composer *composer;
};

/* Serves the dispatcher at the other end of FD (borrowed) until it says quit or is gone. 0 or -errno. */
int worker_run(int fd, const struct clock *clock, const struct setting *const *schemas);

/* Dry run: in place of the row's deliver(). */
int worker_rehearse(struct worker *w);

#endif

/* A ticket: one line that was taken and waits for its answer. Answers leave in the order in which the lines came,
 * although only some of them wait for a commit. */
#ifndef PINDISPATCH_INTAKE_TICKET_H
#define PINDISPATCH_INTAKE_TICKET_H

#include <pindispatch/buffer.h>
#include <pindispatch/commit.h>
#include <pindispatch/event.h>
#include <pindispatch/problem.h>
#include <pindispatch/store.h>

#include <stdbool.h>

enum verdict { VERDICT_ACCEPTED, VERDICT_DUPLICATE, VERDICT_REJECTED };

struct admit;

struct ticket {
    struct commit_waiter waiter;
    struct ticket *next; /* in its queue */
    struct admit *admit;
    /* Called when a ticket that waited for the commit is settled; NULL once nobody waits for the answer. */
    void (*notify)(void *owner);
    void *owner;

    size_t size;  /* of the line while it waits for a commit */
    bool settled; /* the answer may be given */
    enum verdict verdict;
    struct event *event;        /* owned, its secrets are gone; of a rejected line what is known, or NULL */
    struct admission admission; /* of accepted and duplicate */
    struct problem problem;     /* of rejected */
    unsigned retry_after;       /* seconds; 0: trying again changes nothing */
};

/* NULL: out of memory. */
struct ticket *ticket_new(struct admit *a, void (*notify)(void *owner), void *owner);
struct ticket *ticket_free(struct ticket *t);
/* Appends the answer, a line as intake.h says. NUMBER: of the ticket's line in its file; 0: it is told nothing of
 * one. 0, -ENOMEM, -ENOBUFS. */
int ticket_answer(const struct ticket *t, unsigned number, struct buffer *b);

/* Tickets in order of arrival. */
struct tickets {
    struct ticket *first, *last;
    unsigned n;
};

void tickets_push(struct tickets *q, struct ticket *t);
/* The first one when it is settled, else NULL. */
struct ticket *tickets_pop(struct tickets *q);
/* Nobody waits any more: what is not settled ends by itself. */
void tickets_abandon(struct tickets *q);

#endif

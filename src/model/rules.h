/* The rules of a card event (pindispatch-event(5)), as tables of members. */
#ifndef PINDISPATCH_MODEL_RULES_H
#define PINDISPATCH_MODEL_RULES_H

#include <pindispatch/event.h>

/* Checks E->body, takes what is no part of it out (secrets, extension attributes, nulls), and sets all of E that
 * comes from it but text and digest. 0; 1 with P; -ENOMEM. */
int rules_check(struct event *e, const char *const *accept_types, struct problem *p);
/* Keeps id and source only where they obey. */
void rules_identify(struct event *e);
/* Sets the borrowed texts without any rule. */
void rules_borrow(struct event *e);

#endif

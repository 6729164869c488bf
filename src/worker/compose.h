/* The composer: opens a parcel's secret and renders its document. The only owner of the private key. */
#ifndef WORKER_COMPOSE_H
#define WORKER_COMPOSE_H

#include <pindispatch/method.h>
#include <pindispatch/problem.h>
#include <pindispatch/settings.h>

#include <stdbool.h>

struct composer;

/* Loads the key and the method's template. 0; 1 with P (the worker is unfit); -ENOMEM. Borrows SETTINGS and CLOCK. */
int composer_new(const struct settings *settings, const struct method *method, const struct clock *clock, bool mask,
                 struct composer **ret, struct problem *p);
struct composer *composer_free(struct composer *c);
DEFINE_CLEANUP(struct composer, composer, composer_free)

/* As struct desk's compose. FORM: how a letter must be; NULL: a PDF. */
int composer_compose(struct composer *c, const struct parcel *p, const struct document_form *form,
                     struct document *ret, struct outcome *trouble);
/* Lets go of what made the last ones quicker and could open them again. */
void composer_forget(struct composer *c);

#endif

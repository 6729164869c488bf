/* A dispatch with a real store and loop whose workers are played by the test: they connect through workers.socket. */
#ifndef TESTS_DISPATCH_YARD_H
#define TESTS_DISPATCH_YARD_H

#include "unit.h"

#include <pindispatch/commit.h>
#include <pindispatch/dispatch.h>
#include <pindispatch/json.h>
#include <pindispatch/lines.h>
#include <pindispatch/protocol.h>
#include <pindispatch/settings.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

enum { METHODS = 2 }; /* with workers: print, email; one worker each */

/* A played worker. */
struct played {
    int fd;
    char method[32];
    struct lines input;
    unsigned ahead;    /* parcels that it was to prepare since it was last told of their claim */
    struct order next; /* heard already */
    bool has_next;
};

struct yard {
    char *dir;
    struct site site;
    struct settings *settings;
    struct store *store;
    struct commit *commit;
    struct dispatch *dispatch;
    int listening;
    unsigned events;
};

struct yard *yard_open(void);
void yard_close(struct yard *y);
/* Ends the dispatch and starts another one on the same store, as after a kill. */
void yard_restart(struct yard *y);
void yard_set(struct yard *y, const char *name, const char *value);
/* Turns of the loop until nothing is ready any more. */
void yard_turn(struct yard *y);
/* Accepts an event with one delivery by METHOD. */
struct uuid yard_put(struct yard *y, const char *method);
/* The next worker that connects, after its setup; it says that it is ready unless FIT is false. */
struct played yard_worker(struct yard *y, bool fit);
/* Both workers of a new dispatch, ready. */
void yard_workers(struct yard *y, struct played *ret_print, struct played *ret_email);

/* The next order of any kind; waits for it, with a bound. */
struct order played_hear_any(struct yard *y, struct played *w);
/* The same, without those to look for what interrupted attempts left, and without the word that parcels are claimed.
 */
struct order played_hear(struct yard *y, struct played *w);
/* Passes over orders until one of those. */
void played_hear_tidy(struct yard *y, struct played *w);
/* True when no order comes while the loop is idle, but for that word. */
bool played_hears_nothing(struct yard *y, struct played *w);
/* The id of the parcel that comes next, which must be at STAGE. */
struct uuid played_take(struct yard *y, struct played *w, enum stage stage);
/* Sends what a word_add_… wrote. */
void played_say(struct yard *y, struct played *w, struct buffer *line);
void played_report(struct yard *y, struct played *w, const struct uuid *id, enum outcome_kind kind, const char *code,
                   bool destination);
void played_mark(struct yard *y, struct played *w, const struct uuid *id);
void played_die(struct yard *y, struct played *w);

/* The dispatcher ended this worker's connection. */
bool played_is_ended(struct yard *y, struct played *w);

/* What the store says of a delivery. */
struct look {
    enum delivery_state state;
    enum stage stage;
    unsigned attempts;
    bool has_sealed;
    unsigned copy;
    int64_t due;
    char code[32];
};
struct look yard_look(struct yard *y, const struct uuid *id);
/* Waits, with a bound, until the delivery is in STATE. */
struct look yard_wait(struct yard *y, const struct uuid *id, enum delivery_state state);

#endif

/* Group commit: everything that is ready in one turn of the loop becomes one transaction; answers come after it. */
#ifndef PINDISPATCH_COMMIT_H
#define PINDISPATCH_COMMIT_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct commit;
struct store;

/* Embedded by whoever waits; must stay where it is until done is called. */
struct commit_waiter {
    /* R is 0 when the transaction is on disk; negative when it is undone (errno of the store). */
    void (*done)(struct commit_waiter *w, int r);
    struct commit_waiter *next; /* commit's own */
};

/* Before each commit a hook may add to the transaction (a claim for free workers): once a turn, in order. AFTER comes
 * before any waiter is told, with what they are told. */
struct commit_hook {
    void (*before)(void *userdata);
    void (*after)(void *userdata, int r); /* may be NULL */
    void *userdata;
    struct commit_hook *next; /* commit's own */
};

/* Commits when the loop has nothing more urgent, or at once after COMMIT_MOST joins. */
enum { COMMIT_MOST = 512 };

int commit_new(sd_event *loop, struct store *store, struct commit **ret);
struct commit *commit_free(struct commit *c);
DEFINE_CLEANUP(struct commit, commit, commit_free)
void commit_hook(struct commit *c, struct commit_hook *h);
/* Not from within a hook. */
void commit_unhook(struct commit *c, const struct commit_hook *h);
/* Joins the open transaction; done is called after it, never from within this call. */
void commit_join(struct commit *c, struct commit_waiter *w);
/* W is no longer told. Not from within done. */
void commit_leave(struct commit *c, const struct commit_waiter *w);
/* Asks for a turn of hooks and commit although nobody waits. */
void commit_poke(struct commit *c);
/* A verb of the store failed: undoes the transaction and tells every waiter R, at the end of this turn. */
void commit_fail(struct commit *c, int r);

/* A disk that is full, fails or is read-only, a damaged file: the store takes no changes. From then on hooks are not
 * called, and the store is revived (store_revive()) once a second, more rarely when that takes long or does not last.
 * Whoever can, waits with changes until it is over: what is tried all the same fails by itself. */
struct commit_trouble {
    int error;     /* negative; 0: none */
    int64_t since; /* clock_monotonic() */
    char reason[512];
};
/* "full", "read-only", "damaged", "io"; NULL: there is none. */
const char *commit_trouble_code(const struct commit_trouble *t);
const struct commit_trouble *commit_trouble(const struct commit *c);
static inline bool commit_is_in_trouble(const struct commit *c)
{
    return commit_trouble(c)->error < 0;
}
/* CHANGED is called when trouble begins and when it is over: then before any hook, and the caller must look again at
 * what it had in hand (see store_revive()). One watcher; NULL: none. */
void commit_watch(struct commit *c, void (*changed)(void *userdata, const struct commit_trouble *t), void *userdata);

/* Commits now (before exit). */
int commit_flush(struct commit *c);

#endif

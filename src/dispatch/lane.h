/* The nouns of dispatch. A lane is one method's way to the holder: its workers, the deliveries in its hands
 * (flights), when it looks again, and what is wrong with its destination. */
#ifndef DISPATCH_LANE_H
#define DISPATCH_LANE_H

#include <pindispatch/channel.h>
#include <pindispatch/commit.h>
#include <pindispatch/dispatch.h>
#include <pindispatch/method.h>
#include <pindispatch/protocol.h>
#include <pindispatch/retry.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

#include <stdbool.h>
#include <sys/types.h>

struct lane;
struct link;

/* A delivery in a lane's hands, from its claim to the commit that settles it. */
struct flight {
    struct lane *lane;
    struct flight *next;
    struct parcel parcel;      /* without event and evidence: those are texts, below */
    char *event, *evidence;    /* JSON as stored; let go once handed out; fetched again when needed again */
    enum delivery_state state; /* as committed */

    enum {
        FLIGHT_CLAIMED,  /* waits for the commit of its claim; with `link` when that prepares it meanwhile */
        FLIGHT_WAITING,  /* for a worker with room */
        FLIGHT_AT_WORK,  /* with `link` */
        FLIGHT_RESTING,  /* spooled: waits for the next look */
        FLIGHT_SETTLING, /* waits for the commit of its change */
        FLIGHT_UNSAVED,  /* the store refused that commit: tried again */
    } place;
    struct link *link;
    bool begun;          /* bytes may be on their way (mail) */
    bool is_probe;       /* claimed in an outage, to find out whether it is over */
    bool is_recalled;    /* asked back because of an outage, by no operator */
    bool is_interrupted; /* its worker was lost */
    /* Of what the last look at a spooled one found: */
    bool parked;    /* it does not move until somebody does something there, and takes nobody's place */
    bool doubtful;  /* it may come out twice */
    char known[32]; /* the code, as the store has it; empty: not known here */

    struct commit_waiter waiter;
    struct outcome outcome;      /* of the change under way */
    enum delivery_state settled; /* what it makes of the delivery */
    char template_hash[65];
    const char *cause;
    char *words; /* why an operator wants it back; owned, may be NULL */
    int64_t uid; /* the operator's */
};

/* A worker: a connection, and a process when it is ours; it stays until both have ended. */
struct link {
    struct lane *lane;
    struct link *next;
    struct channel *channel; /* NULL: lost */
    pid_t pid;               /* 0: not ours, or reaped */
    sd_event_source *child, *deadline;
    unsigned in_hand; /* flights at work here, or prepared */
    unsigned ahead;   /* of them, those that wait for the commit of their claim */
    unsigned handed;  /* since it started */
    unsigned asked;   /* how often in this sweep */
    bool ready, quitting, tidying;

    /* One mark is under way at a time: the worker waits for its answer. */
    struct commit_waiter marking;
    bool is_marking, is_refused;
    struct uuid marks[PROTOCOL_MARKS];
    size_t n_marks;
};

/* An outage. */
struct trouble {
    bool on;
    char code[32], reason[256];
    int64_t since, until; /* microseconds since 1970; nothing is claimed before `until`, then one as a probe */
    unsigned waits;       /* pauses since it began; those that a person cut short do not count */
    bool by_hand;         /* a person did */
    bool of_worker;       /* no worker can serve: over as soon as one is ready */
    bool ends_letters;    /* the destination takes each and ends it: over when one is delivered */
};

/* How many letters a destination gets that has not delivered one yet. */
enum { TRUST_FIRST = 6 };

struct lane {
    struct dispatch *dispatch;
    const struct method *method;
    struct link *links;
    struct flight *flights, **last_flight; /* the oldest first */
    unsigned claimed;                      /* of them, those that wait for the commit of their claim */
    sd_event_source *due;                  /* when the next delivery is due, or a pause is over */
    sd_event_source *look;                 /* when resting flights are looked at */
    sd_event_source *again;                /* when unsaved changes are tried again */
    int64_t look_after;                    /* microseconds; grows while nothing changes */
    bool ends;                             /* some have ended since the last look */
    sd_event_source *sweep;                /* when a worker looks for what interrupted attempts left */
    int64_t sweep_after;                   /* microseconds, from the last one */
    struct trouble trouble;
    unsigned strikes; /* ended by the destination in a row, without a cause of their own */
    unsigned trust;   /* how many may be at the destination: it takes and ends them within milliseconds */
    bool hastens;     /* the outage is over: whatever waits for another attempt is due */
    bool is_unread;   /* what is in hand could not be read from the store */
    json_t *findings; /* what the last worker that looked found wrong with the destination: [{"code","reason"}…] */
    bool drained;     /* the last claim found less than it could take */
};

struct dispatch {
    const struct site *site;
    const char *worker_program;
    struct commit_hook hook;
    struct lane *lanes;
    size_t n_lanes;
    bool stopping;
};

/* lane.c: its life, its timers, and what it hands out */
int lane_open(struct lane *l, struct dispatch *d, const struct method *m);
void lane_close(struct lane *l);
void lane_recover(struct lane *l);
/* The store takes changes again: saves what could not be saved, and takes up claims that were undone here and are on
 * disk all the same. */
void lane_resume(struct lane *l);
/* In a second, what could not be done now. */
void lane_try_later(struct lane *l);
/* Gives waiting flights to workers with room. */
void lane_hand_out(struct lane *l);
/* The same, before the commit of their claim, with those that nothing can be left of: workers prepare them. */
void lane_hand_ahead(struct lane *l);
/* How that commit went (0 or negative). */
void lane_tell_claims(struct lane *l, int r);
void lane_look_soon(struct lane *l, bool changed);
/* The worker with the least in hand; NULL: none is ready. */
struct link *lane_idlest(const struct lane *l);
bool lane_is_quiet(const struct lane *l);
const struct settings *lane_settings(const struct lane *l);
struct cause lane_cause(const struct lane *l, const char *what);
struct retry_law lane_law(const struct lane *l);

int lane_add_timer(struct lane *l, sd_event_time_handler_t handler, sd_event_source **ret);
int64_t lane_now(const struct lane *l);
void lane_wake(sd_event_source *timer, int64_t microseconds);

/* claim.c: what a lane takes from the store */
void lane_ensure_links(struct lane *l);
/* Claims for workers with room; part of the transaction that is about to be committed. */
void lane_claim(struct lane *l);

/* trouble.c */
bool lane_is_paused(const struct lane *l);
/* What an outcome tells of the destination. */
void lane_note_outcome(struct lane *l, const struct flight *f, const struct outcome *o);
/* In an outage in which the destination takes each letter and ends it. */
bool lane_ends_letters(const struct lane *l);
/* A person says that it is well again: what has been waited counts no more. */
void lane_nudge(struct lane *l);
/* The destination is in trouble: nothing more is claimed for a while. */
void lane_note_trouble(struct lane *l, const char *code, const char *reason);
/* The same when no worker can serve. */
void lane_note_unfit(struct lane *l, const char *code, const char *reason);
void lane_note_well(struct lane *l);
/* The destination is used although this is wrong with it. FINDINGS replaces what was noted before. */
void lane_note_findings(struct lane *l, json_t *findings);

/* sweep.c: what interrupted attempts left at the destination */
int sweep_open(struct lane *l);
/* Somebody was interrupted, or a worker is there again: looks soon, and again later, since whoever made something may
 * live on. */
void sweep_soon(struct lane *l);
/* What came of it. CLEAN: the destination was asked, and nothing was left there. */
void sweep_done(struct lane *l, bool clean);
/* When the next one comes (microseconds), after one that came AFTER the last; 0: never, since a clean one came so
 * long after the last that was not that nothing can appear any more. What was found may not be all, and what was sent
 * to a server that does not answer may still become a job. */
int64_t sweep_next(int64_t after, bool clean);
/* Sets `left` of each. 0 or -errno. */
int sweep_judge(const struct lane *l, struct waiting *w, size_t n);

/* judge.c: what a worker may say. A word that is not allowed is a breach of the protocol. */
/* Is F in K's hands, claimed and handed out, so that K may speak of it? */
bool judge_holder(const struct link *k, const struct flight *f);
bool judge_outcome(const struct flight *f, const struct outcome *o);
bool judge_mark(const struct link *k, const struct flight *f);
/* May a word of this kind come now? */
bool judge_word(const struct link *k, enum word_kind kind);

/* flight.c: what becomes of a delivery */
int flight_new(struct lane *l, const struct record *r, struct flight **ret);
void flight_free(struct flight *f); /* also takes it out of its lane */
struct flight *flight_find(const struct lane *l, const struct uuid *id);
/* The attempt ended with O (taken over). CAUSE is static. */
void flight_settle(struct flight *f, struct outcome *o, const char *template_hash, const char *cause);
/* Its worker is gone: settles by what is known. CODE and REASON say how it went. */
void flight_orphan(struct flight *f, const char *code, const char *reason);
void flight_save_again(struct flight *f);
/* The next look tries to take it back. */
int flight_withdraw(struct flight *f, const char *words, int64_t uid);
/* The next look takes it back, to be sent later. */
void flight_recall(struct flight *f);
/* Fetches the texts that a worker needs. 0, STORE_UNKNOWN, -errno. */
int flight_fetch(struct flight *f);

/* link.c: a worker and its wire */
int link_open(struct lane *l);
/* Also kills its process. */
void link_free(struct link *k);
/* Its process has ended, or its connection, or what was under way for it: frees it once all have. */
void link_ended(struct link *k);
unsigned link_room(const struct link *k);
/* 0, or -errno: then the link is lost and the flight still waits. One whose claim is not committed is prepared only,
 * until that is told. */
int link_deliver(struct link *k, struct flight *f);
void link_tell_claims(struct link *k, int r);
void link_quit(struct link *k);
int link_tidy(struct link *k);

/* process.c: 0 with the connected socket (the caller's), and the link's pid and child set; or -errno */
int process_start(struct link *k, int *ret_fd);
/* Nothing when it is not ours, or reaped. Its end is told by link_ended(). */
void process_kill(const struct link *k);
/* The same, and waits for its end. */
void process_free(struct link *k);

#endif

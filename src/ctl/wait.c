#include "wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "dialogue.h"
#include "progress.h"
#include "show.h"
#include <pindispatch/clock.h>

enum {
    IDS_A_REQUEST = 1000,
    PAUSE_FIRST_MS = 50,
    PAUSE_MOST_MS = 1000,
    GONE_SECONDS = 60, /* a daemon that restarts is waited for */
};

#define STATES_WELL (STATE_BIT(STATE_DELIVERED) | STATE_BIT(STATE_NOPIN) | STATE_BIT(STATE_DRY_RUN))

void wait_release(struct wait *w)
{
    free(w->ids);
    *w = (struct wait){ 0 };
}

static bool count_settled(struct wait *w, enum delivery_state state)
{
    bool well = (STATE_BIT(state) & STATES_WELL) != 0;

    w->settled++;
    w->unwell += !well;
    return well;
}

static void tell_settled(struct wait *w, const struct ctl *c, const char *id, enum delivery_state state)
{
    const char *name = state_name(state);

    if (count_settled(w, state) && w->quiet)
        return;
    if (c->json)
        printf("{\"result\":\"settled\",\"id\":\"%s\",\"state\":\"%s\"}\n", id, name);
    else
        printf("%s  %s%s%s\n", id, show_begin(show_state_colour(name)), name, show_begin(SHOW_PLAIN));
}

static int remember(struct wait *w, const struct uuid *id)
{
    if (w->n == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 256;
        struct uuid *ids = reallocarray(w->ids, capacity, sizeof(*ids));

        if (!ids)
            return -ENOMEM;
        w->ids = ids;
        w->capacity = capacity;
    }
    w->ids[w->n++] = *id;
    return 0;
}

int wait_add(struct wait *w, const json_t *delivery)
{
    const char *text = json_text(delivery, "id");
    const char *name = json_text(delivery, "state");
    enum delivery_state state;
    struct uuid id;

    if (!text || !name || uuid_parse(text, &id) < 0 || state_parse(name, &state) < 0)
        return 0;
    if (STATE_BIT(state) & STATES_SETTLED) {
        count_settled(w, state); /* the answer told it */
        return 0;
    }
    return remember(w, &id);
}

static json_t *request_for(const struct wait *w, size_t begin, size_t n)
{
    CLEANUP(json_cleanup) json_t *ids = json_array();

    for (size_t i = begin; ids && i < begin + n; i++) {
        char text[UUID_TEXT];

        if (json_array_append_new(ids, json_string(uuid_format(&w->ids[i], text))) < 0)
            return NULL;
    }
    return json_pack("{s:s, s:o}", "command", "states", "ids", TAKE(ids));
}

/* Is it settled? A delivery that is gone from the store has been: nothing more can be learnt. */
static bool take_state(struct wait *w, const struct ctl *c, const struct uuid *id, const json_t *states)
{
    char text[UUID_TEXT];
    const char *name = json_text(states, uuid_format(id, text));
    enum delivery_state state;

    if (!name || state_parse(name, &state) < 0)
        state = STATE_EXPIRED;
    if ((STATE_BIT(state) & STATES_SETTLED) == 0)
        return false;
    tell_settled(w, c, text, state);
    return true;
}

/* Those from BEGIN on that are not settled are moved to KEPT, which is never above BEGIN. */
static int ask_some(struct wait *w, struct ctl *c, struct dialogue *d, size_t begin, size_t n, size_t *kept)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct problem p = { 0 };
    int r = dialogue_ask(d, request_for(w, begin, n), NULL, NULL, &answer, &p);

    if (r > 0)
        return -EPROTO;
    if (r < 0)
        return r;
    for (size_t i = begin; i < begin + n; i++)
        if (!take_state(w, c, &w->ids[i], json_object_get(answer, "states")))
            w->ids[(*kept)++] = w->ids[i];
    return 0;
}

/* One round over all. When the daemon goes away in the middle, those not asked for stay. */
static int ask_all(struct wait *w, struct ctl *c, struct dialogue *d)
{
    size_t kept = 0, begin = 0;
    int r = 0;

    while (r == 0 && begin < w->n) {
        size_t n = w->n - begin < IDS_A_REQUEST ? w->n - begin : IDS_A_REQUEST;

        r = ask_some(w, c, d, begin, n, &kept);
        if (r == 0)
            begin += n;
    }
    memmove(w->ids + kept, w->ids + begin, (w->n - begin) * sizeof(*w->ids));
    w->n = kept + (w->n - begin);
    return r;
}

static void pause_ms(unsigned ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

struct watch {
    struct dialogue dialogue;
    const char *socket;
    struct progress progress;
    int64_t deadline;   /* monotonic; 0: none */
    int64_t gone_since; /* monotonic; 0: the daemon answers */
    unsigned pause;
};

/* A daemon that is restarted keeps what it accepted; the question is asked again. */
static int one_round(struct wait *w, struct ctl *c, struct watch *watch)
{
    size_t before = w->n;
    int r = watch->dialogue.fd >= 0 ? 0 : dialogue_open(&watch->dialogue, watch->socket);

    if (r == 0)
        r = ask_all(w, c, &watch->dialogue);
    if (r == 0) {
        watch->gone_since = 0;
        watch->pause = w->n < before || watch->pause == 0 ? PAUSE_FIRST_MS : watch->pause * 3 / 2;
        if (watch->pause > PAUSE_MOST_MS)
            watch->pause = PAUSE_MOST_MS;
        return CTL_DONE;
    }
    dialogue_close(&watch->dialogue);
    watch->pause = PAUSE_MOST_MS;
    if (watch->gone_since == 0)
        watch->gone_since = clock_monotonic();
    if (clock_monotonic() - watch->gone_since < GONE_SECONDS * MICROSECONDS_PER_SECOND && r != -EACCES)
        return CTL_DONE;
    return ctl_no_daemon(watch->socket, r);
}

static int watch_all(struct wait *w, struct ctl *c, struct watch *watch)
{
    int status = CTL_DONE;

    while (w->n > 0 && status == CTL_DONE) {
        struct progress_now now = {
            .what = "settled", .done = w->settled, .total = w->settled + w->n, .count = w->settled, .bad = w->unwell
        };

        progress_draw(&watch->progress, &now);
        if (watch->deadline > 0 && clock_monotonic() >= watch->deadline)
            return ctl_failed("%zu deliveries are not settled yet; the time is over, the daemon goes on", w->n);
        fflush(stdout);
        pause_ms(watch->pause);
        progress_clear(&watch->progress);
        status = one_round(w, c, watch);
    }
    return status;
}

/* How many of them are not well is what somebody who waits wants to know. */
static void tell_summary(const struct wait *w, const struct ctl *c)
{
    fflush(stdout);
    if (!c->json)
        fprintf(stderr, "%llu deliver%s settled, %llu of them not delivered\n", (unsigned long long)w->settled,
                w->settled == 1 ? "y" : "ies", (unsigned long long)w->unwell);
}

int wait_run(struct wait *w, struct ctl *c, int64_t timeout_microseconds, bool quiet)
{
    struct watch watch = { .dialogue = DIALOGUE, .socket = settings_text(ctl_settings(c), "control.socket") };
    int status;

    if (timeout_microseconds > 0)
        watch.deadline = clock_monotonic() + timeout_microseconds;
    w->quiet = quiet;
    progress_begin(&watch.progress, !c->json);
    status = watch_all(w, c, &watch);
    progress_clear(&watch.progress);
    dialogue_close(&watch.dialogue);
    tell_summary(w, c);
    return status == CTL_DONE && w->unwell > 0 ? CTL_UNDONE : status;
}

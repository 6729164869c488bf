#include "lane.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pindispatch/clock.h>
#include <pindispatch/crashpoint.h>
#include <pindispatch/file.h>
#include <pindispatch/json.h>
#include <pindispatch/log.h>

/* Of a worker that is to end, and has nothing in hand any more: until it is killed. */
#define QUIT_PATIENCE (3 * MICROSECONDS_PER_SECOND)

static void lose(struct link *k, const char *code, const char *reason);

static int find_worker(struct link *k, int *ret_fd)
{
    const char *socket = settings_text(lane_settings(k->lane), "workers.socket");

    if (!*socket)
        return process_start(k, ret_fd);
    *ret_fd = socket_connect(socket);
    return *ret_fd < 0 ? *ret_fd : 0;
}

/* ---- the deadline ---- */

static bool is_to_end(const struct link *k)
{
    return !k->channel || (k->quitting && k->in_hand == 0);
}

/* Whatever is expected of a worker, its silence has a bound. */
static void arm_deadline(struct link *k)
{
    bool expected = is_to_end(k) || k->in_hand > 0 || !k->ready || k->tidying;
    int64_t silence = is_to_end(k) ? QUIT_PATIENCE : settings_duration(lane_settings(k->lane), "workers.deadline");

    sd_event_source_set_time_relative(k->deadline, (uint64_t)silence);
    sd_event_source_set_enabled(k->deadline, expected ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_deadline(sd_event_source *source, uint64_t now, void *userdata)
{
    struct link *k = userdata;

    (void)source;
    (void)now;
    if (is_to_end(k))
        log_plain(LOG_WARNING, "a worker did not end when it was to, and was killed");
    process_kill(k);
    if (k->channel)
        lose(k, "deadline", "the worker was silent past its deadline and was ended");
    return 0;
}

/* ---- the wire ---- */

static int send_buffer(struct link *k, struct buffer *b, int r)
{
    if (r == 0 && !k->channel)
        r = -EPIPE;
    if (r == 0)
        r = channel_send(k->channel, buffer_bytes(b), buffer_size(b));
    buffer_release(b);
    return r;
}

static void answer_marks(struct commit_waiter *w, int r)
{
    struct link *k = (struct link *)((char *)w - offsetof(struct link, marking));
    struct buffer line = BUFFER(PROTOCOL_LINE);

    CRASH_POINT("dispatch.mark-committed");
    k->is_marking = false;
    if (r == 0 && k->is_refused)
        r = -ESTALE;
    for (size_t i = 0; i < k->n_marks; i++) {
        struct flight *f = flight_find(k->lane, &k->marks[i]);

        if (f && r == 0)
            f->parcel.stage = STAGE_RELEASING;
        if (f && f->place == FLIGHT_AT_WORK && !k->channel)
            flight_orphan(f, "worker-lost", "the worker ended");
    }
    if (!k->channel) {
        link_ended(k);
        return;
    }
    send_buffer(k, &line, order_add_ids(&line, r == 0 ? ORDER_GO : ORDER_STOP, k->marks, k->n_marks));
    CRASH_POINT("dispatch.go-sent");
    arm_deadline(k);
}

/* All of them, before anything is put into the transaction that others share. */
static int judge_marks(struct link *k, const struct word *w)
{
    k->n_marks = 0;
    for (size_t i = 0; i < w->n_marks; i++) {
        if (!judge_mark(k, flight_find(k->lane, &w->marks[i].id)))
            return -EPROTO;
        k->marks[k->n_marks++] = w->marks[i].id;
    }
    return 0;
}

static int save_mark(const struct link *k, const struct uuid *id, const json_t *evidence)
{
    CLEANUP(free_cleanup) char *text = json_to_text(evidence);
    struct cause cause = lane_cause(k->lane, "worker");

    if (evidence && !text)
        return -ENOMEM;
    return store_mark(k->lane->dispatch->site->store, id, STAGE_RELEASING, text, &cause);
}

static int on_mark(struct link *k, const struct word *w)
{
    const struct site *site = k->lane->dispatch->site;
    int r = judge_marks(k, w);

    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < w->n_marks; i++)
        r = save_mark(k, &w->marks[i].id, w->marks[i].evidence);
    if (r < 0)
        commit_fail(site->commit, r);
    CRASH_POINT("dispatch.marked");
    k->is_marking = true;
    k->is_refused = r > 0; /* that row is not as we think: a stop for this worker, and nothing to anybody else */
    commit_join(site->commit, &k->marking);
    return 0;
}

static int on_outcome(struct link *k, struct word *w)
{
    struct flight *f = flight_find(k->lane, &w->id);

    if (!judge_holder(k, f) || !judge_outcome(f, &w->outcome))
        return -EPROTO;
    flight_settle(f, &w->outcome, w->template_hash, "worker");
    return 0;
}

static int on_begin(struct link *k, const struct word *w)
{
    struct flight *f = flight_find(k->lane, &w->id);

    if (!judge_holder(k, f))
        return -EPROTO;
    if (f->begun)
        return 1;
    f->begun = true;
    CRASH_POINT("dispatch.begun");
    return 0;
}

static int on_waiting(struct link *k, struct word *w)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    int r = sweep_judge(k->lane, w->waiting, w->n_waiting);

    k->asked++;
    /* A worker that gets no answer waits: it is better ended. */
    if (r == 0)
        r = send_buffer(k, &line, order_add_clear(&line, w->waiting, w->n_waiting));
    return r;
}

static int on_tidied(struct link *k, const struct word *w)
{
    k->tidying = false;
    sweep_done(k->lane, w->clean);
    return 0;
}

static int on_unfit(struct link *k, const struct word *w)
{
    char code[sizeof(w->outcome.code)], reason[sizeof(w->outcome.reason)];

    memcpy(code, w->outcome.code, sizeof(code));
    memcpy(reason, w->outcome.reason, sizeof(reason));
    lane_note_unfit(k->lane, code, reason);
    k->quitting = true;
    return 0;
}

/* 0; 1: nothing has come further by it, so that it gives no more time; -EPROTO: that may not be said; -errno. */
static int on_word(struct link *k, struct word *w)
{
    if (!judge_word(k, w->kind))
        return -EPROTO;
    switch (w->kind) {
    case WORD_READY:
        k->ready = true;
        if (k->lane->trouble.of_worker)
            lane_note_well(k->lane);
        sweep_soon(k->lane);
        lane_hand_out(k->lane);
        commit_poke(k->lane->dispatch->site->commit);
        return 0;
    case WORD_UNFIT:
        return on_unfit(k, w);
    case WORD_BEGIN:
        return on_begin(k, w);
    case WORD_MARK:
        return on_mark(k, w);
    case WORD_OUTCOME:
        return on_outcome(k, w);
    case WORD_WAITING:
        return on_waiting(k, w);
    case WORD_TIDIED:
        return on_tidied(k, w);
    case WORD_FINDINGS:
        lane_note_findings(k->lane, w->findings);
        return 1;
    case WORD_BYE:
        k->quitting = true;
        return 0;
    }
    return -EPROTO;
}

static void on_line(void *userdata, char *line, size_t size)
{
    struct link *k = userdata;
    struct word w;
    int r = word_parse(line, size, &w);

    if (r == 0) {
        r = on_word(k, &w);
        word_release(&w);
    }
    if (r < 0)
        lose(k, "protocol", "the worker broke the protocol and was ended");
    else if (r == 0)
        arm_deadline(k);
}

static void on_too_long(void *userdata)
{
    lose(userdata, "protocol", "the worker broke the protocol and was ended");
}

static void on_end(void *userdata, int r)
{
    (void)r;
    lose(userdata, "worker-lost", "the worker ended");
}

/* ---- life ---- */

static void log_lost(const struct link *k, const char *reason)
{
    char in_hand[16];

    if (k->quitting && k->in_hand == 0)
        return;
    snprintf(in_hand, sizeof(in_hand), "%u", k->in_hand);
    log_event(
        LOG_WARNING, MESSAGE_WORKER_LOST,
        LOG_FIELDS(LOG_FIELD("DELIVERY_METHOD", k->lane->method->names[SECRET_PIN]), LOG_FIELD("IN_HAND", in_hand)),
        "%s", reason);
}

/* A mark under way decides what becomes of its flights: see answer_marks(). */
static bool is_being_marked(const struct link *k, const struct flight *f)
{
    for (size_t i = 0; k->is_marking && i < k->n_marks; i++)
        if (uuid_equal(&k->marks[i], &f->parcel.id))
            return true;
    return false;
}

static void orphan_flights(struct link *k, const char *code, const char *reason)
{
    struct flight *next;

    for (struct flight *f = k->lane->flights; f; f = next) {
        next = f->next;
        if (f->link == k && !is_being_marked(k, f))
            flight_orphan(f, code, reason);
    }
}

/* The worker is gone or will be: its flights are settled by what is known, and another one starts. */
static void lose(struct link *k, const char *code, const char *reason)
{
    struct lane *l = k->lane;
    bool expected = k->quitting && k->in_hand == 0;

    CRASH_POINT("dispatch.worker-lost");
    log_lost(k, reason);
    if (k->in_hand > 0 || k->tidying)
        sweep_soon(l);
    if (!expected)
        process_kill(k);
    k->channel = channel_close(k->channel);
    arm_deadline(k);
    orphan_flights(k, code, reason);
    if (!expected && !k->ready)
        lane_note_unfit(l, "worker-start", "the worker ended before it was ready");
    link_ended(k);
    lane_hand_out(l);
    commit_poke(l->dispatch->site->commit);
}

static int set_up(struct link *k)
{
    CLEANUP(json_cleanup) json_t *settings = settings_to_json(lane_settings(k->lane));
    struct buffer line = BUFFER(PROTOCOL_LINE);

    if (!settings)
        return -ENOMEM;
    return send_buffer(k, &line, order_add_setup(&line, k->lane->method->names[SECRET_PIN], settings));
}

static int connect_link(struct link *k)
{
    sd_event *loop = k->lane->dispatch->site->loop;
    const struct channel_owner owner = { .line = on_line, .too_long = on_too_long, .end = on_end, .userdata = k };
    int fd = -1, r = find_worker(k, &fd);

    if (r == 0)
        r = channel_new(loop, fd, PROTOCOL_LINE, SD_EVENT_PRIORITY_NORMAL, &owner, &k->channel);
    if (r == 0)
        r = sd_event_add_time_relative(loop, &k->deadline, CLOCK_MONOTONIC, 0, 0, on_deadline, k);
    if (r < 0)
        return r;
    arm_deadline(k);
    return set_up(k);
}

int link_open(struct lane *l)
{
    struct link *k = calloc(1, sizeof(*k));
    int r;

    if (!k)
        return -ENOMEM;
    *k = (struct link){ .lane = l, .marking = { .done = answer_marks }, .next = l->links };
    l->links = k;
    r = connect_link(k);
    if (r < 0) {
        link_free(k);
        return r;
    }
    log_event(LOG_DEBUG, MESSAGE_WORKER_STARTED, LOG_FIELDS(LOG_FIELD("DELIVERY_METHOD", l->method->names[0])),
              "a worker started");
    return 0;
}

void link_free(struct link *k)
{
    struct link **at = &k->lane->links;

    while (*at && *at != k)
        at = &(*at)->next;
    if (*at)
        *at = k->next;
    if (k->is_marking)
        commit_leave(k->lane->dispatch->site->commit, &k->marking);
    channel_close(k->channel);
    sd_event_source_disable_unref(k->deadline);
    process_free(k);
    free(k);
}

void link_ended(struct link *k)
{
    if (!k->channel && k->pid == 0 && !k->is_marking)
        link_free(k);
}

unsigned link_room(const struct link *k)
{
    unsigned batch = (unsigned)settings_integer(lane_settings(k->lane), "workers.batch");

    if (!k->ready || k->quitting || !k->channel || k->in_hand >= batch)
        return 0;
    return batch - k->in_hand;
}

void link_quit(struct link *k)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    if (k->quitting)
        return;
    k->quitting = true;
    send_buffer(k, &line, order_add_plain(&line, ORDER_QUIT));
    if (k->in_hand == 0)
        arm_deadline(k);
}

int link_tidy(struct link *k)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    k->tidying = true;
    k->asked = 0;
    if (k->in_hand == 0)
        arm_deadline(k);
    return send_buffer(k, &line, order_add_plain(&line, ORDER_TIDY));
}

/* Nothing is known of those that were dropped: their claim did not happen. */
static void drop_ahead(struct link *k)
{
    for (struct flight *f = k->lane->flights; f; f = f->next)
        if (f->link == k && f->place == FLIGHT_CLAIMED)
            f->link = NULL;
    k->in_hand -= k->ahead;
    arm_deadline(k);
}

void link_tell_claims(struct link *k, int r)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);

    /* A worker that does not hear of it waits, and its deadline ends it. */
    send_buffer(k, &line, order_add_plain(&line, r == 0 ? ORDER_CLAIMED : ORDER_DROPPED));
    channel_push(k->channel);
    CRASH_POINT("dispatch.claim-told");
    if (r < 0)
        drop_ahead(k);
    k->ahead = 0;
}

int link_deliver(struct link *k, struct flight *f)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    bool ahead = f->place == FLIGHT_CLAIMED;
    int r = send_buffer(
        k, &line, order_add_parcel(&line, ahead ? ORDER_PREPARE : ORDER_DELIVER, &f->parcel, f->event, f->evidence));

    if (r < 0)
        return r;
    CRASH_POINT("dispatch.handed-out");
    f->link = k;
    if (ahead)
        k->ahead++;
    else
        f->place = FLIGHT_AT_WORK;
    f->begun = false;
    free(TAKE(f->event));
    free(TAKE(f->parcel.sealed));
    if (k->in_hand++ == 0)
        arm_deadline(k);
    if (++k->handed >= (unsigned)settings_integer(lane_settings(k->lane), "workers.recycle"))
        link_quit(k);
    return 0;
}

/* A dispatcher with a store behind it, whose workers lie. What must hold whatever they say: once they are gone and
 * honest ones are there, every delivery goes on to its end by what the dispatcher does and an operator may do; no
 * secret outlives it; the audit trail is whole and the counters agree with it.
 *
 * Input: pairs of bytes. The first one: what happens (an event, a word of the printing or mailing worker, a turn of
 * the loop); the second one: which word, and of which delivery. */
#include "yard.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/log.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LIFE = 200, /* runs of one yard: its store grows */
    DELIVERIES = 8,
    STEPS_MOST = 64,
    PATIENCE = 60, /* seconds */
};

#define OUTCOME(kind, more)                                                                                          \
    "{\"say\":\"outcome\",\"id\":\"@\",\"outcome\":{\"kind\":\"" kind "\",\"code\":\"c\"" more "}}"

static const char *const words[] = {
    OUTCOME("delivered", ""),
    OUTCOME("spooled", ""),
    OUTCOME("spooled", ",\"destination\":true"),
    OUTCOME("deferred", ""),
    OUTCOME("deferred", ",\"destination\":true"),
    OUTCOME("failed", ""),
    OUTCOME("failed", ",\"unsure\":true"),
    OUTCOME("in-doubt", ",\"unsure\":true"),
    OUTCOME("held", ""),
    OUTCOME("cancelled", ""),
    OUTCOME("dry-run", ""),
    OUTCOME("failed", ",\"reason\":\"\\u001b[2J\""),
    OUTCOME("spooled", ",\"evidence\":{\"parked\":true,\"interrupted\":true}"),
    OUTCOME("deferred", ",\"evidence\":{\"x\":\"%\"}"),
    "{\"say\":\"mark\",\"marks\":[{\"id\":\"@\"}]}",
    "{\"say\":\"mark\",\"marks\":[{\"id\":\"@\",\"evidence\":{\"x\":\"%\"}}]}",
    "{\"say\":\"mark\",\"marks\":[{\"id\":\"@\"},{\"id\":\"@\"}]}",
    "{\"say\":\"mark\",\"marks\":[]}",
    "{\"say\":\"begin\",\"id\":\"@\"}",
    "{\"say\":\"ready\"}",
    "{\"say\":\"unfit\",\"code\":\"key\",\"reason\":\"none\"}",
    "{\"say\":\"bye\"}",
    "{\"say\":\"tidied\",\"clean\":false}",
    "{\"say\":\"waiting\",\"jobs\":[{\"id\":\"@\",\"job_uuid\":\"@\",\"job\":7}]}",
    "{\"say\":\"findings\",\"findings\":[{\"code\":\"c\",\"reason\":\"r\"}]}",
    "{\"say\":\"outcome\",\"id\":\"@\"}",
    "[]",
    "\xff\xfe",
};

static struct yard *yard;
static struct played workers[METHODS]; /* print, email */
static struct uuid ids[DELIVERIES];
static size_t n_ids;

static void leave(void)
{
    for (size_t i = 0; i < METHODS; i++)
        played_die(yard, &workers[i]);
    yard_close(yard);
    yard = NULL;
}

static void enter(void)
{
    static unsigned runs;

    if (yard && ++runs % LIFE == 0)
        leave();
    if (yard)
        return;
    log_set_level(LOG_EMERG);
    signal(SIGPIPE, SIG_IGN);
    yard = yard_open();
    yard_set(yard, "retry.first", "1ms");
    yard_set(yard, "retry.max", "1ms");
    yard_workers(yard, &workers[0], &workers[1]);
}

/* A word with the delivery's id for '@', and more than is taken for '%'. */
static void say(struct played *w, unsigned which)
{
    static char much[20 * 1024];
    const struct uuid none = { .bytes = { 1 } };
    struct buffer b = BUFFER(PROTOCOL_LINE);
    char id[UUID_TEXT];

    memset(much, 'x', sizeof(much) - 1);
    uuid_format(n_ids ? &ids[which % n_ids] : &none, id);
    for (const char *c = words[which % ARRAY_SIZE(words)]; *c; c++)
        if (*c == '@' ? buffer_add_text(&b, id) : *c == '%' ? buffer_add_text(&b, much) : buffer_add(&b, c, 1))
            abort();
    if (buffer_add(&b, "\n", 1) < 0)
        abort();
    (void)lines_write(w->fd, buffer_bytes(&b), buffer_size(&b)); /* it may have been ended */
    buffer_release(&b);
}

/* A worker of either method is there when nobody is ended: a place that is empty is taken by whoever connects. */
static void replace_workers(void)
{
    for (size_t i = 0; i < METHODS; i++)
        played_die(yard, &workers[i]);
    for (size_t found = 0; found < METHODS; found++) {
        struct played w = yard_worker(yard, true);
        struct played *place = &workers[strcmp(w.method, "print") == 0 ? 0 : 1];

        if (place->fd >= 0)
            abort();
        *place = w;
    }
}

static void lie(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 1 < size && i < 2 * STEPS_MOST; i += 2) {
        switch (data[i] % 8) {
        case 0:
        case 1:
            if (n_ids < DELIVERIES)
                ids[n_ids++] = yard_put(yard, data[i] % 8 ? "email" : "print");
            break;
        case 2:
        case 3:
        case 4:
            say(&workers[0], data[i + 1]);
            break;
        case 5:
        case 6:
            say(&workers[1], data[i + 1]);
            break;
        default:
            yard_turn(yard);
        }
    }
    yard_turn(yard);
}

/* What operators do with what waits for them. */
static void operate(const struct uuid *id, const struct look *l)
{
    struct change c = { .id = *id,
                        .from = STATE_BIT(l->state),
                        .to = l->state == STATE_IN_DOUBT ? STATE_FAILED : STATE_QUEUED,
                        .stage = l->stage,
                        .new_copy = l->state == STATE_FAILED && l->stage >= STAGE_RELEASING,
                        .cause = { .what = "operator", .generation = 1, .now = clock_now(&clock_real) } };

    if (!(STATE_BIT(l->state) & (STATES_SETTLED & ~STATES_FINAL)))
        return;
    c.due = c.cause.now;
    if (store_settle(yard->store, &c) != 0)
        abort();
    commit_poke(yard->commit);
}

static void work_honestly(struct played *w)
{
    while (!played_hears_nothing(yard, w)) {
        struct order o = played_hear_any(yard, w);

        if (o.kind == ORDER_DELIVER || o.kind == ORDER_PREPARE)
            played_report(yard, w, &o.parcel.id, OUTCOME_DELIVERED, "honest", false);
        order_release(&o);
    }
}

/* Everything comes to its end. */
static void finish(void)
{
    int64_t end = clock_monotonic() + PATIENCE * MICROSECONDS_PER_SECOND;

    for (size_t i = 0; i < n_ids;) {
        struct look l = yard_look(yard, &ids[i]);

        if (STATES_FINAL & STATE_BIT(l.state)) {
            if (l.has_sealed)
                abort();
            i++;
            continue;
        }
        operate(&ids[i], &l);
        dispatch_nudge(yard->dispatch);
        if (clock_monotonic() > end || sd_event_run(yard->site.loop, 1000) < 0)
            abort(); /* stuck */
        work_honestly(&workers[0]);
        work_honestly(&workers[1]);
    }
}

static void check_store(void)
{
    struct problem p = { .code = "" };
    struct store_stat stat;
    uint64_t rows, waiting = 0;

    if (store_audit_verify(yard->store, &rows, &p) != 0 || store_stat(yard->store, &stat) != 0)
        abort();
    for (int s = 0; s < STATE_COUNT; s++)
        waiting += STATES_FINAL & STATE_BIT(s) ? 0 : stat.by_state[s];
    if (waiting || stat.audit_rows != rows)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned runs;

    enter();
    n_ids = 0;
    lie(data, size);
    replace_workers();
    finish();
    if (runs++ % 16 == 0)
        check_store();
    return 0;
}

#include "yard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pindispatch/clock.h>
#include <pindispatch/file.h>
#include <pindispatch/schemas.h>

enum { PATIENCE_MS = 10000 };

static char *path_of(const struct yard *y, const char *name)
{
    char *path = path_join(y->dir, name);

    assert_non_null(path);
    return path;
}

void yard_set(struct yard *y, const char *name, const char *value)
{
    struct problem p = { .code = "" };

    if (settings_set(y->settings, name, value, &p) != 0)
        fail_msg("%s: %s", name, p.message);
}

static void open_settings(struct yard *y)
{
    CLEANUP(free_cleanup) char *socket = path_of(y, "worker.sock");

    assert_int_equal(settings_new(site_schemas(), &y->settings), 0);
    y->site.settings = y->settings;
    yard_set(y, "workers.socket", socket);
    yard_set(y, "workers.print", "1");
    yard_set(y, "workers.email", "1");
    yard_set(y, "retry.first", "20ms");
    yard_set(y, "retry.max", "20ms");
    y->listening = socket_listen(socket, 0600);
    assert_true(y->listening >= 0);
}

static void open_rooms(struct yard *y)
{
    CLEANUP(free_cleanup) char *path = path_of(y, "store.db");
    struct problem p = { .code = "" };

    assert_int_equal(store_open("sqlite", path, &y->store, &p), 0);
    y->site.store = y->store;
    assert_int_equal(commit_new(y->site.loop, y->store, &y->commit), 0);
    y->site.commit = y->commit;
    assert_int_equal(dispatch_new(&y->site, "/nonexistent", &y->dispatch), 0);
}

struct yard *yard_open(void)
{
    struct yard *y = calloc(1, sizeof(*y));

    assert_non_null(y);
    /* In memory where that is to be had: what is tested here is the order of things, not the disk. */
    y->dir =
        strdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/pindispatch-yard-XXXXXX" : "/tmp/pindispatch-yard-XXXXXX");
    assert_non_null(mkdtemp(y->dir));
    y->site = (struct site){ .clock = &clock_real, .generation = 1 };
    assert_true(sd_event_new(&y->site.loop) >= 0);
    open_settings(y);
    open_rooms(y);
    return y;
}

static void close_rooms(struct yard *y)
{
    y->dispatch = dispatch_free(y->dispatch);
    y->commit = commit_free(y->commit);
    y->store = store_close(y->store);
}

void yard_restart(struct yard *y)
{
    int waiting;

    close_rooms(y);
    /* Whoever connected and was not accepted belongs to the past. */
    while ((waiting = accept4(y->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(waiting);
    open_rooms(y);
}

void yard_close(struct yard *y)
{
    static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "store.db.lock", "worker.sock" };

    close_rooms(y);
    settings_free(y->settings);
    close(y->listening);
    sd_event_unref(y->site.loop);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CLEANUP(free_cleanup) char *path = path_of(y, names[i]);

        unlink(path);
    }
    assert_int_equal(rmdir(y->dir), 0);
    free(y->dir);
    free(y);
}

void yard_turn(struct yard *y)
{
    while (sd_event_run(y->site.loop, 0) > 0)
        ;
}

struct uuid yard_put(struct yard *y, const char *method)
{
    char text[256];
    struct event *e;
    struct admission a = { .cause = { .what = "submit", .uid = -1, .generation = 1, .now = clock_now(&clock_real) },
                           .n = 1 };

    snprintf(text, sizeof(text),
             "{\"data\":{\"card\":{\"id\":\"C\"},\"holder\":{\"name\":\"N\"}},\"id\":\"e%u\",\"source\":\"/s\","
             "\"specversion\":\"1.0\",\"type\":\"card.issued\"}",
             y->events++);
    assert_int_equal(event_restore(text, strlen(text), &e), 0);
    a.event = e;
    a.items[0].state = STATE_QUEUED;
    a.items[0].sealed = "a.b.c.d.e";
    snprintf(a.items[0].method, sizeof(a.items[0].method), "%s", method);
    assert_int_equal(store_put(y->store, &a), 0);
    commit_poke(y->commit);
    yard_turn(y);
    event_free(e);
    return a.items[0].id;
}

/* Turns of the loop until FD is readable; false after the patience. */
static bool turn_until_readable(struct yard *y, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    for (int64_t end = clock_monotonic() + PATIENCE_MS * INT64_C(1000); clock_monotonic() < end;) {
        assert_true(sd_event_run(y->site.loop, 5000) >= 0);
        if (poll(&p, 1, 0) > 0)
            return true;
    }
    return false;
}

static void count_ahead(struct played *w, const struct order *o)
{
    if (o->kind == ORDER_PREPARE)
        w->ahead++;
    if (o->kind == ORDER_CLAIMED || o->kind == ORDER_DROPPED)
        w->ahead = 0;
}

struct order played_hear_any(struct yard *y, struct played *w)
{
    struct order o;
    char *line;
    size_t size;
    int r;

    if (w->has_next) {
        w->has_next = false;
        return w->next;
    }
    while ((r = lines_next(&w->input, false, &line, &size)) == -EAGAIN)
        assert_true(turn_until_readable(y, w->fd));
    assert_int_equal(r, 1);
    assert_int_equal(order_parse(line, size, &o), 0);
    count_ahead(w, &o);
    return o;
}

/* A sweep comes by its own timer: most tests do not wait for it. */
struct order played_hear(struct yard *y, struct played *w)
{
    struct order o;

    do
        o = played_hear_any(y, w);
    while (o.kind == ORDER_TIDY || o.kind == ORDER_CLAIMED);
    return o;
}

void played_hear_tidy(struct yard *y, struct played *w)
{
    struct order o;
    bool tidy;

    do {
        o = played_hear_any(y, w);
        tidy = o.kind == ORDER_TIDY;
        order_release(&o);
    } while (!tidy);
}

bool played_hears_nothing(struct yard *y, struct played *w)
{
    struct pollfd p = { .fd = w->fd, .events = POLLIN };

    yard_turn(y);
    while (!w->has_next && (buffer_size(&w->input.input) > w->input.taken || poll(&p, 1, 0) > 0)) {
        w->next = played_hear_any(y, w);
        w->has_next = w->next.kind != ORDER_CLAIMED;
    }
    return !w->has_next;
}

void played_say(struct yard *y, struct played *w, struct buffer *line)
{
    assert_int_equal(lines_write(w->fd, buffer_bytes(line), buffer_size(line)), 0);
    buffer_release(line);
    yard_turn(y);
}

struct played yard_worker(struct yard *y, bool fit)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct played w = { .fd = -1 };
    struct order o;

    assert_true(turn_until_readable(y, y->listening));
    w.fd = accept4(y->listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(w.fd >= 0);
    w.input = (struct lines){ .fd = w.fd, .input = BUFFER(PROTOCOL_LINE) };
    o = played_hear(y, &w);
    assert_int_equal(o.kind, ORDER_SETUP);
    snprintf(w.method, sizeof(w.method), "%s", o.method);
    order_release(&o);
    if (fit)
        assert_int_equal(word_add_plain(&line, WORD_READY), 0);
    else
        assert_int_equal(word_add_unfit(&line, "key", "there is no key"), 0);
    played_say(y, &w, &line);
    return w;
}

void yard_workers(struct yard *y, struct played *ret_print, struct played *ret_email)
{
    for (int i = 0; i < METHODS; i++) {
        struct played w = yard_worker(y, true);

        *(strcmp(w.method, "print") == 0 ? ret_print : ret_email) = w;
    }
}

struct uuid played_take(struct yard *y, struct played *w, enum stage stage)
{
    struct order o = played_hear(y, w);
    struct uuid id = o.parcel.id;

    assert_int_equal(o.kind, stage == STAGE_FRESH ? ORDER_PREPARE : ORDER_DELIVER);
    assert_int_equal(o.parcel.stage, stage);
    assert_int_equal(o.parcel.sealed != NULL, stage != STAGE_SPOOLED);
    order_release(&o);
    return id;
}

void played_report(struct yard *y, struct played *w, const struct uuid *id, enum outcome_kind kind, const char *code,
                   bool destination)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct outcome o = { .destination = destination };

    outcome_set(&o, kind, code, "as the test says");
    assert_int_equal(word_add_outcome(&line, id, &o, ""), 0);
    played_say(y, w, &line);
}

void played_mark(struct yard *y, struct played *w, const struct uuid *id)
{
    struct buffer line = BUFFER(PROTOCOL_LINE);
    struct parcel p = { .id = *id }, *one = &p;

    assert_int_equal(word_add_mark(&line, &one, NULL, 1), 0);
    played_say(y, w, &line);
}

bool played_is_ended(struct yard *y, struct played *w)
{
    char *line;
    size_t size;
    int r;

    yard_turn(y);
    while ((r = lines_next(&w->input, false, &line, &size)) > 0)
        ;
    return r == 0 || r == -ECONNRESET || r == -EPIPE;
}

void played_die(struct yard *y, struct played *w)
{
    close(w->fd);
    buffer_release(&w->input.input);
    if (w->has_next)
        order_release(&w->next);
    w->has_next = false;
    w->fd = -1;
    yard_turn(y);
}

static int take_look(void *userdata, const struct record *r)
{
    struct look *l = userdata;
    CLEANUP(json_cleanup) json_t *outcome = r->outcome ? json_parse_line(r->outcome, strlen(r->outcome)) : NULL;
    const char *code = json_text(outcome, "code");

    *l = (struct look){ .state = r->state,
                        .stage = r->stage,
                        .attempts = r->attempts,
                        .has_sealed = r->sealed != NULL,
                        .copy = r->copy,
                        .due = r->due };
    snprintf(l->code, sizeof(l->code), "%s", code ? code : "");
    return 0;
}

struct look yard_look(struct yard *y, const struct uuid *id)
{
    struct look l;

    assert_int_equal(store_find(y->store, id, take_look, &l), 0);
    return l;
}

struct look yard_wait(struct yard *y, const struct uuid *id, enum delivery_state state)
{
    int64_t end = clock_monotonic() + PATIENCE_MS * INT64_C(1000);
    struct look l = yard_look(y, id);

    while (l.state != state && clock_monotonic() < end) {
        assert_true(sd_event_run(y->site.loop, 5000) >= 0);
        l = yard_look(y, id);
    }
    assert_string_equal(state_name(l.state), state_name(state));
    return l;
}

#include "house.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pindispatch/channel.h>
#include <pindispatch/event.h>
#include <pindispatch/file.h>
#include <pindispatch/outcome.h>
#include <pindispatch/settings.h>

enum { PATIENCE = 20000 };

static json_t *host_status(void *userdata)
{
    struct house *h = userdata;

    return json_pack("{s:s, s:i, s:s, s:i, s:{s:s, s:s}, s:s, s:{s:i, s:i, s:i, s:i},"
                     " s:[{s:s, s:{s:i, s:i, s:i}, s:s, s:i, s:i, s:{s:s, s:s, s:s}}]}",
                     "version", "9.9", "pid", 1, "started", "2026-11-22T10:00:00.000Z", "generation", 1, "methods",
                     "pin", "print", "puk", "nopuk", "config", "/c", "intake", "accepted", 3, "duplicates", 2,
                     "rejected", 1, "clients", 4, "channels", "method", "print", "workers", "wanted", 2, "running", 2,
                     "busy", 1, "destination", h->destination, "in_hand", 1, "spooled", 0, "trouble", "code",
                     "printer\"stopped", "reason", "it stopped", "since", "2026-11-22T10:00:00.000Z");
}

static int host_reload(void *userdata, struct problem *p)
{
    struct house *h = userdata;

    if (h->refuses_reload)
        return problem_set(p, "choice", "/c:3", "there is no such method");
    h->reloads++;
    h->site.generation++;
    return 0;
}

static void host_nudge(void *userdata)
{
    ((struct house *)userdata)->nudges++;
}

static enum control_privilege host_privilege(void *userdata, const struct channel *peer)
{
    assert_int_equal(channel_peer_uid(peer), getuid());
    return ((struct house *)userdata)->privilege;
}

static int host_withdraw(void *userdata, const struct uuid *id, const char *words, int64_t uid)
{
    struct house *h = userdata;

    (void)id;
    (void)words;
    h->withdrawn_by = uid;
    return h->withdraw_result;
}

static const struct setting rows[] = {
    { .name = "store.path", .type = SETTING_TEXT, .standard = "" },
    { .name = "audit.public_key", .type = SETTING_TEXT, .standard = "" },
    { .name = NULL },
};

static const struct setting *const schemas[] = { rows, NULL };

static char *path_in(const struct house *h, const char *name)
{
    char *path = path_join(h->dir, name);

    assert_non_null(path);
    return path;
}

struct house *house_build_in(const char *parent)
{
    struct house *h = calloc(1, sizeof(*h));
    struct control_host host = { .status = host_status,
                                 .reload = host_reload,
                                 .nudge = host_nudge,
                                 .withdraw = host_withdraw,
                                 .privilege = host_privilege,
                                 .userdata = h };
    struct problem p = { 0 };
    char *path;
    int fd;

    snprintf(h->dir, sizeof(h->dir), "%s/control-test-XXXXXX", parent);
    assert_non_null(mkdtemp(h->dir));
    path = path_in(h, "store.db");
    assert_int_equal(store_open("sqlite", path, &h->store, &p), 0);
    assert_int_equal(settings_new(schemas, &h->settings), 0);
    assert_int_equal(settings_set(h->settings, "store.path", path, &p), 0);
    free(path);
    assert_return_code(sd_event_new(&h->loop), 0);
    assert_int_equal(commit_new(h->loop, h->store, &h->commit), 0);
    h->privilege = CONTROL_OPERATE;
    h->destination = "pin";
    h->site = (struct site){ .loop = h->loop,
                             .settings = h->settings,
                             .clock = &clock_real,
                             .store = h->store,
                             .commit = h->commit,
                             .generation = 1 };
    assert_int_equal(control_new(&h->site, &host, &h->control), 0);
    path = path_in(h, "c.sock");
    fd = socket_listen(path, 0600);
    assert_return_code(fd, 0);
    assert_int_equal(control_listen(h->control, fd), 0);
    free(path);
    return h;
}

int house_setup(void **state)
{
    *state = house_build_in("/tmp");
    return 0;
}

static void remove_folder(const char *dir)
{
    char command[128];
    FILE *f;

    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    f = popen(command, "r");
    assert_non_null(f);
    pclose(f);
}

int house_teardown(void **state)
{
    struct house *h = *state;

    control_free(h->control);
    commit_flush(h->commit);
    commit_free(h->commit);
    store_close(h->store);
    settings_free(h->settings);
    sd_event_unref(h->loop);
    remove_folder(h->dir);
    free(h);
    return 0;
}

static struct cause cause_now(void)
{
    return (struct cause){ .what = "test", .uid = -1, .generation = 1, .now = clock_now(&clock_real) };
}

struct uuid house_put(struct house *h, const char *event_id, enum delivery_state state)
{
    static const char *const types[] = { "card.issued", NULL };
    struct admission a = { .cause = cause_now(), .n = 1 };
    struct problem p = { 0 };
    struct event *e = NULL;
    char line[512];
    int n = snprintf(line, sizeof(line),
                     "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/t\",\"type\":\"card.issued\",\"data\":"
                     "{\"card\":{\"id\":\"C-1\"},\"holder\":{\"name\":\"Åsa\"},\"pin\":\"000000\"}}",
                     event_id);

    assert_int_equal(event_parse(line, (size_t)n, types, &e, &p), 0);
    a.event = e;
    a.items[0].secret = SECRET_PIN;
    snprintf(a.items[0].method, sizeof(a.items[0].method), "%s", state == STATE_NOPIN ? "nopin" : "print");
    a.items[0].state = state == STATE_NOPIN ? STATE_NOPIN : STATE_QUEUED;
    a.items[0].sealed = state == STATE_NOPIN ? NULL : "a.b.c.d.e";
    a.items[0].stated = true;
    assert_int_equal(store_put(h->store, &a), 0);
    assert_int_equal(store_commit(h->store), 0);
    event_free(e);
    if (state != STATE_NOPIN && state != STATE_QUEUED)
        house_move(h, &a.items[0].id, state, STAGE_FRESH);
    return a.items[0].id;
}

static int claim_any(void *userdata, const struct record *r)
{
    (void)userdata;
    (void)r;
    return 0;
}

static void settle(struct house *h, const struct uuid *id, enum delivery_state state, enum stage stage)
{
    struct outcome o = { .code = "" };
    struct change change = { .id = *id, .from = STATES_ALL, .to = state, .stage = stage, .cause = cause_now() };

    outcome_set(&o, OUTCOME_FAILED, "paper-jam", "the paper is jammed");
    o.evidence = json_pack("{s:i}", "job_id", 7);
    change.outcome = &o;
    if (state == STATE_DEFERRED)
        change.due = change.cause.now + 3600 * MICROSECONDS_PER_SECOND;
    assert_int_equal(store_settle(h->store, &change), 0);
    outcome_release(&o);
}

void house_move(struct house *h, const struct uuid *id, enum delivery_state state, enum stage stage)
{
    struct cause cause = cause_now();

    if (state == STATE_HELD || state == STATE_CANCELLED || state == STATE_EXPIRED) {
        settle(h, id, state, stage);
    } else {
        assert_return_code(store_claim(h->store, "print", 1, &cause, claim_any, NULL), 0);
        if (stage != STAGE_FRESH && stage != STAGE_BEGUN)
            assert_int_equal(store_mark(h->store, id, stage, NULL, &cause), 0);
        if (state != STATE_SENDING)
            settle(h, id, state, stage);
    }
    assert_int_equal(store_commit(h->store), 0);
    assert_int_equal(house_state(h, id, NULL), state);
}

static int copy_record(void *userdata, const struct record *r)
{
    *(struct record *)userdata = *r;
    return 0;
}

enum delivery_state house_state(struct house *h, const struct uuid *id, struct record *ret)
{
    struct record r;

    assert_int_equal(store_find(h->store, id, copy_record, &r), 0);
    if (ret)
        *ret = r;
    return r.state;
}

void house_turn(struct house *h, unsigned most)
{
    while (most-- > 0)
        assert_return_code(sd_event_run(h->loop, 2 * MICROSECONDS_PER_MILLISECOND), 0);
}

struct caller house_call(struct house *h)
{
    char *path = path_in(h, "c.sock");
    struct caller c = { .fd = socket_connect(path), .input = BUFFER(16 * 1024 * 1024) };

    assert_return_code(c.fd, 0);
    free(path);
    return c;
}

void caller_hang_up(struct caller *c)
{
    buffer_release(&c->input);
    c->fd = fd_close(c->fd);
}

void caller_say(struct caller *c, const char *line)
{
    assert_int_equal(send(c->fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    assert_int_equal(send(c->fd, "\n", 1, MSG_NOSIGNAL), 1);
}

bool caller_has_bytes(const struct caller *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

static json_t *take_line(struct caller *c)
{
    char *newline = buffer_size(&c->input) ? memchr(buffer_bytes(&c->input), '\n', buffer_size(&c->input)) : NULL;
    json_t *j;

    if (!newline)
        return NULL;
    j = json_parse_line(buffer_bytes(&c->input), (size_t)(newline - buffer_bytes(&c->input)));
    assert_non_null(j);
    buffer_drop(&c->input, (size_t)(newline - buffer_bytes(&c->input)) + 1);
    return j;
}

json_t *caller_hear(struct house *h, struct caller *c)
{
    for (int i = 0; i < PATIENCE; i++) {
        json_t *j = take_line(c);
        char bytes[4096];
        ssize_t n;

        if (j)
            return j;
        n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return NULL;
        if (n > 0)
            assert_int_equal(buffer_add(&c->input, bytes, (size_t)n), 0);
        else
            house_turn(h, 1);
    }
    fail_msg("no answer came");
    return NULL;
}

json_t *house_ask(struct house *h, struct caller *c, const char *line)
{
    json_t *answer;

    caller_say(c, line);
    answer = caller_hear(h, c);
    assert_non_null(answer);
    return answer;
}

json_t *house_ask_about(struct house *h, struct caller *c, const char *command, const struct uuid *id,
                        const char *more)
{
    char line[512], text[UUID_TEXT];

    snprintf(line, sizeof(line), "{\"command\":\"%s\",\"id\":\"%s\"%s}", command, uuid_format(id, text), more);
    return house_ask(h, c, line);
}

void assert_error(json_t *answer, const char *code)
{
    const json_t *error = json_object_get(answer, "error");

    assert_non_null(error);
    assert_string_equal(json_text(error, "code"), code);
    assert_true(strlen(json_text(error, "message")) > 10);
    assert_null(json_object_get(answer, "ok"));
    json_decref(answer);
}

void assert_ok(json_t *answer)
{
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
}

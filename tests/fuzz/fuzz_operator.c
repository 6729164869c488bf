/* Conversations on the control socket: any bytes, against a store with deliveries in several states. What must hold:
 * each line gets its items and then one end, in JSON; and who may not operate changes nothing.
 *
 * Input: a byte (1 and 2: what the peer may do; 4: it hangs up without reading), then the bytes. Of these, 01 … 08
 * stand for the ids of deliveries that exist. */
#undef NDEBUG /* the assertions are the test */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "house.h"
#include "sent.h"

#include <pindispatch/lines.h>
#include <pindispatch/log.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LIFE = 300, /* runs of one house: verbs move its deliveries to their ends */
    DELIVERIES = 8,
    TURNS = 20000,
    SENT_MOST = 1024 * 1024,
};

static struct house *house;
static char ids[DELIVERIES][UUID_TEXT];

static void leave(void)
{
    house_teardown((void *[]){ house });
}

static void fill(void)
{
    static const enum delivery_state states[DELIVERIES] = { STATE_QUEUED,    STATE_HELD,    STATE_FAILED,
                                                            STATE_IN_DOUBT,  STATE_SPOOLED, STATE_NOPIN,
                                                            STATE_CANCELLED, STATE_DEFERRED };

    for (unsigned i = DELIVERIES; i-- > 0;) {
        char event[16];
        struct uuid id;

        snprintf(event, sizeof(event), "e%u", i);
        id = house_put(house, event, states[i]);
        uuid_format(&id, ids[i]);
    }
}

static void enter(void)
{
    static unsigned runs;

    if (house && ++runs % LIFE)
        return;
    if (house)
        leave();
    else
        atexit(leave);
    log_set_level(LOG_EMERG);
    house = house_build_in("/dev/shm");
    fill();
}

static void expand(const uint8_t *data, size_t size, struct buffer *b)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] >= 1 && data[i] <= DELIVERIES)
            assert(buffer_add_text(b, ids[data[i] - 1]) == 0);
        else
            assert(buffer_add(b, &data[i], 1) == 0);
}

/* Is J the end of an answer? */
static bool is_end(const json_t *j)
{
    const json_t *error = json_object_get(j, "error");

    assert((error != NULL) + (json_object_get(j, "item") != NULL) + (json_object_get(j, "ok") != NULL) == 1);
    if (error)
        assert(json_text(error, "code") && json_text(error, "message"));
    return !json_object_get(j, "item");
}

static size_t hear_all(struct caller *c)
{
    size_t ends = 0;
    json_t *j;

    while ((j = caller_hear(house, c)) != NULL) {
        ends += is_end(j);
        json_decref(j);
    }
    return ends;
}

static void say_all(struct caller *c, const struct buffer *sent)
{
    size_t at = 0;

    for (unsigned turn = 0; at < buffer_size(sent); turn++) {
        ssize_t n = send(c->fd, buffer_bytes(sent) + at, buffer_size(sent) - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        assert(turn < TURNS);
        at += n > 0 ? (size_t)n : 0;
        if (n <= 0)
            house_turn(house, 1);
    }
    shutdown(c->fd, SHUT_WR);
}

static void converse(const uint8_t *data, size_t size, bool stays)
{
    struct caller c = house_call(house);
    struct buffer sent = BUFFER(SENT_MOST);

    expand(data, size, &sent);
    say_all(&c, &sent);
    if (stays)
        assert(hear_all(&c) == count_lines(&sent));
    else
        house_turn(house, 2);
    caller_hang_up(&c);
    house_turn(house, 2);
    buffer_release(&sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum control_privilege privileges[] = { CONTROL_OPERATE, CONTROL_WATCH, CONTROL_READ,
                                                         CONTROL_OPERATE };
    struct store_stat before, after;

    if (size == 0)
        return 0;
    enter();
    house->privilege = privileges[data[0] & 3];
    house->nudges = house->reloads = 0;
    assert(store_stat(house->store, &before) == 0);
    converse(data + 1, size - 1, !(data[0] & 4));
    assert(commit_flush(house->commit) == 0 && store_stat(house->store, &after) == 0);
    if (house->privilege != CONTROL_OPERATE)
        assert(memcmp(&before, &after, sizeof(before)) == 0 && !house->nudges && !house->reloads);
    return 0;
}

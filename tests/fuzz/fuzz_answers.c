/* What a daemon answers pindispatchctl: any bytes, read as a conversation and shown as deliveries are. Nothing that
 * moves a terminal may come through. */
#undef NDEBUG /* the assertions are the test */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/json.h>
#include <pindispatch/lines.h>

#include "dialogue.h"
#include "show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWERS_MOST = 1024 * 1024, ROOM = 32 * 1024 }; /* what a socket holds without a reader */

static const char *const heads[] = { "ID", "CREATED", "OUTCOME" };

static void show_text(const char *text)
{
    char *clean = show_clean(text);

    assert(clean && strlen(clean) == strlen(text) && show_width(clean) >= 0);
    for (const char *c = clean; *c; c++)
        assert((unsigned char)*c >= ' ' && *c != 0x7f && !((unsigned char)*c == 0xc2 && (unsigned char)c[1] < 0xa0));
    free(clean);
}

static int show_item(void *userdata, const json_t *item)
{
    struct table *t = userdata;
    const char *id = json_text(item, "id");
    char time[SHOW_TIME], span[SHOW_SPAN];

    if (id)
        show_text(id);
    table_set(t, 0, id, show_state_colour(json_text(item, "state")));
    table_set(t, 1, show_time(json_object_get(item, "created"), time), SHOW_PLAIN);
    table_set(t, 2, show_span(show_moment(json_object_get(item, "updated")), span), SHOW_PLAIN);
    table_end_row(t);
    return 0;
}

static void ask(int fd, struct table *t)
{
    struct dialogue d = { .fd = fd, .lines = { .fd = fd, .input = BUFFER(ANSWERS_MOST) } };
    struct problem p = { .code = "" };
    int r;

    do {
        CLEANUP(json_cleanup) json_t *answer = NULL;

        r = dialogue_ask(&d, json_pack("{s:s}", "command", "list"), show_item, t, &answer, &p);
        assert((r == 0) == (answer != NULL));
        assert(r != 1 || (strlen(p.code) < sizeof(p.code) && strlen(p.message) < sizeof(p.message)));
    } while (r >= 0);
    dialogue_close(&d);
}

/* The tables go nowhere. */
static void be_silent(void)
{
    static bool silent;

    if (!silent)
        assert(freopen("/dev/null", "w", stdout));
    silent = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct table t;
    int pair[2];

    if (size > ROOM)
        return 0;
    be_silent();
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    assert(send(pair[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    shutdown(pair[0], SHUT_WR);
    table_begin(&t, heads, ARRAY_SIZE(heads));
    ask(pair[1], &t);
    table_end(&t);
    close(pair[0]);
    return 0;
}

/* Fills a store with events that wait: fill STORE NUMBER. Through the store's own verbs, 500 events a transaction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/store.h>

enum { TURN = 500, SEALED = 560 };

/* Of the size that a real event has. Nothing opens the sealed text: the printer is away. */
static int put(struct store *s, unsigned long number, const char *sealed)
{
    char id[32], body[512];
    struct event e = { .id = id, .source = "/bench", .text = body };
    struct admission a = { .event = &e, .n = 1, .cause = { .what = "submit", .generation = 1 } };

    snprintf(id, sizeof(id), "backlog-%lu", number);
    snprintf(body, sizeof(body),
             "{\"data\":{\"card\":{\"id\":\"C-%lu\",\"type\":\"employee\"},\"holder\":{\"address\":[\"Storgatan 1\","
             "\"111 22 Stockholm\",\"Sweden\"],\"email\":\"holder-%lu@example.com\",\"locale\":\"sv\",\"name\":"
             "\"Holder Number %lu\"}},\"id\":\"%s\",\"source\":\"/bench\",\"specversion\":\"1.0\",\"type\":"
             "\"card.issued\"}",
             number, number, number, id);
    memcpy(e.digest, &number, sizeof(number));
    a.cause.now = clock_now(&clock_real);
    a.items[0] = (struct admitted){
        .secret = SECRET_PIN, .method = "print", .state = STATE_QUEUED, .sealed = sealed, .stated = true
    };
    return store_put(s, &a);
}

static int fill(struct store *s, unsigned long number)
{
    char sealed[SEALED + 1] = "";
    int r = 0;

    memset(sealed, 'A', SEALED);
    for (unsigned long i = 0; r == 0 && i < number; i++) {
        r = put(s, i, sealed);
        if (r == 0 && (i % TURN == TURN - 1 || i == number - 1))
            r = store_commit(s);
    }
    return r;
}

int main(int argc, char **argv)
{
    CLEANUP(store_cleanup) struct store *s = NULL;
    struct problem p = { .code = "" };
    unsigned long number = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    int r;

    if (number == 0) {
        fputs("usage: fill STORE NUMBER\n", stderr);
        return 2;
    }
    r = store_open("sqlite", argv[1], &s, &p);
    if (r == 0)
        r = fill(s, number);
    if (r == 0)
        return 0;
    fprintf(stderr, "fill: %s\n", r == 1 && p.message[0] ? p.message : strerror(r < 0 ? -r : EIO));
    return 1;
}

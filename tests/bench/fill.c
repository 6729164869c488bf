/* A store that has seen much: bench_fill STORE FINISHED QUEUED
 *
 * FINISHED mails that were delivered, each with its whole way in the audit trail, then QUEUED letters that wait.
 * Through the store's own verbs, 500 events a transaction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/clock.h>
#include <pindispatch/store.h>

enum { TURN = 500, SEALED = 560 };

struct fill {
    struct store *store;
    const char *method;
    struct uuid claimed[TURN];
    size_t n_claimed;
    char sealed[SEALED + 1]; /* of the size that a real one has; nothing opens it */
};

static int put(struct fill *f, unsigned long number)
{
    char id[32], body[512];
    struct event e = { .id = id, .source = "/bench", .text = body };
    struct admission a = { .event = &e, .n = 1, .cause = { .what = "submit", .generation = 1 } };

    snprintf(id, sizeof(id), "%s-%lu", f->method, number);
    snprintf(body, sizeof(body),
             "{\"data\":{\"card\":{\"id\":\"C-%lu\",\"type\":\"employee\"},\"holder\":{\"address\":[\"Storgatan 1\","
             "\"111 22 Stockholm\",\"Sweden\"],\"email\":\"holder-%lu@example.com\",\"locale\":\"sv\",\"name\":"
             "\"Holder Number %lu\"}},\"id\":\"%s\",\"source\":\"/bench\",\"specversion\":\"1.0\",\"type\":"
             "\"card.issued\"}",
             number, number, number, id);
    memcpy(e.digest, &number, sizeof(number));
    a.cause.now = clock_now(&clock_real);
    a.items[0] =
        (struct admitted){ .secret = SECRET_PIN, .state = STATE_QUEUED, .sealed = f->sealed, .stated = true };
    snprintf(a.items[0].method, sizeof(a.items[0].method), "%s", f->method);
    return store_put(f->store, &a);
}

static int note(void *userdata, const struct record *r)
{
    struct fill *f = userdata;

    f->claimed[f->n_claimed++] = r->id;
    return 0;
}

static int settle(struct fill *f, const struct uuid *id)
{
    struct outcome o = { .code = "" };
    struct change c = { .id = *id,
                        .from = STATE_BIT(STATE_SENDING),
                        .to = STATE_DELIVERED,
                        .stage = STAGE_BEGUN,
                        .outcome = &o,
                        .cause = { .what = "worker", .uid = -1, .generation = 1, .now = clock_now(&clock_real) } };
    int r;

    outcome_set(&o, OUTCOME_DELIVERED, "smtp-250", "the mail server took the message: 250 2.0.0 Ok");
    o.evidence = json_pack("{s:s, s:s}", "server", "mail.example.com:587", "message_id",
                           "<01a2046c-2b8b-7000-997a-5b17b8eb2541@example.com>");
    r = store_settle(f->store, &c);
    outcome_release(&o);
    return r;
}

/* What a worker and the dispatcher would do with all that waits. */
static int deliver(struct fill *f)
{
    struct cause c = { .what = "claim", .uid = -1, .generation = 1, .now = clock_now(&clock_real) };
    int r;

    f->n_claimed = 0;
    r = store_claim(f->store, f->method, TURN, &c, note, f);
    for (size_t i = 0; r == 0 && i < f->n_claimed; i++)
        r = settle(f, &f->claimed[i]);
    return r;
}

static int fill(struct fill *f, const char *method, unsigned long number, int (*then)(struct fill *f))
{
    int r = 0;

    f->method = method;
    for (unsigned long i = 0; r == 0 && i < number; i++) {
        r = put(f, i);
        if (r != 0 || (i % TURN != TURN - 1 && i != number - 1))
            continue;
        r = then ? then(f) : 0;
        if (r == 0)
            r = store_commit(f->store);
    }
    return r;
}

int main(int argc, char **argv)
{
    struct fill f = { .store = NULL };
    struct problem p = { .code = "" };
    int r;

    if (argc != 4) {
        fputs("usage: bench_fill STORE FINISHED QUEUED\n", stderr);
        return 2;
    }
    memset(f.sealed, 'A', SEALED);
    r = store_open("sqlite", argv[1], &f.store, &p);
    if (r == 0)
        r = fill(&f, "email", strtoul(argv[2], NULL, 10), deliver);
    if (r == 0)
        r = fill(&f, "print", strtoul(argv[3], NULL, 10), NULL);
    store_close(f.store);
    if (r == 0)
        return 0;
    fprintf(stderr, "bench_fill: %s\n", r == 1 && p.message[0] ? p.message : strerror(r < 0 ? -r : EIO));
    return 1;
}

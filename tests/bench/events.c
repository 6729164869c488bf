/* Card events, one a line: bench_events PREFIX NUMBER [PUBLIC-KEY]
 *
 * With a key the PIN is sealed to it, bound to its event, as an issuer would; else it is in clear. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>
#include <pindispatch/seal.h>

#define SOURCE "/identity-manager/bench"
enum { PIN_DIGITS = 8, ID_MOST = 128 };

static int seal_pin(const struct seal_ring *keys, const char *id, const char *pin, char **ret)
{
    struct seal_binding binding = { .source = SOURCE, .id = id };
    struct secret *secrets[SECRET_PARTS] = { NULL };
    int r = secret_new(pin, strlen(pin), &secrets[SECRET_PIN]);

    if (r == 0)
        r = seal_close(seal_ring_newest(keys), secrets, &binding, ret);
    secret_free(secrets[SECRET_PIN]);
    return r;
}

static void make_pin(char pin[PIN_DIGITS + 1])
{
    unsigned char bytes[PIN_DIGITS];

    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < PIN_DIGITS; i++)
        pin[i] = (char)('0' + bytes[i] % 10);
    pin[PIN_DIGITS] = '\0';
}

static int write_event(const struct seal_ring *keys, const char *prefix, unsigned number)
{
    CLEANUP(free_cleanup) char *sealed = NULL;
    char pin[PIN_DIGITS + 1], id[ID_MOST];
    int r = 0;

    make_pin(pin);
    snprintf(id, sizeof(id), "%s-%u", prefix, number);
    if (keys)
        r = seal_pin(keys, id, pin, &sealed);
    if (r == 0)
        printf("{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"" SOURCE "\",\"type\":\"card.issued\","
               "\"time\":\"2026-11-22T10:00:00Z\",\"subject\":\"card/C-%u\",\"datacontenttype\":\"application/json\","
               "\"data\":{\"card\":{\"id\":\"C-%u\",\"type\":\"employee\"},\"holder\":{\"name\":\"Åsa Öberg\","
               "\"email\":\"asa.oberg.%u@example.com\",\"locale\":\"en\",\"address\":[\"Storgatan 1\","
               "\"111 22 Stockholm\",\"Sweden\"]},\"%s\":\"%s\"}}\n",
               id, number, number, number, keys ? "sealed" : "pin", keys ? sealed : pin);
    return r;
}

int main(int argc, char **argv)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *keys = NULL;
    struct problem p = { .code = "" };
    unsigned number = argc == 3 || argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    int r = number > 0 ? 0 : -EINVAL;

    if (r == 0 && argc == 4)
        r = seal_ring_load(argv[3], NULL, &keys, &p);
    for (unsigned i = 0; r == 0 && i < number; i++)
        r = write_event(keys, argv[1], i);
    if (r == 0 && fflush(stdout) == 0)
        return 0;
    fprintf(stderr, "bench_events PREFIX NUMBER [PUBLIC-KEY]: %s\n", r > 0 ? p.message : strerror(-r));
    return 1;
}

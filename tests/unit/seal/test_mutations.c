/* Ten thousand sealed texts that somebody changed on the way: none opens, and nothing breaks. The changes come from a
 * seed that is printed when one does. */
#include <pindispatch/seal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PIN "canary-482913"

enum { MUTATIONS = 10000, ORIGINALS = 16, ROOM = 2 * JWE_MOST };

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \"\\{}\x01\xff";

/* splitmix64 */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(draw(seed) % n);
}

static char letter(uint64_t *seed)
{
    return letters[below(seed, sizeof(letters) - 1)];
}

static void change(char *text, size_t n, uint64_t *seed)
{
    text[below(seed, n)] = letter(seed);
}

static void insert(char *text, size_t n, uint64_t *seed)
{
    size_t at = below(seed, n + 1);

    memmove(text + at + 1, text + at, n - at + 1);
    text[at] = letter(seed);
}

static void cut_out(char *text, size_t n, uint64_t *seed)
{
    size_t at = below(seed, n), size = 1 + below(seed, n - at);

    memmove(text + at, text + at + size, n - at - size + 1);
}

static void repeat(char *text, size_t n, uint64_t *seed)
{
    size_t at = below(seed, n), size = 1 + below(seed, n - at);

    memmove(text + at + size, text + at, n - at + 1);
}

static void swap(char *text, size_t n, uint64_t *seed)
{
    size_t a = below(seed, n), b = below(seed, n);
    char was = text[a];

    text[a] = text[b];
    text[b] = was;
}

static void (*const ways[])(char *text, size_t n, uint64_t *seed) = { change, insert, cut_out, repeat, swap };

static void mutate(char *text, uint64_t *seed)
{
    for (size_t times = 1 + below(seed, 3); times > 0; times--) {
        size_t n = strlen(text);

        if (n > 0 && n < ROOM / 2)
            ways[below(seed, ARRAY_SIZE(ways))](text, n, seed);
    }
}

struct originals {
    struct seal_ring *ring;
    char *texts[ORIGINALS];
};

static char *make_original(const struct seal_ring *r, size_t i)
{
    const struct seal_binding binding = { .source = "/prod", .id = "7b1c" };
    struct secret *secrets[SECRET_PARTS] = { NULL };
    char *jwe = NULL;

    assert_int_equal(secret_new(PIN, strlen(PIN), &secrets[SECRET_PIN]), 0);
    assert_int_equal(seal_close(seal_ring_at(r, i % 2), secrets, i % 4 < 2 ? &binding : NULL, &jwe), 0);
    secret_free(secrets[SECRET_PIN]);
    return jwe;
}

static int make_originals(void **state)
{
    static struct originals o;
    struct seal_key *k = NULL;

    assert_int_equal(seal_key_generate(SEAL_P256, &k), 0);
    assert_int_equal(seal_ring_new(k, &o.ring), 0);
    assert_int_equal(seal_key_generate(SEAL_X25519, &k), 0);
    assert_int_equal(seal_ring_renew(o.ring, k, 0), 0);
    for (size_t i = 0; i < ORIGINALS; i++)
        o.texts[i] = make_original(o.ring, i);
    *state = &o;
    return 0;
}

static int drop_originals(void **state)
{
    struct originals *o = *state;

    for (size_t i = 0; i < ORIGINALS; i++)
        free(o->texts[i]);
    seal_ring_free(o->ring);
    return 0;
}

static void test_nothing_that_was_changed_opens(void **state)
{
    struct originals *o = *state;
    uint64_t seed = 20261122;
    size_t done = 0;

    while (done < MUTATIONS) {
        const char *original = o->texts[done % ORIGINALS];
        uint64_t now = seed;
        struct secret *out[SECRET_PARTS] = { NULL };
        struct problem p = { .code = "" };
        char text[ROOM + 8];

        snprintf(text, sizeof(text), "%s", original);
        mutate(text, &seed);
        if (strcmp(text, original) == 0)
            continue;
        if (seal_open(o->ring, text, NULL, out, &p) != 1 || !p.code[0] || out[SECRET_PIN] || strstr(p.message, PIN))
            fail_msg("seed %llu: %s: %s", (unsigned long long)now, p.code, text);
        done++;
    }
}

static void test_the_originals_do(void **state)
{
    struct originals *o = *state;

    for (size_t i = 0; i < ORIGINALS; i++) {
        struct secret *out[SECRET_PARTS] = { NULL };

        assert_int_equal(seal_open(o->ring, o->texts[i], NULL, out, NULL), 0);
        assert_string_equal(secret_reveal(out[SECRET_PIN]), PIN);
        secret_free(out[SECRET_PIN]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_that_was_changed_opens),
        cmocka_unit_test(test_the_originals_do),
    };

    return cmocka_run_group_tests(tests, make_originals, drop_originals);
}

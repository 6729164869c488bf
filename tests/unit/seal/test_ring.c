#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* RFC 7517 appendix A.1 and A.2, RFC 8037 appendix A.6. */
#define EC_PUBLIC                                                                                                    \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","                        \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC_PRIVATE        EC_PUBLIC ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\""
#define BOB_PUBLIC        "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\""
#define BOB_PRIVATE       BOB_PUBLIC ",\"d\":\"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os\""
#define KEY(members, kid) "{" members ",\"kid\":\"" kid "\"}"

static struct seal_ring *parse(const char *text)
{
    struct seal_ring *r = NULL;
    struct problem p = { .message = "" };

    if (seal_ring_parse(text, strlen(text), "keys", &r, &p) != 0)
        fail_msg("%s", p.message);
    return r;
}

static struct seal_key *generate(void)
{
    struct seal_key *k = NULL;

    assert_int_equal(seal_key_generate(SEAL_X25519, &k), 0);
    return k;
}

static char *close_to(const struct seal_key *k, const char *pin, const struct seal_binding *binding)
{
    struct secret *secrets[SECRET_PARTS] = { NULL };
    char *jwe = NULL;

    assert_int_equal(secret_new(pin, strlen(pin), &secrets[SECRET_PIN]), 0);
    assert_int_equal(seal_close(k, secrets, binding, &jwe), 0);
    secret_free(secrets[SECRET_PIN]);
    return jwe;
}

static void assert_opens(const struct seal_ring *r, const char *jwe, const char *pin)
{
    struct secret *out[SECRET_PARTS] = { NULL };
    struct problem p = { .message = "" };

    if (seal_open(r, jwe, NULL, out, &p) != 0)
        fail_msg("%s", p.message);
    assert_string_equal(secret_reveal(out[SECRET_PIN]), pin);
    secret_free(out[SECRET_PIN]);
}

static void assert_refused(const struct seal_ring *r, const char *jwe, const struct seal_binding *binding,
                           const char *code)
{
    struct secret *out[SECRET_PARTS] = { NULL };
    struct problem p = { .message = "" };

    assert_int_equal(seal_open(r, jwe, binding, out, &p), 1);
    assert_string_equal(p.code, code);
    assert_null(out[SECRET_PIN]);
}

static void test_one_key_is_a_ring(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = parse("{" EC_PRIVATE "}");
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);

    (void)state;
    assert_int_equal(seal_ring_size(r), 1);
    assert_true(seal_ring_can_open(r));
    assert_int_equal(seal_ring_write(r, false, &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    assert_null(strstr(buffer_bytes(&b), "\"keys\""));
    assert_null(strstr(buffer_bytes(&b), "\"d\""));
}

static void test_first_of_a_set_is_the_newest(void **state)
{
    CLEANUP(seal_ring_cleanup)
    struct seal_ring *r = parse("{\"keys\":[" KEY(BOB_PRIVATE, "2026") "," KEY(EC_PRIVATE, "2025") "],\"other\":1}");

    (void)state;
    assert_int_equal(seal_ring_size(r), 2);
    assert_string_equal(seal_key_id(seal_ring_newest(r)), "2026");
    assert_ptr_equal(seal_ring_find(r, "2025"), seal_ring_at(r, 1));
    assert_null(seal_ring_find(r, "2024"));
}

static void test_kid_chooses_the_key(void **state)
{
    CLEANUP(seal_ring_cleanup)
    struct seal_ring *r = parse("{\"keys\":[" KEY(BOB_PRIVATE, "2026") "," KEY(EC_PRIVATE, "2025") "]}");
    CLEANUP(seal_ring_cleanup) struct seal_ring *newest = parse(KEY(BOB_PRIVATE, "2026"));
    CLEANUP(free_cleanup) char *by_new = close_to(seal_ring_at(r, 0), "482913", NULL);
    CLEANUP(free_cleanup) char *by_old = close_to(seal_ring_at(r, 1), "771204", NULL);

    (void)state;
    assert_opens(r, by_new, "482913");
    assert_opens(r, by_old, "771204");
    assert_opens(newest, by_new, "482913");
    assert_refused(newest, by_old, NULL, "key");
}

static void test_renewing(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL;
    char first[64];

    (void)state;
    assert_int_equal(seal_ring_new(generate(), &r), 0);
    snprintf(first, sizeof(first), "%s", seal_key_id(seal_ring_newest(r)));
    for (size_t i = 0; i < 5; i++) {
        struct seal_key *k = generate();

        assert_int_equal(seal_ring_renew(r, k, 4), 0);
        assert_ptr_equal(seal_ring_newest(r), k);
        assert_int_equal(seal_ring_size(r), i < 3 ? i + 2 : 4);
    }
    assert_null(seal_ring_find(r, first));
    for (size_t i = 0; i < 2 * SEAL_RING_MOST; i++)
        assert_int_equal(seal_ring_renew(r, generate(), 0), 0);
    assert_int_equal(seal_ring_size(r), SEAL_RING_MOST);
    assert_int_equal(seal_ring_renew(r, generate(), 1), 0);
    assert_int_equal(seal_ring_size(r), 1);
}

static void test_same_key_is_not_added_twice(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = parse("{" EC_PRIVATE "}");
    struct seal_key *same = NULL;

    (void)state;
    assert_int_equal(seal_key_parse("{" EC_PRIVATE "}", strlen("{" EC_PRIVATE "}"), "", &same, NULL), 0);
    assert_int_equal(seal_ring_renew(r, same, 0), -EEXIST);
    assert_int_equal(seal_ring_size(r), 1);
}

/* The biggest ring that there can be fits into a file, and comes back as it was. */
static void test_full_ring_is_written_and_read(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL, *public = NULL;
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);
    struct problem p;

    (void)state;
    assert_int_equal(seal_ring_new(generate(), &r), 0);
    while (seal_ring_size(r) < SEAL_RING_MOST) {
        struct seal_key *k = NULL;

        assert_int_equal(seal_key_generate(SEAL_P256, &k), 0);
        assert_int_equal(seal_ring_renew(r, k, 0), 0);
    }
    assert_int_equal(seal_ring_write(r, true, &b), 0);
    buffer_clear(&b);
    assert_int_equal(seal_ring_write(r, false, &b), 0);
    assert_int_equal(seal_ring_parse(buffer_bytes(&b), buffer_size(&b), "", &public, &p), 0);
    assert_false(seal_ring_can_open(public));
    for (size_t i = 0; i < SEAL_RING_MOST; i++)
        assert_string_equal(seal_key_id(seal_ring_at(r, i)), seal_key_id(seal_ring_at(public, i)));
}

static void test_unfit_sets_are_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        { "", "JSON object" },
        { "[]", "JSON object" },
        { "{\"keys\":[]}", "with a key in it" },
        { "{\"keys\":{}}", "with a key in it" },
        { "{\"keys\":[7]}", "JSON object" },
        { "{\"keys\":[{" EC_PRIVATE "},{" EC_PRIVATE "}]}", "same" },
        { "{\"keys\":[" KEY(EC_PRIVATE, "a") "," KEY(BOB_PRIVATE, "a") "]}", "same" },
        { "{\"keys\":[{" EC_PRIVATE "},{" BOB_PUBLIC "}]}", "private part" },
        { "{\"keys\":[{" EC_PUBLIC "},{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}]}", "must be of" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct seal_ring *r = NULL;
        struct problem p = { .code = "" };

        if (seal_ring_parse(bad[i].text, strlen(bad[i].text), "keys", &r, &p) != 1)
            fail_msg("taken: %s", bad[i].text);
        assert_null(r);
        assert_string_equal(p.code, "key");
        if (!strstr(p.message, bad[i].words))
            fail_msg("%s: %s", bad[i].text, p.message);
        assert_null(strstr(p.message, "870MB6gf"));
    }
}

static void test_sealed_for_one_event_does_not_open_for_another(void **state)
{
    static const struct seal_binding right = { "/prod", "1", false }, required = { "/prod", "1", true },
                                     other_id = { "/prod", "2", false }, other_source = { "/test", "1", false };
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = parse("{" EC_PRIVATE "}");
    CLEANUP(free_cleanup) char *bound = close_to(seal_ring_newest(r), "482913", &right);
    CLEANUP(free_cleanup) char *loose = close_to(seal_ring_newest(r), "482913", NULL);
    struct problem p;

    (void)state;
    assert_opens(r, bound, "482913");
    assert_int_equal(seal_check(r, bound, &required, &p), 0);
    assert_refused(r, bound, &other_id, "binding");
    assert_refused(r, bound, &other_source, "binding");
    assert_int_equal(seal_check(r, loose, &other_id, &p), 0);
    assert_refused(r, loose, &required, "binding");
}

/* An event's longest identity, each character of its id escaped. */
static void test_longest_identity_fits(void **state)
{
    char source[1024 + 1], id[256 + 1];
    const struct seal_binding longest = { source, id, true };
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = parse("{" EC_PRIVATE "}");
    CLEANUP(free_cleanup) char *jwe = NULL;
    struct problem p = { .message = "" };

    (void)state;
    memset(source, '/', sizeof(source));
    memset(id, '"', sizeof(id));
    source[sizeof(source) - 1] = id[sizeof(id) - 1] = '\0';
    jwe = close_to(seal_ring_newest(r), "0123456789012345678901234567890123456789012345678901234567890123", &longest);
    assert_true(strlen(jwe) <= JWE_MOST);
    if (seal_check(r, jwe, &longest, &p) != 0)
        fail_msg("%s", p.message);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void assert_load(const char *path, int expected, const char *words)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL;
    struct problem p = { .message = "" };

    assert_int_equal(seal_ring_load(path, NULL, &r, &p), expected);
    assert_int_equal(r != NULL, expected == 0);
    assert_non_null(strstr(p.message, words));
    if (expected)
        assert_string_equal(p.where, path);
}

static void test_load_looks_at_the_mode(void **state)
{
    char folder[] = "/tmp/pindispatch-seal.XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/key.jwk", folder);
    write_file(path, "{" EC_PRIVATE "}\n", 0600);
    assert_load(path, 0, "");
    write_file(path, "{" EC_PRIVATE "}\n", 0640);
    assert_load(path, 1, "0640");
    write_file(path, "{\"keys\":[{" EC_PRIVATE "}]}\n", 0604);
    assert_load(path, 1, "chmod 600");
    write_file(path, "{" EC_PUBLIC "}\n", 0644);
    assert_load(path, 0, "");
    write_file(path, "", 0600);
    assert_load(path, 1, "JSON object");
    unlink(path);
    assert_load(path, 1, "No such file");
    rmdir(folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key_is_a_ring),
        cmocka_unit_test(test_first_of_a_set_is_the_newest),
        cmocka_unit_test(test_kid_chooses_the_key),
        cmocka_unit_test(test_renewing),
        cmocka_unit_test(test_same_key_is_not_added_twice),
        cmocka_unit_test(test_full_ring_is_written_and_read),
        cmocka_unit_test(test_unfit_sets_are_refused),
        cmocka_unit_test(test_sealed_for_one_event_does_not_open_for_another),
        cmocka_unit_test(test_longest_identity_fits),
        cmocka_unit_test(test_load_looks_at_the_mode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

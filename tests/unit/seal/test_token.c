/* A private key that is no file: SoftHSM holds it, made there by the token's own tools. */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <pindispatch/file.h>

#define MODULE    "/usr/lib/softhsm/libsofthsm2.so"
#define TOKEN_PIN "artificial-135790"
#define WRONG_PIN "artificial-000000"
#define SO_PIN    "artificial-876543"
#define KEY(name) "pkcs11:token=cards;object=" name

extern char **environ;

static char folder[] = "/tmp/pindispatch-token.XXXXXX";

static int run(const char *const *words)
{
    posix_spawn_file_actions_t quietly;
    pid_t pid;
    int status = -1;

    posix_spawn_file_actions_init(&quietly);
    posix_spawn_file_actions_addopen(&quietly, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quietly, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, words[0], &quietly, NULL, (char *const *)words, environ) == 0)
        waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&quietly);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
#define PKCS11_TOOL(...)                                                                                             \
    RUN("pkcs11-tool", "--module", MODULE, "--token-label", "cards", "--login", "--pin", TOKEN_PIN, __VA_ARGS__)

static int make_pair(const char *label, const char *id, const char *type, const char *usage)
{
    return PKCS11_TOOL("--keypairgen", "--key-type", type, "--label", label, "--id", id, usage);
}

static int make_token(void **state)
{
    char path[64], text[128];

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/conf", folder);
    snprintf(text, sizeof(text), "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
             folder);
    if (file_replace(path, text, strlen(text), 0600) < 0 || setenv("SOFTHSM2_CONF", path, 1) < 0)
        return -1;
    return RUN("softhsm2-util", "--init-token", "--free", "--label", "cards", "--pin", TOKEN_PIN, "--so-pin",
               SO_PIN) ||
           make_pair("seal-2025", "01", "EC:prime256v1", "--usage-derive") ||
           make_pair("seal-2026", "02", "EC:prime256v1", "--usage-derive") ||
           make_pair("wide", "03", "EC:secp384r1", "--usage-derive") ||
           make_pair("signs", "04", "EC:prime256v1", "--usage-sign") ||
           make_pair("twin", "05", "EC:prime256v1", "--usage-derive") ||
           make_pair("twin", "06", "EC:prime256v1", "--usage-derive") ||
           make_pair("alone", "07", "EC:prime256v1", "--usage-derive") ||
           PKCS11_TOOL("--delete-object", "--type", "pubkey", "--id", "07");
}

static int drop_token(void **state)
{
    (void)state;
    return RUN("rm", "-r", folder);
}

static struct seal_ring *load(const char *places)
{
    CLEANUP(secret_cleanup) struct secret *pin = NULL;
    struct seal_ring *r = NULL;
    struct problem p = { .message = "" };

    assert_int_equal(secret_new(TOKEN_PIN, strlen(TOKEN_PIN), &pin), 0);
    if (seal_ring_load(places, pin, &r, &p) != 0)
        fail_msg("%s", p.message);
    return r;
}

static char *close_to(const struct seal_key *k)
{
    struct secret *secrets[SECRET_PARTS] = { NULL };
    char *jwe = NULL;

    assert_int_equal(secret_new("482913", 6, &secrets[SECRET_PIN]), 0);
    assert_int_equal(seal_close(k, secrets, NULL, &jwe), 0);
    secret_free(secrets[SECRET_PIN]);
    return jwe;
}

static void assert_opens(const struct seal_ring *r, const char *jwe)
{
    struct secret *out[SECRET_PARTS] = { NULL };
    struct problem p = { .message = "" };

    seal_ring_forget(r); /* so that the token is asked each time */
    if (seal_open(r, jwe, NULL, out, &p) != 0)
        fail_msg("%s: %s", p.code, p.message);
    assert_string_equal(secret_reveal(out[SECRET_PIN]), "482913");
    secret_free(out[SECRET_PIN]);
}

static struct seal_ring *public_part(const struct seal_ring *r)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);
    struct seal_ring *public = NULL;

    assert_int_equal(seal_ring_write(r, false, &b), 0);
    assert_int_equal(seal_ring_parse(buffer_bytes(&b), buffer_size(&b), "", &public, NULL), 0);
    assert_false(seal_ring_can_open(public));
    return public;
}

static void test_key_in_the_token_opens(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = load(KEY("seal-2026"));
    CLEANUP(seal_ring_cleanup) struct seal_ring *public = public_part(r);
    CLEANUP(free_cleanup) char *jwe = close_to(seal_ring_newest(public));
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);

    (void)state;
    assert_string_equal(seal_key_id(seal_ring_newest(r)), seal_key_id(seal_ring_newest(public)));
    for (size_t i = 0; i < 50; i++)
        assert_opens(r, jwe);
    assert_int_equal(seal_ring_write(r, true, &b), -EINVAL);
}

static void test_several_keys_and_a_named_module(void **state)
{
    CLEANUP(seal_ring_cleanup)
    struct seal_ring *r = load(KEY("seal-2026?module-path=" MODULE) "  pkcs11:token=cards;id=%01");
    CLEANUP(free_cleanup) char *by_new = close_to(seal_ring_at(r, 0));
    CLEANUP(free_cleanup) char *by_old = close_to(seal_ring_at(r, 1));

    (void)state;
    assert_int_equal(seal_ring_size(r), 2);
    assert_opens(r, by_new);
    assert_opens(r, by_old);
}

/* On the way from a file to a token. */
static void test_file_beside_a_token(void **state)
{
    CLEANUP(seal_key_cleanup) struct seal_key *k = NULL;
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = NULL;
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);
    CLEANUP(free_cleanup) char *jwe = NULL;
    char path[64], places[256];

    (void)state;
    snprintf(path, sizeof(path), "%s/old.jwk", folder);
    snprintf(places, sizeof(places), KEY("seal-2026") " %s", path);
    assert_int_equal(seal_key_generate(SEAL_X25519, &k), 0);
    assert_int_equal(seal_key_write(k, true, &b), 0);
    assert_int_equal(file_replace(path, buffer_bytes(&b), buffer_size(&b), 0600), 0);
    r = load(places);
    jwe = close_to(k);
    assert_opens(r, jwe);
    assert_ptr_equal(seal_ring_find(r, seal_key_id(k)), seal_ring_at(r, 1));
}

static void test_what_cannot_be_used_is_refused(void **state)
{
    static const struct {
        const char *uri, *pin, *words;
    } bad[] = {
        { KEY("seal-2026"), NULL, "seal.token_pin_file" },
        { KEY("nobody"), TOKEN_PIN, "no such private key" },
        { "pkcs11:token=elsewhere;object=seal-2026", TOKEN_PIN, "no such token" },
        { "pkcs11:token=cards", TOKEN_PIN, "names no key" },
        { KEY("seal-2026") "?pin-value=" TOKEN_PIN, TOKEN_PIN, "does not belong" },
        { KEY("seal-2026") "?pin-source=/etc/pin", TOKEN_PIN, "does not belong" },
        { "pkcs11:%%%", TOKEN_PIN, "RFC 7512" },
        { KEY("twin"), TOKEN_PIN, "several keys" },
        { KEY("wide"), TOKEN_PIN, "P-256" },
        { KEY("signs"), TOKEN_PIN, "CKA_DERIVE" },
        { KEY("alone"), TOKEN_PIN, "public half" },
        { KEY("seal-2026") "?module-path=/nowhere.so", TOKEN_PIN, "cannot be loaded" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CLEANUP(secret_cleanup) struct secret *pin = NULL;
        struct seal_ring *r = NULL;
        struct problem p = { .message = "" };

        if (bad[i].pin)
            assert_int_equal(secret_new(bad[i].pin, strlen(bad[i].pin), &pin), 0);
        assert_int_equal(seal_ring_load(bad[i].uri, pin, &r, &p), 1);
        assert_string_equal(p.code, "key");
        if (!strstr(p.message, bad[i].words))
            fail_msg("%s: %s", bad[i].uri, p.message);
        assert_null(strstr(p.message, TOKEN_PIN));
        assert_null(strstr(p.where, TOKEN_PIN));
    }
}

static void test_wrong_pin_is_refused(void **state)
{
    CLEANUP(secret_cleanup) struct secret *pin = NULL;
    CLEANUP(seal_ring_cleanup) struct seal_ring *right = NULL;
    struct seal_ring *r = NULL;
    struct problem p = { .message = "" };

    (void)state;
    assert_int_equal(secret_new(WRONG_PIN, strlen(WRONG_PIN), &pin), 0);
    assert_int_equal(seal_ring_load(KEY("seal-2026"), pin, &r, &p), 1);
    assert_non_null(strstr(p.message, "refuses the PIN"));
    assert_null(strstr(p.message, WRONG_PIN));
    right = load(KEY("seal-2026"));
}

#define DELETE(type) PKCS11_TOOL("--delete-object", "--type", type, "--id", "08")

#define WRITE(type, path)                                                                                            \
    PKCS11_TOOL("--write-object", path, "--type", type, "--label", "movable", "--id", "08", "--usage-derive")

static int import(void **state)
{
    char both[64], public[64];

    (void)state;
    snprintf(both, sizeof(both), "%s/pair.der", folder);
    snprintf(public, sizeof(public), "%s/public.der", folder);
    if (access(public, F_OK) < 0 &&
        (RUN("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER",
             "-out", both) ||
         RUN("openssl", "pkey", "-in", both, "-pubout", "-outform", "DER", "-out", public)))
        return -1;
    return WRITE("privkey", both) || WRITE("pubkey", public);
}

static int delete_both(void **state)
{
    (void)state;
    return DELETE("privkey") || DELETE("pubkey");
}

/* Its handle is another one, as after a token was pulled out and put in again. */
static void test_token_that_comes_back_is_used_again(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = load(KEY("movable"));
    CLEANUP(free_cleanup) char *jwe = close_to(seal_ring_newest(r));

    for (size_t i = 0; i < 3; i++) {
        assert_opens(r, jwe);
        assert_int_equal(delete_both(state), 0);
        assert_int_equal(import(state), 0);
    }
    assert_opens(r, jwe);
}

/* A token that goes away is "token", which may pass, and never a sealed text that is said to be bad; so is one with
 * another key under that name. */
static void test_lost_key_is_told_apart(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *r = load(KEY("movable"));
    CLEANUP(free_cleanup) char *jwe = close_to(seal_ring_newest(r));
    struct secret *out[SECRET_PARTS] = { NULL };

    assert_opens(r, jwe);
    seal_ring_forget(r);
    assert_int_equal(delete_both(state), 0);
    for (size_t i = 0; i < 4; i++) {
        struct problem p = { .message = "" };

        assert_int_equal(seal_open(r, jwe, NULL, out, &p), 1);
        assert_string_equal(p.code, "token");
        assert_null(out[SECRET_PIN]);
        if (i == 1)
            assert_int_equal(make_pair("movable", "08", "EC:prime256v1", "--usage-derive"), 0);
    }
    assert_int_equal(delete_both(state), 0);
    assert_int_equal(import(state), 0);
    assert_opens(r, jwe);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_in_the_token_opens),
        cmocka_unit_test(test_several_keys_and_a_named_module),
        cmocka_unit_test(test_file_beside_a_token),
        cmocka_unit_test(test_what_cannot_be_used_is_refused),
        cmocka_unit_test(test_wrong_pin_is_refused),
        cmocka_unit_test_setup_teardown(test_token_that_comes_back_is_used_again, import, delete_both),
        cmocka_unit_test_setup_teardown(test_lost_key_is_told_apart, import, delete_both),
    };

    return cmocka_run_group_tests(tests, make_token, drop_token);
}

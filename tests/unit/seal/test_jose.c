/* Both ways with another implementation: the `jose` command of Debian, on P-256. */
#include <pindispatch/seal.h>

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
#include <pindispatch/json.h>

extern char **environ;

static char folder[] = "/tmp/pindispatch-jose.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    umask(0077);
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int drop_folder(void **state)
{
    static const char *const names[] = { "private.jwk", "public.jwk", "clear", "jwe", "template", "thumbprint" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unlink(names[i]);
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static struct buffer read_text(const char *path)
{
    struct buffer b = BUFFER(KEY_FILE_MOST);

    assert_int_equal(file_read(path, &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    return b;
}

static void run(const char *const *words)
{
    pid_t pid;
    int status;

    assert_int_equal(posix_spawnp(&pid, words[0], NULL, NULL, (char *const *)words, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static struct seal_ring *load(const char *path)
{
    struct seal_ring *k = NULL;
    struct problem p = { .message = "" };

    if (seal_ring_load(path, NULL, &k, &p) != 0)
        fail_msg("%s", p.message);
    return k;
}

static void test_jose_seals_and_we_open(void **state)
{
    CLEANUP(seal_ring_cleanup) struct seal_ring *k = NULL;
    CLEANUP(buffer_release) struct buffer jwe = BUFFER(JWE_MOST);
    struct secret *out[SECRET_PARTS] = { NULL };
    char template[256];
    struct problem p = { .message = "" };

    (void)state;
    write_file("template", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\"}");
    RUN("jose", "jwk", "gen", "-i", "template", "-o", "private.jwk");
    k = load("private.jwk");
    RUN("jose", "jwk", "thp", "-i", "private.jwk", "-o", "thumbprint");
    jwe = read_text("thumbprint");
    assert_string_equal(seal_key_id(seal_ring_newest(k)), buffer_bytes(&jwe));
    buffer_release(&jwe);

    snprintf(template, sizeof(template),
             "{\"protected\":{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"kid\":\"%s\"}}",
             seal_key_id(seal_ring_newest(k)));
    write_file("template", template);
    write_file("clear", "{ \"puk\" : \"artificial-2\", \"pin\" : \"artificial-1\" }");
    RUN("jose", "jwe", "enc", "-i", "template", "-I", "clear", "-k", "private.jwk", "-c", "-o", "jwe");
    jwe = read_text("jwe");
    if (seal_open(k, buffer_bytes(&jwe), NULL, out, &p) != 0)
        fail_msg("%s", p.message);
    assert_string_equal(secret_reveal(out[SECRET_PIN]), "artificial-1");
    assert_string_equal(secret_reveal(out[SECRET_PUK]), "artificial-2");
    secret_free(out[SECRET_PIN]);
    secret_free(out[SECRET_PUK]);
}

static void write_key(const struct seal_key *k, const char *path, bool private_part)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(KEY_FILE_MOST);

    assert_int_equal(seal_key_write(k, private_part, &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    write_file(path, buffer_bytes(&b));
}

static void test_we_seal_and_jose_opens(void **state)
{
    CLEANUP(seal_key_cleanup) struct seal_key *k = NULL;
    CLEANUP(buffer_release) struct buffer clear = BUFFER(0);
    CLEANUP(free_cleanup) char *jwe = NULL;
    struct secret *secrets[SECRET_PARTS] = { NULL };

    (void)state;
    assert_int_equal(seal_key_generate(SEAL_P256, &k), 0);
    write_key(k, "private.jwk", true);
    assert_int_equal(secret_new("artificial-3", 12, &secrets[SECRET_PIN]), 0);
    assert_int_equal(seal_close(k, secrets, NULL, &jwe), 0);
    secret_free(secrets[SECRET_PIN]);
    write_file("jwe", jwe);
    RUN("jose", "jwe", "dec", "-i", "jwe", "-k", "private.jwk", "-O", "clear");
    clear = read_text("clear");
    assert_string_equal(buffer_bytes(&clear), "{\"pin\":\"artificial-3\"}");
}

/* What an issuer would do with the public key that `keygen` made. */
static void test_jose_takes_our_public_key(void **state)
{
    CLEANUP(seal_key_cleanup) struct seal_key *k = NULL;
    CLEANUP(buffer_release) struct buffer thumbprint = BUFFER(0);

    (void)state;
    assert_int_equal(seal_key_generate(SEAL_P256, &k), 0);
    write_key(k, "public.jwk", false);
    RUN("jose", "jwk", "thp", "-i", "public.jwk", "-o", "thumbprint");
    thumbprint = read_text("thumbprint");
    assert_string_equal(buffer_bytes(&thumbprint), seal_key_id(k));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jose_seals_and_we_open),
        cmocka_unit_test(test_we_seal_and_jose_opens),
        cmocka_unit_test(test_jose_takes_our_public_key),
    };

    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

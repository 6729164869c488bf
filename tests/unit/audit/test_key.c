#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/audit.h>
#include <pindispatch/file.h>
#include <pindispatch/json.h>

static char dir[] = "/tmp/audit-key-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

/* Writes TEXT to a file, loads it as a key and removes it. */
static int load(const char *text, mode_t mode, struct audit_key **ret, struct problem *p)
{
    CLEANUP(free_cleanup) char *path = path_join(dir, "k.jwk");
    int r;

    assert_int_equal(file_replace(path, text, strlen(text), mode), 0);
    assert_int_equal(chmod(path, mode), 0);
    r = audit_key_load(path, ret, p);
    assert_int_equal(unlink(path), 0);
    return r;
}

static void write_key(const struct audit_key *k, bool private_part, char text[512])
{
    struct buffer b = BUFFER(4096);

    assert_int_equal(audit_key_write(k, private_part, &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    snprintf(text, 512, "%s", buffer_bytes(&b));
    buffer_release(&b);
}

static struct anchor some_anchor(void)
{
    struct anchor a = { .number = 3, .seq = 77, .time = 123456789 };

    memset(a.hash, 'a', sizeof(a.hash) - 1);
    return a;
}

static void a_pair_goes_through_its_files(void **state)
{
    CLEANUP(audit_key_cleanup) struct audit_key *pair = NULL;
    CLEANUP(audit_key_cleanup) struct audit_key *again = NULL;
    CLEANUP(audit_key_cleanup) struct audit_key *public_part = NULL;
    struct buffer b = BUFFER(4096);
    struct anchor a = some_anchor();
    char text[512];

    (void)state;
    assert_int_equal(audit_key_generate(&pair), 0);
    write_key(pair, true, text);
    assert_int_equal(load(text, 0600, &again, NULL), 0);
    assert_true(audit_key_can_sign(again));
    write_key(pair, false, text);
    assert_null(strstr(text, "\"d\""));
    assert_int_equal(load(text, 0644, &public_part, NULL), 0);
    assert_false(audit_key_can_sign(public_part));
    assert_int_equal(audit_key_write(public_part, true, &b), -EINVAL);
    assert_string_equal(audit_key_id(public_part), audit_key_id(pair));
    assert_int_equal(anchor_sign(again, &a), 0);
    assert_true(anchor_is_signed(public_part, &a));
}

/* RFC 8037 appendix A: the key, its thumbprint. */
static void the_rfcs_key_has_the_rfcs_id(void **state)
{
    static const char key[] =
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
    CLEANUP(audit_key_cleanup) struct audit_key *k = NULL;

    (void)state;
    assert_int_equal(load(key, 0600, &k, NULL), 0);
    assert_string_equal(audit_key_id(k), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
        "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"d\":7}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"21qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
        "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct audit_key *k = NULL;
        struct problem p = { .code = "" };

        assert_int_equal(load(texts[i], 0600, &k, &p), 1);
        assert_null(k);
        assert_string_equal(p.code, "key");
        assert_null(strstr(p.message, "nWGx"));
    }
}

static void a_private_key_for_all_is_refused(void **state)
{
    CLEANUP(audit_key_cleanup) struct audit_key *pair = NULL;
    struct audit_key *k = NULL;
    struct problem p = { .code = "" };
    char text[512];

    (void)state;
    assert_int_equal(audit_key_generate(&pair), 0);
    write_key(pair, true, text);
    assert_int_equal(load(text, 0640, &k, &p), 1);
    assert_non_null(strstr(p.message, "600"));
}

static void a_signature_is_over_all_of_it(void **state)
{
    CLEANUP(audit_key_cleanup) struct audit_key *pair = NULL;
    CLEANUP(audit_key_cleanup) struct audit_key *other = NULL;
    struct anchor good = some_anchor(), a;

    (void)state;
    assert_int_equal(audit_key_generate(&pair), 0);
    assert_int_equal(audit_key_generate(&other), 0);
    assert_int_equal(anchor_sign(pair, &good), 0);
    assert_true(anchor_is_signed(pair, &good));
    assert_false(anchor_is_signed(other, &good));
    a = good;
    a.number++;
    assert_false(anchor_is_signed(pair, &a));
    a = good;
    a.seq--;
    assert_false(anchor_is_signed(pair, &a));
    a = good;
    a.time++;
    assert_false(anchor_is_signed(pair, &a));
    a = good;
    a.hash[0] = 'b';
    assert_false(anchor_is_signed(pair, &a));
    a = good;
    a.signature[0] = a.signature[0] == '0' ? '1' : '0';
    assert_false(anchor_is_signed(pair, &a));
    a = good;
    a.signature[10] = '\0';
    assert_false(anchor_is_signed(pair, &a));
}

static void an_anchor_goes_through_json(void **state)
{
    struct anchor a = some_anchor(), back = { 0 };
    CLEANUP(json_cleanup) json_t *j = NULL;

    (void)state;
    snprintf(a.key, sizeof(a.key), "k");
    snprintf(a.signature, sizeof(a.signature), "s");
    j = anchor_to_json(&a);
    assert_int_equal(anchor_from_json(j, &back), 0);
    assert_memory_equal(&a, &back, sizeof(a));
    json_object_del(j, "hash");
    assert_int_equal(anchor_from_json(j, &back), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_goes_through_its_files), cmocka_unit_test(the_rfcs_key_has_the_rfcs_id),
        cmocka_unit_test(what_is_no_key_is_refused),     cmocka_unit_test(a_private_key_for_all_is_refused),
        cmocka_unit_test(a_signature_is_over_all_of_it), cmocka_unit_test(an_anchor_goes_through_json),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

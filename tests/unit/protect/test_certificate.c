/* Which certificates a PIN is encrypted to, and where they are looked for. */
#include "maker.h"

#include <certificate.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pindispatch/clock.h>

#define RULES ((struct certificate_rules){ .address = ADDRESS, .now = (int64_t)NOW * MICROSECONDS_PER_SECOND })

static char *text_of(const struct making *m)
{
    EVP_PKEY *key = make_key(m);
    X509 *c = make_certificate(m, key);
    char *text = certificate_text(c);

    X509_free(c);
    EVP_PKEY_free(key);
    return text;
}

/* The code of the refusal, "" for none. */
static const char *judged(const char *text, size_t size, const struct certificate_rules *rules)
{
    static struct problem p;
    X509 *found = NULL;
    int r = certificate_choose(text, size, rules, &found, &p);

    if (r == 0)
        p.code[0] = '\0';
    assert_true(r == 0 || r == 1);
    assert_int_equal(found != NULL, r == 0);
    X509_free(found);
    return p.code;
}

static void assert_judged(const struct making *m, const char *code)
{
    char *text = text_of(m);

    assert_string_equal(judged(text, strlen(text), &RULES), code);
    free(text);
}

static void fit_ones_are_taken(void **state)
{
    (void)state;
    assert_judged(&(struct making){ .rsa = 2048 }, "");
    assert_judged(&(struct making){ .rsa = 0 }, "");
    assert_judged(&(struct making){ .usage = "", .purpose = "" }, ""); /* for anything */
    assert_judged(&(struct making){ .purpose = "clientAuth,anyExtendedKeyUsage" }, "");
    assert_judged(&(struct making){ .address = "Asa.Oberg@Example.COM" }, "");
    assert_judged(&(struct making){ .address = "", .subject = ADDRESS }, "");
}

static void unfit_ones_are_refused_with_their_reason(void **state)
{
    (void)state;
    assert_judged(&(struct making){ .first = NOW + 60 }, "certificate-future");
    assert_judged(&(struct making){ .last = NOW - 60 }, "certificate-expired");
    assert_judged(&(struct making){ .usage = "keyEncipherment" }, "certificate-usage"); /* of an EC key */
    assert_judged(&(struct making){ .usage = "keyAgreement", .rsa = 2048 }, "certificate-usage");
    assert_judged(&(struct making){ .usage = "digitalSignature" }, "certificate-usage");
    assert_judged(&(struct making){ .purpose = "serverAuth" }, "certificate-usage");
    assert_judged(&(struct making){ .rsa = 1024 }, "certificate-weak");
    assert_judged(&(struct making){ .address = "eve@example.com" }, "certificate-address");
    assert_judged(&(struct making){ .address = "asa.oberg@example.com.evil.example" }, "certificate-address");
    assert_judged(&(struct making){ .address = "" }, "certificate-address");
}

static void what_is_no_certificate_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "MIIB",
                                       "=",
                                       "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                       "-----BEGIN CERTIFICATE-----",
                                       "\x30\x82\x01" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(judged(bad[i], strlen(bad[i]), &RULES), "certificate-form");
}

static void all_forms_are_read(void **state)
{
    const struct making m = { .rsa = 0 };
    EVP_PKEY *key = make_key(&m);
    X509 *c = make_certificate(&m, key);
    unsigned char *der = NULL;
    int size = i2d_X509(c, &der);
    char base64[4096];
    size_t length;

    (void)state;
    assert_string_equal(judged((char *)der, (size_t)size, &RULES), "");
    EVP_EncodeBlock((unsigned char *)base64, der, size);
    assert_string_equal(judged(base64, strlen(base64), &RULES), "");
    /* Cut in lines, and with something after it. */
    memmove(base64 + 65, base64 + 64, strlen(base64 + 64) + 1);
    base64[64] = '\n';
    assert_string_equal(judged(base64, strlen(base64), &RULES), "");
    length = strlen(base64);
    memcpy(base64 + length, "AAAA", 5);
    assert_string_equal(judged(base64, strlen(base64), &RULES), "certificate-form");
    OPENSSL_free(der);
    X509_free(c);
    EVP_PKEY_free(key);
}

static void the_first_fit_one_of_several(void **state)
{
    char *old = text_of(&(struct making){ .last = NOW - DAY }),
         *other = text_of(&(struct making){ .address = "ca@x.y" });
    char *good = text_of(&(struct making){ .rsa = 0 }), *all = NULL;

    (void)state;
    assert_true(asprintf(&all, "%s%s%s", other, old, good) > 0);
    assert_string_equal(judged(all, strlen(all), &RULES), "");
    assert_string_equal(judged(all, strlen(other) + strlen(old), &RULES), "certificate-expired");
    free(old);
    free(other);
    free(good);
    free(all);
}

static void must_lead_to_the_anchors(void **state)
{
    const struct making ca = { .address = "", .usage = "keyCertSign", .purpose = "" };
    EVP_PKEY *ca_key = make_key(&ca), *key = make_key(&ca);
    X509 *root = make_certificate(&ca, ca_key);
    X509 *holder = make_certificate(&(struct making){ .issuer = root, .signer = ca_key }, key);
    char *text = certificate_text(holder), *alone = text_of(&(struct making){ .rsa = 0 });
    struct certificate_rules rules = RULES;

    (void)state;
    rules.anchors = X509_STORE_new();
    X509_STORE_add_cert(rules.anchors, root);
    assert_string_equal(judged(text, strlen(text), &rules), "");
    assert_string_equal(judged(alone, strlen(alone), &rules), "certificate-untrusted");
    X509_STORE_free(rules.anchors);
    X509_free(root);
    X509_free(holder);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    free(text);
    free(alone);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void remove_file(const char *folder, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static int found(const char *folder, const char *address)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(CERTIFICATES_MOST);
    struct problem p = { .code = "" };
    int r = certificate_read(folder, address, &b, &p);

    if (r == 0)
        assert_memory_equal(buffer_bytes(&b), "it", 2);
    if (r == 1)
        assert_string_equal(p.code, "certificate-missing");
    return r;
}

static void a_folder_is_left_by_no_address(void **state)
{
    char folder[] = "/tmp/pindispatch-certificates-XXXXXX", below[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(below, sizeof(below), "%s/below", folder);
    assert_int_equal(mkdir(below, 0700), 0);
    write_file(folder, "asa@example.com.pem", "it");
    write_file(folder, "x@y.pem", "it");
    assert_int_equal(found(folder, "asa@example.com"), 0);
    assert_int_equal(found(folder, "Asa@Example.com"), 0);
    assert_int_equal(found(folder, "eve@example.com"), 1);
    assert_int_equal(found(below, "../x@y"), 1);
    assert_int_equal(found(folder, "below/../x@y"), 1);
    assert_int_equal(found(folder, ""), 1);
    assert_int_equal(found("/nonexistent", "asa@example.com"), -ENOENT);
    assert_int_equal(rmdir(below), 0);
    remove_file(folder, "asa@example.com.pem");
    remove_file(folder, "x@y.pem");
    assert_int_equal(rmdir(folder), 0);
}

static void is_described_by_hash_and_end(void **state)
{
    const struct making m = { .last = NOW + DAY };
    EVP_PKEY *key = make_key(&m);
    X509 *c = make_certificate(&m, key);
    struct protection p = { .kind = "smime" };

    (void)state;
    assert_int_equal(certificate_describe(c, &p), 0);
    assert_int_equal(strlen(p.fingerprint), 64);
    assert_int_equal(strspn(p.fingerprint, "0123456789abcdef"), 64);
    assert_memory_equal(p.expires, "2027-01-16T08:00:00", 19);
    X509_free(c);
    EVP_PKEY_free(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fit_ones_are_taken),
        cmocka_unit_test(unfit_ones_are_refused_with_their_reason),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(all_forms_are_read),
        cmocka_unit_test(the_first_fit_one_of_several),
        cmocka_unit_test(must_lead_to_the_anchors),
        cmocka_unit_test(a_folder_is_left_by_no_address),
        cmocka_unit_test(is_described_by_hash_and_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

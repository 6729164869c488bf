/* Which way a mail is closed, by the settings; the libraries' work is looked at in test_smime.c and test_pdf.c. */
#include "maker.h"
#include <sample.h>

#include <pindispatch/method.h>
#include <pindispatch/protect.h>

#define PIN      "48291377"
#define PASSWORD "correct-horse"
#define AT_NOW   ((int64_t)NOW * MICROSECONDS_PER_SECOND)

static const struct setting rows[] = {
    { .name = "templates.directory", .type = SETTING_PATH, .standard = TEMPLATES },
    { .name = "templates.full_card_number", .type = SETTING_FLAG, .standard = "false" },
    { .name = NULL },
};

struct post {
    struct settings *settings;
    struct sample sample;
    struct mailer *mailer;
    struct secret *password;
};

static int build(void **state)
{
    const struct setting *const schemas[] = { rows, method_find(SECRET_PIN, "email")->settings, NULL };
    struct post *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    assert_int_equal(settings_new(schemas, &p->settings), 0);
    sample_init(&p->sample, "Asa", "sv", SECRET_PIN, PIN);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct post *p = *state;

    mailer_free(p->mailer);
    secret_free(p->password);
    sample_release(&p->sample);
    settings_free(p->settings);
    free(p);
    return 0;
}

static void set(struct post *p, const char *name, const char *value)
{
    assert_int_equal(settings_set(p->settings, name, value, NULL), 0);
}

static void give_certificate(struct post *p, const struct making *m)
{
    json_t *holder = json_object_get(json_object_get(p->sample.event, "data"), "holder");
    EVP_PKEY *key = make_key(m);
    X509 *c = make_certificate(m, key);
    char *text = certificate_text(c);

    assert_int_equal(json_object_set_new(holder, "certificate", json_string(text)), 0);
    free(text);
    X509_free(c);
    EVP_PKEY_free(key);
}

static void give_password(struct post *p, const char *text)
{
    p->password = secret_free(p->password);
    assert_int_equal(secret_new(text, strlen(text), &p->password), 0);
}

static int compose(struct post *p)
{
    struct problem problem = { .message = "" };

    if (!p->mailer && mailer_new(p->settings, &p->mailer, &problem) != 0)
        fail_msg("%s: %s", problem.where, problem.message);
    document_release(&p->sample.document);
    outcome_release(&p->sample.trouble);
    p->sample.trouble = (struct outcome){ .code = "" };
    p->sample.document = DOCUMENT;
    return mailer_compose(p->mailer, &p->sample.filling, p->password, AT_NOW, &p->sample.document,
                          &p->sample.trouble);
}

static bool shows(const struct post *p, const char *text)
{
    const struct buffer *b = &p->sample.document.bytes;

    return memmem(buffer_bytes(b), buffer_size(b), text, strlen(text)) != NULL;
}

static void assert_closed(struct post *p, const char *kind, bool shows_pin)
{
    assert_int_equal(compose(p), 0);
    assert_string_equal(p->sample.document.protection.kind, kind);
    assert_int_equal(strlen(p->sample.document.protection.fingerprint), strcmp(kind, "smime") == 0 ? 64 : 0);
    assert_string_equal(p->sample.document.media_type, "message/rfc822");
    assert_string_equal(p->sample.document.recipient, ADDRESS);
    assert_int_equal(shows(p, PIN), shows_pin);
}

static void assert_trouble(struct post *p, enum outcome_kind kind, const char *code)
{
    assert_int_equal(compose(p), 1);
    assert_int_equal(p->sample.trouble.kind, kind);
    assert_string_equal(p->sample.trouble.code, code);
    assert_null(strstr(p->sample.trouble.reason, PIN));
    assert_null(strstr(p->sample.trouble.reason, PASSWORD));
    assert_int_equal(buffer_size(&p->sample.document.bytes), 0);
}

static void none_is_the_standard(void **state)
{
    struct post *p = *state;

    give_certificate(p, &(struct making){ .rsa = 0 });
    assert_closed(p, "none", true);
}

static void smime_needs_a_fit_certificate(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "smime");
    assert_trouble(p, OUTCOME_FAILED, "certificate-missing");
    give_certificate(p, &(struct making){ .last = NOW - DAY });
    assert_trouble(p, OUTCOME_FAILED, "certificate-expired");
    give_certificate(p, &(struct making){ .rsa = 0 });
    assert_closed(p, "smime", false);
    assert_true(shows(p, "smime-type=enveloped-data"));
}

static void gcm_is_by_its_setting(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "smime");
    set(p, "email.smime_cipher", "aes-256-gcm");
    give_certificate(p, &(struct making){ .rsa = 0 });
    assert_closed(p, "smime", false);
    assert_true(shows(p, "smime-type=authEnveloped-data"));
}

static void auto_takes_smime_where_it_can(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "auto");
    set(p, "email.protection_fallback", "plain");
    give_certificate(p, &(struct making){ .rsa = 0 });
    assert_closed(p, "smime", false);
    give_certificate(p, &(struct making){ .purpose = "serverAuth" });
    assert_closed(p, "none", true);
    assert_string_equal(p->sample.trouble.code, "");
}

static void auto_holds_by_itself(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "auto");
    assert_trouble(p, OUTCOME_HELD, "certificate-missing");
    give_certificate(p, &(struct making){ .rsa = 1024 });
    assert_trouble(p, OUTCOME_HELD, "certificate-weak");
}

static void auto_fails_when_told_so(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "auto");
    set(p, "email.protection_fallback", "fail");
    assert_trouble(p, OUTCOME_FAILED, "certificate-missing");
}

/* What is wrong with us is no reason to send a mail in clear. */
static void a_broken_folder_is_no_missing_certificate(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "auto");
    set(p, "email.protection_fallback", "plain");
    set(p, "email.certificates", "/nonexistent");
    assert_trouble(p, OUTCOME_DEFERRED, "certificates");
    assert_true(p->sample.trouble.destination);
}

static void a_pdf_needs_a_good_password(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "pdf");
    assert_trouble(p, OUTCOME_FAILED, "password-missing");
    give_password(p, "seven77");
    assert_trouble(p, OUTCOME_FAILED, "password-weak");
    give_password(p, PIN);
    assert_trouble(p, OUTCOME_FAILED, "password-weak");
    give_password(p, PASSWORD);
    assert_closed(p, "pdf", false);
    assert_true(shows(p, "Content-Type: application/pdf"));
    assert_false(shows(p, PASSWORD));
}

static void assert_unfit(struct post *p, const char *setting, const char *value, const char *where)
{
    struct problem problem = { .message = "" };

    set(p, setting, value);
    assert_int_equal(mailer_new(p->settings, &p->mailer, &problem), 1);
    assert_string_equal(problem.where, where);
    assert_null(p->mailer);
}

static void covers_and_mails_are_not_taken_for_each_other(void **state)
{
    struct post *p = *state;

    assert_unfit(p, "email.template", "mail-cover", "email.template");
    set(p, "email.template", "mail");
    set(p, "email.protection", "pdf");
    assert_unfit(p, "email.cover", "mail", "email.cover");
}

static void anchors_must_be_there(void **state)
{
    struct post *p = *state;

    set(p, "email.protection", "smime");
    assert_unfit(p, "email.certificates_ca_file", "/dev/null", "email.certificates_ca_file");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(none_is_the_standard),
        TEST(smime_needs_a_fit_certificate),
        TEST(gcm_is_by_its_setting),
        TEST(auto_takes_smime_where_it_can),
        TEST(auto_holds_by_itself),
        TEST(auto_fails_when_told_so),
        TEST(a_broken_folder_is_no_missing_certificate),
        TEST(a_pdf_needs_a_good_password),
        TEST(covers_and_mails_are_not_taken_for_each_other),
        TEST(anchors_must_be_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <pindispatch/protect.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>

#include "certificate.h"
#include "pdf.h"
#include "smime.h"

struct mailer {
    const struct settings *settings;
    struct mail *mail; /* the one with the secret, or the PDF's cover */
    struct letter *letter;
    X509_STORE *anchors;
    /* By the name of the setting's value. */
    int (*compose)(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                   struct document *ret, struct outcome *trouble);
};

static int fail(struct outcome *trouble, const char *code, const char *reason)
{
    outcome_set(trouble, OUTCOME_FAILED, code, "%s", reason);
    return 1;
}

/* What a library of encryption could not do: the error, as a trouble. */
static int judge_error(int r, struct outcome *trouble)
{
    if (r == -EIO || r == -EINVAL)
        return fail(trouble, "encryption", "the mail could not be encrypted");
    return r == -ENOBUFS ? fail(trouble, "overflow", "the encrypted mail is too long") : r;
}

/* --- none --- */

static int compose_plain(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                         struct document *ret, struct outcome *trouble)
{
    (void)password;
    (void)now;
    ret->protection = (struct protection){ .kind = "none" };
    return mail_message(m->mail, f, ret, trouble);
}

/* --- S/MIME --- */

static int refuse_folder(const char *folder, int error, struct outcome *trouble)
{
    if (error == -ENOMEM)
        return error;
    outcome_set(trouble, OUTCOME_DEFERRED, "certificates", "%s cannot be read: %s", folder, strerror(-error));
    trouble->destination = true;
    return 1;
}

/* What the event brings comes first: its issuer knows the holder best, and knows the PIN. TROUBLE is set where all
 * must wait, else P says why there is no certificate. */
static int find_certificate(struct mailer *m, const json_t *event, int64_t now, X509 **ret, struct problem *p,
                            struct outcome *trouble)
{
    const json_t *holder = json_object_get(json_object_get(event, "data"), "holder");
    const char *text = json_text(holder, "certificate"), *address = json_text(holder, "email");
    const char *folder = settings_text(m->settings, "email.certificates");
    const struct certificate_rules rules = { .address = address ? address : "", .now = now, .anchors = m->anchors };
    CLEANUP(buffer_release) struct buffer b = BUFFER(CERTIFICATES_MOST);
    int r;

    if (text)
        return certificate_choose(text, strlen(text), &rules, ret, p);
    if (!*folder)
        return problem_set(p, "certificate-missing", "", "the event brings no certificate of the holder");
    r = certificate_read(folder, rules.address, &b, p);
    if (r < 0)
        return refuse_folder(folder, r, trouble);
    return r == 0 ? certificate_choose(buffer_bytes(&b), buffer_size(&b), &rules, ret, p) : r;
}

static int encrypt_message(struct mailer *m, X509 *to, struct document *d, struct outcome *trouble)
{
    bool authenticated = strcmp(settings_text(m->settings, "email.smime_cipher"), "aes-256-gcm") == 0;
    CLEANUP(buffer_release) struct buffer closed = BUFFER(DOCUMENT_MOST);
    int r = smime_encrypt(&d->bytes, to, authenticated, &closed);

    if (r < 0) {
        buffer_clear(&d->bytes);
        return judge_error(r, trouble);
    }
    buffer_release(&d->bytes);
    d->bytes = closed;
    closed = BUFFER(0);
    d->protection = (struct protection){ .kind = "smime" };
    return certificate_describe(to, &d->protection);
}

static int compose_closed(struct mailer *m, X509 *to, const struct filling *f, struct document *ret,
                          struct outcome *trouble)
{
    int r = mail_message(m->mail, f, ret, trouble);

    return r == 0 ? encrypt_message(m, to, ret, trouble) : r;
}

static int compose_smime(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                         struct document *ret, struct outcome *trouble)
{
    CLEANUP(x509_cleanup) X509 *to = NULL;
    struct problem p = { .code = "" };
    int r = find_certificate(m, f->event, now, &to, &p, trouble);

    (void)password;
    if (r == 0)
        return compose_closed(m, to, f, ret, trouble);
    return r > 0 && !trouble->code[0] ? fail(trouble, p.code, p.message) : r;
}

static int compose_auto(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                        struct document *ret, struct outcome *trouble)
{
    const char *fallback = settings_text(m->settings, "email.protection_fallback");
    int r = compose_smime(m, f, password, now, ret, trouble);

    if (r != 1 || strncmp(trouble->code, "certificate-", strlen("certificate-")) != 0)
        return r;
    if (strcmp(fallback, "hold") == 0)
        trouble->kind = OUTCOME_HELD;
    if (strcmp(fallback, "plain") != 0)
        return r;
    *trouble = (struct outcome){ .code = "" };
    return compose_plain(m, f, password, now, ret, trouble);
}

/* --- PDF --- */

static int check_password(const struct filling *f, const struct secret *password, struct outcome *trouble)
{
    if (!password)
        return fail(trouble, "password-missing", "the event brought no password for the PDF ($.data.password)");
    if (secret_size(password) < PASSWORD_LEAST)
        return fail(trouble, "password-weak", "the password for the PDF is too short");
    if (strcmp(secret_reveal(password), secret_reveal(f->secret)) == 0)
        return fail(trouble, "password-weak", "the password for the PDF is the secret in it");
    return 0;
}

static int compose_attachment(struct mailer *m, const struct filling *f, const struct secret *password,
                              struct document *ret, struct outcome *trouble)
{
    CLEANUP(document_release) struct document letter = DOCUMENT;
    int r = letter_pdf(m->letter, f, &letter, trouble);

    return r == 0 ? judge_error(pdf_encrypt(&letter.bytes, password, letter.language, &ret->bytes), trouble) : r;
}

static int compose_pdf(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                       struct document *ret, struct outcome *trouble)
{
    CLEANUP(document_release) struct document pdf = DOCUMENT;
    struct filling cover = *f;
    int r = check_password(f, password, trouble);

    (void)now;
    if (r == 0)
        r = compose_attachment(m, f, password, &pdf, trouble);
    if (r != 0)
        return r;
    cover.attachment = &pdf.bytes;
    ret->protection = (struct protection){ .kind = "pdf" };
    return mail_message(m->mail, &cover, ret, trouble);
}

/* --- which --- */

static int load_mail(struct mailer *m, const char *setting, bool as_cover, struct problem *p)
{
    const struct template_rules rules = template_rules_of(m->settings, false);
    const char *name = settings_text(m->settings, setting);

    if (mail_is_cover(name) != as_cover)
        return problem_set(p, "template", setting,
                           as_cover
                               ? "a mail that a PDF is attached to prints no secret, and its name ends with -cover"
                               : "a mail whose name ends with -cover prints no secret");
    return mail_load(settings_text(m->settings, "templates.directory"), name, &rules, &m->mail, p);
}

static int load_pdf(struct mailer *m, struct problem *p)
{
    const struct template_rules rules = template_rules_of(m->settings, false);
    int r = load_mail(m, "email.cover", true, p);

    return r == 0 ? letter_load(settings_text(m->settings, "templates.directory"),
                                settings_text(m->settings, "email.pdf_template"), &rules, &m->letter, p)
                  : r;
}

static int load_plain(struct mailer *m, struct problem *p)
{
    return load_mail(m, "email.template", false, p);
}

static int load_smime(struct mailer *m, struct problem *p)
{
    const char *file = settings_text(m->settings, "email.certificates_ca_file");
    int r = load_plain(m, p);

    return r == 0 && *file ? certificate_anchors(file, &m->anchors, p) : r;
}

static const struct {
    const char *name;
    int (*load)(struct mailer *m, struct problem *p);
    int (*compose)(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                   struct document *ret, struct outcome *trouble);
} protections[] = {
    { "none", load_plain, compose_plain },
    { "smime", load_smime, compose_smime },
    { "pdf", load_pdf, compose_pdf },
    { "auto", load_smime, compose_auto },
};

int mailer_new(const struct settings *s, struct mailer **ret, struct problem *p)
{
    CLEANUP(mailer_cleanup) struct mailer *m = calloc(1, sizeof(*m));
    const char *name = settings_text(s, "email.protection");
    int r = -EINVAL;

    if (!m)
        return -ENOMEM;
    m->settings = s;
    for (size_t i = 0; i < ARRAY_SIZE(protections); i++) {
        if (strcmp(protections[i].name, name) != 0)
            continue;
        m->compose = protections[i].compose;
        r = protections[i].load(m, p);
    }
    if (r == 0)
        *ret = TAKE(m);
    return r;
}

int mailer_compose(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                   struct document *ret, struct outcome *trouble)
{
    return m->compose(m, f, password, now, ret, trouble);
}

struct mailer *mailer_free(struct mailer *m)
{
    if (!m)
        return NULL;
    mail_free(m->mail);
    letter_free(m->letter);
    X509_STORE_free(m->anchors);
    free(m);
    return NULL;
}

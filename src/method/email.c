#include "email_guard.h"
#include "email_session.h"
#include "email_tls.h"
#include "rows.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Kept by a worker between two sessions. */
struct email {
    char host[TLS_PEER_HOST];
    struct email_tls *tls; /* made at the first session; NULL: none yet, or mail goes in clear */
};

#define IN_CLEAR_ANYWHERE "none-in-clear-over-the-network"

static const char *const tls_choices[] = { "required", "none-on-loopback", IN_CLEAR_ANYWHERE, NULL };
static const char *const protection_choices[] = { "none", "smime", "pdf", "auto", NULL };
static const char *const fallback_choices[] = { "hold", "fail", "plain", NULL };
static const char *const cipher_choices[] = { "aes-256-cbc", "aes-256-gcm", NULL };
static const char *const doubt_choices[] = { "retry", "hold", NULL };

static bool is_host(const char *text, size_t n)
{
    if (n == 0 || n >= TLS_PEER_HOST)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(".-_", text[i]))
            return false;
    return true;
}

/* libesmtp splits at the first colon: an IPv6 address cannot be given, a name that has one can. */
static int check_server(const char *value, struct problem *p)
{
    size_t n = strcspn(value, ":");
    const char *port = value[n] ? value + n + 1 : "587";
    size_t digits = strspn(port, "0123456789");
    long number = digits > 0 && digits < 6 ? strtol(port, NULL, 10) : 0;

    if (!is_host(value, n) || port[digits] || number < 1 || number > 65535)
        return problem_set(p, "server", "",
                           "expected HOST or HOST:PORT (a name or an IPv4 address; port 587 when "
                           "none is given)");
    return 0;
}

static int check_hello(const char *value, struct problem *p)
{
    if (*value && !is_host(value, strlen(value)))
        return problem_set(p, "hello", "", "expected the name by which this machine is known to the mail server");
    return 0;
}

static int check_username(const char *value, struct problem *p)
{
    size_t n = 0;

    while (value[n] && !iscntrl((unsigned char)value[n]))
        n++;
    if (value[n] || n > 255) /* libesmtp's buffers */
        return problem_set(p, "username", "", "expected at most 255 characters without control characters");
    return 0;
}

/* "Name <address>" or the address alone. */
static int check_from(const char *value, struct problem *p)
{
    const char *open = strrchr(value, '<');
    const char *begin = open ? open + 1 : value;
    size_t n = strcspn(begin, ">");
    char address[256] = "";

    if (n < sizeof(address))
        memcpy(address, begin, n);
    for (const char *c = value; *c; c++)
        if (iscntrl((unsigned char)*c))
            return problem_set(p, "from", "", "a sender has no control characters");
    if (!email_is_safe(address) || (open && strcmp(begin + n, ">") != 0) || (!open && value[n]))
        return problem_set(p, "from", "", "expected \"Name <address>\" or an address");
    return 0;
}

static const struct setting rows[] = {
    { .name = "email.server",
      .type = SETTING_TEXT,
      .standard = "localhost:587",
      .help = "The mail server, HOST or HOST:PORT; with STARTTLS, not TLS from the first byte (port 465).",
      .check = check_server },
    { .name = "email.tls",
      .type = SETTING_CHOICE,
      .standard = "required",
      .choices = tls_choices,
      .help = "required: STARTTLS, and a certificate for this very host; none-on-loopback: in clear, and then only "
              "to an address on this machine; " IN_CLEAR_ANYWHERE
              ": everybody on the way to the mail server can read the PINs." },
    { .name = "email.ca_file",
      .type = SETTING_PATH,
      .standard = "",
      .help = "The CA certificates (PEM) that the server's certificate must lead to; empty: the system's." },
    { .name = "email.crl_file",
      .type = SETTING_PATH,
      .standard = "",
      .help = "The revocation lists (PEM) of the CAs in the server's chain; empty: revocation is not looked at." },
    { .name = "email.username",
      .type = SETTING_TEXT,
      .standard = "",
      .help = "Who we are to the mail server; empty: no authentication. With a name, nothing is sent unless the "
              "server accepted it.",
      .check = check_username },
    { .name = "email.password_file",
      .type = SETTING_PATH,
      .standard = "",
      .help = "The file that holds the password; the systemd credential smtp-password comes first." },
    { .name = "email.hello",
      .type = SETTING_TEXT,
      .standard = "",
      .help = "The name that we greet the mail server with; empty: the machine's host name.",
      .check = check_hello },
    { .name = "email.from",
      .type = SETTING_TEXT,
      .standard = "PIN service <pin@localhost>",
      .help = "The sender, as \"Name <address>\".",
      .check = check_from },
    { .name = "email.template",
      .type = SETTING_TEXT,
      .standard = "mail",
      .help = "The mail's template: NAME.subject, NAME.txt and NAME.html in templates.directory." },
    { .name = "email.protection",
      .type = SETTING_CHOICE,
      .standard = "none",
      .choices = protection_choices,
      .help =
          "none: every mail server on the way can read the PIN; smime: encrypted to the holder's certificate; "
          "pdf: in a PDF with the password that the event brings; auto: smime where there is a fit certificate." },
    { .name = "email.protection_fallback",
      .type = SETTING_CHOICE,
      .standard = "hold",
      .choices = fallback_choices,
      .help = "What \"auto\" does without a fit certificate: hold the delivery for a person, fail it, or send it "
              "plain." },
    { .name = "email.certificates",
      .type = SETTING_PATH,
      .standard = "",
      .help = "A folder of the holders' certificates, ADDRESS.pem each, for events that bring none; empty: none." },
    { .name = "email.certificates_ca_file",
      .type = SETTING_PATH,
      .standard = "",
      .help = "The CA certificates (PEM) that a holder's certificate must lead to; empty: any issuer." },
    { .name = "email.smime_cipher",
      .type = SETTING_CHOICE,
      .standard = "aes-256-cbc",
      .choices = cipher_choices,
      .help = "aes-256-cbc: what all mail programs read; aes-256-gcm: also guards against changes, for programs that "
              "read AuthEnvelopedData." },
    { .name = "email.cover",
      .type = SETTING_TEXT,
      .standard = "mail-cover",
      .help = "The template of the mail that a PDF is attached to; its name ends with -cover, and it prints no "
              "secret." },
    { .name = "email.pdf_template",
      .type = SETTING_TEXT,
      .standard = "letter.svg",
      .help = "The letter that is sent as a PDF, a file in templates.directory." },
    { .name = "email.in_doubt",
      .type = SETTING_CHOICE,
      .standard = "retry",
      .choices = doubt_choices,
      .help = "When the connection ends before the answer to a whole message: retry (it may arrive twice, with one "
              "Message-ID) or hold for a person." },
    { .name = "email.timeout",
      .type = SETTING_DURATION,
      .standard = "1m",
      .least = MICROSECONDS_PER_SECOND,
      .most = 3600 * MICROSECONDS_PER_SECOND,
      .help = "How long a step of the conversation may take; twice that for the answer to a whole message. "
              "Three times this must fit into workers.deadline." },
    { .name = "email.keep",
      .type = SETTING_DURATION,
      .standard = "5s",
      .least = 0,
      .most = 60 * MICROSECONDS_PER_SECOND,
      .help = "How long a connection is kept open for the next mail; 0s: it ends with the last one." },
    { .name = NULL },
};

/* What no worker need look for: a certificate or a password that cannot be anywhere. */
static int check_protection(const struct event *e, const struct settings *s, struct problem *p)
{
    const char *protection = settings_text(s, "email.protection");

    if (strcmp(protection, "smime") == 0 && !e->holder_certificate && !settings_text(s, "email.certificates")[0])
        return problem_set(p, "missing", "$.data.holder.certificate",
                           "Mail is encrypted here (S/MIME): the event must bring the holder's certificate.");
    if (strcmp(protection, "pdf") == 0 && !e->brings[SECRET_PASSWORD])
        return problem_set(p, "missing", "$.data.password",
                           "The PIN is mailed in a PDF with a password here: the event must bring it.");
    return 0;
}

static int email_check(const struct event *e, const struct settings *s, struct problem *p)
{
    if (!e->holder_email)
        return problem_set(p, "missing", "$.data.holder.email", "Delivery by mail needs the holder's address.");
    if (!email_is_safe(e->holder_email))
        return problem_set(p, "email", "$.data.holder.email", "This is no address that mail can be sent to.");
    return check_protection(e, s, p);
}

static void warn_of_tls(const struct settings *s, const char *secrets, method_warning *tell, void *userdata)
{
    struct problem p;

    if (strcmp(settings_text(s, "email.tls"), IN_CLEAR_ANYWHERE) != 0)
        return;
    problem_set(&p, "mail-without-tls", "email.tls", "everybody on the way to %.*s can read the %s",
                (int)strcspn(settings_text(s, "email.server"), ":"), settings_text(s, "email.server"), secrets);
    tell(userdata, &p);
}

static void warn_of_protection(const struct settings *s, const char *secrets, method_warning *tell, void *userdata)
{
    const char *protection = settings_text(s, "email.protection");
    bool is_auto = strcmp(protection, "auto") == 0;
    struct problem p;

    if (strcmp(protection, "none") == 0)
        problem_set(&p, "mail-in-clear", "email.protection", "every mail server on the way can read the %s", secrets);
    else if (is_auto && strcmp(settings_text(s, "email.protection_fallback"), "plain") == 0)
        problem_set(&p, "mail-in-clear", "email.protection_fallback",
                    "every mail server on the way can read the %s of a holder without a fit certificate", secrets);
    else
        return;
    tell(userdata, &p);
}

static bool email_retries_doubt(const struct settings *s)
{
    return strcmp(settings_text(s, "email.in_doubt"), "retry") == 0;
}

static int email_open(struct desk *d, void **ret_session)
{
    struct email *e;
    int r = email_guard_check();
    const char *server = settings_text(d->settings, "email.server");

    if (r < 0)
        return r;
    /* libesmtp looks below here for a client certificate, else below $HOME, and where a sandbox hides that it
     * takes "permission denied" for a reason to refuse TLS. Nobody else reads this variable. */
    if (setenv("XDG_CONFIG_DIR", "/nonexistent", 1) < 0)
        return -ENOMEM;
    e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    snprintf(e->host, sizeof(e->host), "%.*s", (int)strcspn(server, ":"), server);
    *ret_session = e;
    return 0;
}

static int misconfigured(struct outcome *trouble, const char *code, const char *why)
{
    trouble->destination = true;
    outcome_set(trouble, OUTCOME_DEFERRED, code, "%s", why);
    return 1;
}

static int read_password(struct desk *d, const char *username, struct secret **ret, struct outcome *trouble)
{
    struct problem p = { .code = "" };
    int r;

    if (!username[0])
        return 0;
    r = d->credential(d, "email.password_file", "smtp-password", ret, &p);
    if (r > 0)
        return misconfigured(trouble, "auth-password", p.message);
    if (r == 0 && !*ret)
        return misconfigured(trouble, "auth-password", "email.username is set, and there is no password for it");
    if (r == 0 && strlen(secret_reveal(*ret)) != secret_size(*ret))
        return misconfigured(trouble, "auth-password", "the password holds a NUL byte");
    return r;
}

/* One session. As email_session_run(); 1: there is trouble and nothing was tried. */
static int run_session(struct desk *d, struct email *e, struct parcel *first, struct outcome *trouble)
{
    const struct settings *s = d->settings;
    bool tls = strcmp(settings_text(s, "email.tls"), "required") == 0;
    bool clear_anywhere = strcmp(settings_text(s, "email.tls"), IN_CLEAR_ANYWHERE) == 0;
    CLEANUP(secret_cleanup) struct secret *password = NULL;
    struct email_account account = {
        .server = settings_text(s, "email.server"),
        .hello = settings_text(s, "email.hello"),
        .username = settings_text(s, "email.username"),
        .timeout = settings_duration(s, "email.timeout"),
        .keep = settings_duration(s, "email.keep"),
        .clear_anywhere = clear_anywhere,
        .holds_doubt = strcmp(settings_text(s, "email.in_doubt"), "hold") == 0,
    };
    int r;

    if (clear_anywhere && account.username[0])
        return misconfigured(trouble, "auth-in-clear", "email.username is set: the password is not sent without TLS");
    r = read_password(d, account.username, &password, trouble);

    if (r == 0 && tls && !e->tls)
        r = email_tls_new(e->host, settings_text(s, "email.ca_file"), settings_text(s, "email.crl_file"), &e->tls,
                          trouble);
    if (r != 0)
        return r;
    account.password = password;
    account.tls = tls ? e->tls : NULL;
    r = email_session_run(d, &account, first, trouble);
    if (trouble->code[0])
        e->tls = email_tls_free(e->tls); /* the next try reads the CA file anew */
    return r;
}

/* What has the destination in its way need not be tried one by one. */
static int report_all(struct desk *d, struct parcel *p, const struct outcome *trouble)
{
    int r = 0;

    for (; p && r == 0; p = d->next(d))
        r = d->report(d, p, trouble);
    return r;
}

static int email_deliver(struct desk *d, void *session)
{
    struct outcome trouble = { .code = "" };
    struct parcel *first = d->next(d);
    int r = first ? run_session(d, session, first, &trouble) : 0;

    if (r > 0)
        return report_all(d, first, &trouble);
    if (r == 0 && trouble.code[0])
        return report_all(d, d->next(d), &trouble);
    return r;
}

static void email_close(void *session)
{
    struct email *e = session;

    if (!e)
        return;
    email_tls_free(e->tls);
    free(e);
}

static void email_warn(const struct settings *s, const char *secrets, method_warning *tell, void *userdata)
{
    warn_of_tls(s, secrets, tell, userdata);
    warn_of_protection(s, secrets, tell, userdata);
}

const struct method method_email = {
    .names = { "email", "email" },
    .document = DOCUMENT_MAIL,
    .settings = rows,
    .workers = "workers.email",
    .destination = "email.server",
    .check = email_check,
    .warn = email_warn,
    .retries_doubt = email_retries_doubt,
    .open = email_open,
    .deliver = email_deliver,
    .close = email_close,
};

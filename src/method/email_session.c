#include "email_session.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <auth-client.h>

#include "email_gate.h"
#include "email_guard.h"
#include "email_letter.h"
#include "email_trouble.h"

#include <pindispatch/crashpoint.h>
#include <pindispatch/json.h>

enum { DEADLINE_SPARE = 30 }; /* seconds that the guard has before the process's own deadline strikes */

struct session {
    struct desk *desk;
    const struct email_account *account;
    struct email_guard guard;
    struct email_gate gate;
    smtp_session_t smtp;
    auth_context_t auth;
    struct letter now;
    unsigned taken;
    const char *written;     /* the library's own buffer; NULL: not known, or wiped */
    int error;               /* -errno: go no further */
    int library_error;       /* smtp_errno() after the session */
    bool connected;          /* at least once */
    bool tls_absent;         /* the server does not offer STARTTLS */
    char tls_version[16];    /* of the verified connection */
    char tls_cipher[64];     /* likewise */
    struct outcome *trouble; /* the destination's */
};

/* The step that begins now may take so long; if even the guard cannot end it, the process's deadline does. That is
 * the longest step's for all of them: so it need not be armed anew for each. */
static void allow(struct session *s, int64_t microseconds)
{
    int64_t longest = 2 * s->account->timeout;

    email_guard_give(&s->guard, microseconds);
    s->desk->deadline(s->desk, (unsigned)(longest / MICROSECONDS_PER_SECOND) + DEADLINE_SPARE);
}

/* NULL: out of memory. */
static json_t *make_evidence(const struct session *s, const struct mail_reply *r)
{
    CLEANUP(json_cleanup) json_t *e = json_pack("{s:s, s:s}", "server", s->account->server, "message_id", s->now.id);

    if (!e || (r && mail_reply_add(r, e) < 0) || mail_protection_add(&s->now.document.protection, e) < 0)
        return NULL;
    if (s->gate.tls && json_object_set_new(
                           e, "tls", json_pack("{s:s, s:s}", "version", s->tls_version, "cipher", s->tls_cipher)) < 0)
        return NULL;
    return TAKE(e);
}

/* Reports the message under way and lets go of it: from here on the parcel is not ours. */
static void settle(struct session *s, struct outcome *o, const struct mail_reply *r)
{
    struct parcel *p = TAKE(s->now.parcel);
    int error;

    o->evidence = s->connected ? make_evidence(s, r) : NULL;
    document_release(&s->now.document);
    error = s->desk->report(s->desk, p, o);
    if (error < 0 && !s->error)
        s->error = error;
    outcome_release(o);
    if (o->destination)
        *s->trouble = *o;
}

static void settle_by_reply(struct session *s)
{
    struct outcome o = { .code = "" };
    struct mail_reply r;

    letter_reply(&s->now, &r);
    mail_judge(&r, &o);
    settle(s, &o, &r);
}

/* Notes before the first byte that there may be bytes. Where doubt waits for a person the note is committed first: a
 * restart can then tell the one mail that may be out from those that only waited their turn. */
static void begin(struct session *s)
{
    int r;

    CRASH_POINT("email.data-allowed");
    r = s->account->holds_doubt ? s->desk->mark(s->desk, s->now.parcel, NULL)
                                : s->desk->begin(s->desk, s->now.parcel);
    CRASH_POINT("email.begun");

    s->now.begun = true;
    s->guard.more = r == 0;
    allow(s, s->account->timeout);
    if (r == 0)
        return;
    s->error = r;
    email_guard_cut(&s->guard, GUARD_BREACH);
}

static const char *give_rest(struct session *s, int *size)
{
    size_t left = buffer_size(&s->now.document.bytes) - s->now.given;

    if (s->error || !s->now.welcome) {
        /* The library drops the connection when errno is set here; the message stays without its end. */
        *size = 0;
        errno = ECANCELED;
        return NULL;
    }
    if (left == 0) {
        CRASH_POINT("email.ending");
        s->guard.more = false;
        s->now.whole = email_guard_stands(&s->guard);
        allow(s, 2 * s->account->timeout); /* RFC 5321 section 4.5.3.2.6: leaving too early makes duplicates */
    }
    *size = (int)left;
    s->now.given += left;
    errno = 0; /* else the library takes it for a failure of ours */
    return buffer_bytes(&s->now.document.bytes) + s->now.given - left;
}

/* libesmtp's message callback; without SIZE: from the beginning. It would free *CONTEXT. DATA left before the
 * recipient was answered for: the library asks for nothing then when the answer is no, and would get nothing. */
static const char *give_message(void **context, int *size, void *arg)
{
    struct session *s = arg;

    (void)context;
    if (size)
        return give_rest(s, size);
    s->now.given = 0;
    if (s->now.welcome)
        begin(s);
    else
        email_guard_cut(&s->guard, GUARD_BREACH);
    errno = 0;
    return NULL;
}

/* -ENOMEM: the only reason why these calls fail. */
static int add_message(struct session *s)
{
    struct letter *l = &s->now;

    l->message = smtp_add_message(s->smtp);
    if (!l->message || !smtp_set_reverse_path(l->message, l->document.sender))
        return -ENOMEM;
    l->recipient = smtp_add_recipient(l->message, l->document.recipient);
    return l->recipient && smtp_set_messagecb(l->message, give_message, s) ? 0 : -ENOMEM;
}

/* P becomes the message under way, or is reported at once when there is no message to be had of it. */
static void take(struct session *s, struct parcel *p)
{
    struct outcome trouble = { .code = "" };
    int r;

    s->taken++;
    s->now = (struct letter){ .parcel = p, .document = DOCUMENT };
    r = s->desk->compose(s->desk, p, &s->now.document, &trouble);
    if (r == 0)
        r = mail_check(&s->now.document, s->now.id, &trouble);
    if (r == 0)
        r = add_message(s);
    if (r > 0)
        settle(s, &trouble, NULL);
    else
        s->error = r;
}

static bool may_take(const struct session *s)
{
    return !s->now.parcel && !s->error && s->taken < EMAIL_SESSION_MOST && !s->gate.closing && !*s->trouble->code;
}

/* Messages may be added while the session runs, as long as the library has not looked for the next one yet. */
static void take_next(struct session *s)
{
    while (may_take(s)) {
        struct parcel *p = s->desk->next(s->desk);

        if (!p)
            return;
        take(s, p);
    }
}

/* The end of a mail that is settled stays in there until something else is written. The library shows where it is
 * with each command, not how long: it is a block of its own. */
static void wipe_written(struct session *s)
{
    char *block = (char *)TAKE(s->written);

    if (block)
        secret_wipe(block, malloc_usable_size(block));
}

/* The same, and waits for the next one when there is none, as long as the server does not hang up. */
static void await_next(struct session *s)
{
    take_next(s);
    while (may_take(s) && s->account->keep > 0) {
        wipe_written(s);
        s->desk->deadline(s->desk, 0);
        if (!s->desk->wait(s->desk, s->guard.fd, s->account->keep))
            return;
        take_next(s);
    }
}

/* Called for every MAIL and RCPT reply; after a breach none is believed. True: the server says yes. */
static bool passes(struct session *s, const smtp_status_t *status)
{
    if (!s->now.parcel || s->gate.breach)
        return false;
    if (letter_is_good(status))
        return true;
    settle_by_reply(s);
    take_next(s);
    return false;
}

/* Also called for one whose recipient was refused, when DATA is answered for: that is settled already, and the next
 * one under way. */
static void on_message_end(struct session *s, smtp_message_t message)
{
    bool begun = s->now.begun;

    if (!s->now.parcel || s->now.message != message || s->gate.breach)
        return;
    CRASH_POINT("email.answered");
    settle_by_reply(s);
    /* After a refused DATA the library has looked for the next message before it tells: too late for this one. */
    if (begun)
        await_next(s);
}

static void on_tls(struct session *s, SSL *ssl)
{
    X509 *own = SSL_get_certificate(ssl);

    snprintf(s->tls_version, sizeof(s->tls_version), "%s", SSL_get_version(ssl));
    snprintf(s->tls_cipher, sizeof(s->tls_cipher), "%s", SSL_get_cipher(ssl));
    s->gate.tls = SSL_get_verify_result(ssl) == X509_V_OK;
    if (own)
        X509_up_ref(own); /* the library frees it once too often */
}

static void on_event(smtp_session_t smtp, int event, void *arg, ...)
{
    struct session *s = arg;
    va_list args;

    (void)smtp;
    va_start(args, arg);
    switch (event) {
    case SMTP_EV_CONNECT:
        CRASH_POINT("email.connected");
        s->connected = true;
        email_gate_reset(&s->gate);
        allow(s, s->account->timeout);
        break;
    case SMTP_EV_EXTNA_STARTTLS:
        s->tls_absent = true;
        break;
    case SMTP_EV_WRONG_PEER_CERTIFICATE: {
        /* Compared with a canonical name that nobody vouches for. Our context has already checked the configured
         * one, in the handshake. */
        int *accept = va_arg(args, int *);

        (void)va_arg(args, char *);
        *accept = SSL_get_verify_result(va_arg(args, SSL *)) == X509_V_OK;
        break;
    }
    case SMTP_EV_STARTTLS_OK:
        on_tls(s, va_arg(args, SSL *));
        break;
    case SMTP_EV_MAILSTATUS:
        (void)va_arg(args, char *);
        CRASH_POINT("email.mail-answered");
        passes(s, smtp_reverse_path_status(va_arg(args, smtp_message_t)));
        break;
    case SMTP_EV_RCPTSTATUS:
        (void)va_arg(args, char *);
        CRASH_POINT("email.rcpt-answered");
        s->now.welcome = passes(s, smtp_recipient_status(va_arg(args, smtp_recipient_t)));
        break;
    case SMTP_EV_MESSAGESENT:
        on_message_end(s, va_arg(args, smtp_message_t));
        break;
    case SMTP_EV_DISCONNECT:
        email_guard_forget(&s->guard);
        break;
    default:
        break;
    }
    va_end(args);
    errno = 0;
}

/* Bytes about to be written or just read, passwords among them: never kept, never shown. */
static void on_bytes(const char *bytes, int size, int writing, void *arg)
{
    struct session *s = arg;

    /* The library's own read buffer, which is not constant: the gate may change a letter in it. */
    if (writing ? email_gate_out(&s->gate, bytes, (size_t)size)
                : email_gate_in(&s->gate, (char *)bytes, (size_t)size)) {
        if (!writing)
            return;
        allow(s, s->account->timeout);
        s->written = bytes;
        return;
    }
    email_guard_cut(&s->guard, GUARD_BREACH);
}

static int answer_login(auth_client_request_t request, char **result, int n, void *arg)
{
    const struct session *s = arg;

    for (int i = 0; i < n; i++) {
        if (request[i].flags & AUTH_PASS)
            result[i] = (char *)secret_reveal(s->account->password);
        else
            result[i] = request[i].flags & AUTH_USER ? (char *)s->account->username : (char *)"";
    }
    return 1;
}

/* A time-out of the library's own must not come before the guard's, which also cuts. */
static bool set_timeouts(struct session *s)
{
    static const int steps[] = { Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2 };
    long milliseconds = (long)(s->account->timeout / MICROSECONDS_PER_MILLISECOND) * 2 + 1000;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        if (!smtp_set_timeout(s->smtp, steps[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, milliseconds))
            return false;
    return true;
}

static bool set_login(struct session *s)
{
    s->gate.auth_required = s->account->username[0];
    if (!s->gate.auth_required)
        return true;
    s->auth = auth_create_context();
    /* PLAIN and LOGIN send the password itself; the gate lets them out under TLS or on loopback only. */
    return s->auth && auth_set_mechanism_flags(s->auth, AUTH_PLUGIN_PLAIN, 0) &&
           auth_set_interact_cb(s->auth, answer_login, s) && smtp_auth_set_context(s->smtp, s->auth);
}

static bool set_tls(struct session *s)
{
    struct email_tls *t = s->account->tls;

    s->gate.tls_required = t;
    s->guard.loopback_only = !t && !s->account->clear_anywhere;
    if (!t)
        return smtp_starttls_enable(s->smtp, Starttls_DISABLED);
    tls_peer_forget(email_tls_peer(t));
    return smtp_starttls_enable(s->smtp, Starttls_REQUIRED) && smtp_starttls_set_ctx(s->smtp, email_tls_context(t));
}

static bool set_up(struct session *s)
{
    const char *hello = s->account->hello;

    s->smtp = smtp_create_session();
    return s->smtp && smtp_set_server(s->smtp, s->account->server) &&
           smtp_set_hostname(s->smtp, hello[0] ? hello : NULL) && set_timeouts(s) && set_tls(s) && set_login(s) &&
           smtp_set_eventcb(s->smtp, on_event, s) && smtp_set_monitorcb(s->smtp, on_bytes, s, 0);
}

static void tear_down(struct session *s)
{
    if (s->smtp)
        smtp_destroy_session(s->smtp);
    if (s->auth)
        auth_destroy_context(s->auth);
    document_release(&s->now.document);
}

static void explain_trouble(const struct session *s, struct outcome *ret)
{
    char words[128];
    struct email_facts facts = { .server = s->account->server,
                                 .connected = s->connected,
                                 .tls_absent = s->tls_absent };

    if (!s->connected && !s->guard.error && s->library_error)
        facts.resolve = smtp_strerror(s->library_error, words, sizeof(words));
    email_trouble(&s->gate, &s->guard, s->account->tls, &facts, ret);
}

/* The session ended and the message under way has no verdict of the server's. */
static void settle_unanswered(struct session *s)
{
    struct outcome o = { .code = "" };

    /* A connection that broke under a write was ended by the other side. */
    bool ours = s->guard.cut != GUARD_UNCUT && s->guard.cut != GUARD_BROKEN;

    if (!s->now.begun && (s->gate.breach || ours || !s->gate.mail_tried))
        explain_trouble(s, &o);
    else if (!s->now.begun)
        outcome_set(&o, OUTCOME_DEFERRED, "connection-lost",
                    "the mail server ended the connection before the message was sent");
    else if (!s->now.whole)
        /* Without its last line a message is none (RFC 5321 section 4.1.1.4). */
        outcome_set(&o, OUTCOME_DEFERRED, s->guard.cut == GUARD_TIMEOUT ? "timeout" : "connection-lost",
                    "the mail server did not take the whole message");
    else
        outcome_set(&o, OUTCOME_IN_DOUBT, "smtp-no-reply",
                    "the message was sent, and the connection ended before the mail server answered");
    settle(s, &o, NULL);
}

int email_session_run(struct desk *d, const struct email_account *a, struct parcel *first, struct outcome *trouble)
{
    struct session s = { .desk = d, .account = a, .trouble = trouble };

    s.error = set_up(&s) ? 0 : -ENOMEM;
    if (!s.error)
        take(&s, first);
    take_next(&s);
    if (s.now.parcel && !s.error) {
        email_guard_enter(&s.guard);
        allow(&s, a->timeout);
        smtp_start_session(s.smtp); /* what it returns says nothing */
        s.library_error = smtp_errno();
        email_guard_leave(&s.guard);
        d->deadline(d, 0);
    }
    if (s.now.parcel && !s.error)
        settle_unanswered(&s);
    tear_down(&s);
    return s.error;
}

#include "email_judge.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <pindispatch/event.h>
#include <pindispatch/json.h>

#define LINE_MOST ((size_t)998) /* RFC 5322 section 2.1.1 */

/* Peers' words go into logs and JSON: printable ASCII stays, a run of anything else becomes one space or '?'. */
void mail_reply_set_text(struct mail_reply *r, const char *text)
{
    size_t n = 0;

    for (; text && *text && n < sizeof(r->text) - 1; text++) {
        unsigned char c = (unsigned char)*text;
        char kept = c > ' ' && c < 0x7f ? (char)c : c <= ' ' || c == 0x7f ? ' ' : '?';

        if (n > 0 && kept != (char)c && r->text[n - 1] == kept)
            continue;
        r->text[n++] = kept;
    }
    while (n > 0 && r->text[n - 1] == ' ')
        n--;
    r->text[n] = '\0';
}

static bool wants_authentication(int code)
{
    return code == 530 || code == 535 || code == 538;
}

static const char *const step_names[] = {
    [STEP_MAIL] = "mail", [STEP_RCPT] = "rcpt", [STEP_DATA] = "data", [STEP_MESSAGE] = "message"
};

static void judge(const struct mail_reply *r, enum outcome_kind kind, const char *sentence, struct outcome *ret)
{
    char code[sizeof(ret->code)];

    snprintf(code, sizeof(code), "smtp-%d", r->code);
    outcome_set(ret, kind, wants_authentication(r->code) ? "auth" : code, "%s: %d %s%s%s", sentence, r->code,
                r->enhanced, r->enhanced[0] ? " " : "", r->text);
}

static const char *refusal_of(enum mail_step step)
{
    static const char *const sentences[] = {
        [STEP_MAIL] = "the mail server refused the sender",
        [STEP_RCPT] = "the mail server refused the recipient",
        [STEP_DATA] = "the mail server refused to take the message",
        [STEP_MESSAGE] = "the mail server refused the message",
    };

    return sentences[step];
}

void mail_judge(const struct mail_reply *r, struct outcome *ret)
{
    if (r->code == 421) {
        ret->destination = true;
        judge(r, OUTCOME_DEFERRED, "the mail server closes the connection", ret);
    } else if (wants_authentication(r->code)) {
        /* Our configuration's fault, not this message's. */
        ret->destination = true;
        judge(r, OUTCOME_DEFERRED, "the mail server wants another authentication", ret);
    } else if (r->code / 100 == 4) {
        judge(r, OUTCOME_DEFERRED, refusal_of(r->step), ret);
    } else if (r->code / 100 == 5) {
        judge(r, OUTCOME_FAILED, refusal_of(r->step), ret);
    } else if (r->step != STEP_MESSAGE) {
        judge(r, OUTCOME_DEFERRED, "the mail server answers something strange", ret);
    } else if (r->code / 100 == 2) {
        judge(r, OUTCOME_DELIVERED, "the mail server took the message", ret);
    } else {
        judge(r, OUTCOME_IN_DOUBT, "the mail server answered the message with something strange", ret);
    }
}

int mail_protection_add(const struct protection *p, json_t *evidence)
{
    if (!p->kind)
        return 0;
    if (json_put_text(evidence, "protection", p->kind) < 0)
        return -ENOMEM;
    if (!p->fingerprint[0])
        return 0;
    return json_object_set_new(evidence, "certificate",
                               json_pack("{s:s, s:s}", "sha256", p->fingerprint, "expires", p->expires));
}

int mail_reply_add(const struct mail_reply *r, json_t *evidence)
{
    if (!r->code)
        return 0;
    if (json_put_text(evidence, "step", step_names[r->step]) < 0 ||
        json_object_set_new(evidence, "code", json_integer(r->code)) < 0)
        return -ENOMEM;
    if (r->enhanced[0] && json_put_text(evidence, "enhanced", r->enhanced) < 0)
        return -ENOMEM;
    return json_put_text(evidence, "reply", r->text);
}

static int malformed(struct outcome *trouble, const char *why)
{
    outcome_set(trouble, OUTCOME_FAILED, "message-malformed", "the composed message cannot be sent: %s", why);
    return 1;
}

/* Only CRLF ends lines for SMTP; a bare CR or LF would be one for some servers, and could end the message. */
static const char *lines_fault(const char *bytes, size_t size)
{
    size_t line = 0;

    for (size_t i = 0; i < size; i++) {
        bool crlf = bytes[i] == '\r' && i + 1 < size && bytes[i + 1] == '\n';

        if (bytes[i] == '\0' || (unsigned char)bytes[i] > 0x7f)
            return "a byte that is no ASCII character";
        if ((bytes[i] == '\r' && !crlf) || bytes[i] == '\n')
            return "a line end that is not CRLF";
        if (++line > (crlf ? LINE_MOST + 1 : LINE_MOST))
            return "a line of more than 998 bytes";
        if (crlf) {
            line = 0;
            i++;
        }
    }
    return line ? "no CRLF at its end" : NULL;
}

/* The first line after BYTES that continues no header. */
static const char *next_header(const char *bytes, const char *end)
{
    do {
        bytes = (const char *)memchr(bytes, '\n', (size_t)(end - bytes)) + 1;
    } while (bytes < end && (*bytes == ' ' || *bytes == '\t'));
    return bytes;
}

/* The value of the header NAME in the lines up to END, when it is there exactly once. */
static const char *only_header(const char *bytes, const char *end, const char *name, size_t *ret_size)
{
    const char *found = NULL;
    size_t n = strlen(name);

    while (bytes < end) {
        const char *next = next_header(bytes, end);

        if ((size_t)(next - bytes) > n && bytes[n] == ':' && strncasecmp(bytes, name, n) == 0) {
            if (found)
                return NULL;
            found = bytes + n + 1;
            *ret_size = (size_t)(next - found) - 2;
        }
        bytes = next;
    }
    return found;
}

static int take_message_id(const char *value, size_t size, char message_id[MAIL_MESSAGE_ID])
{
    const char *begin = memchr(value, '<', size);
    const char *end = memchr(value, '>', size);
    size_t n = begin && end > begin ? (size_t)(end - begin - 1) : 0;

    if (n == 0 || n >= MAIL_MESSAGE_ID || memchr(begin + 1, '<', n) || memchr(begin, '\r', n))
        return -EINVAL;
    memcpy(message_id, begin + 1, n);
    message_id[n] = '\0';
    return 0;
}

static int check_headers(const char *bytes, size_t size, char message_id[MAIL_MESSAGE_ID], struct outcome *trouble)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4), *id;
    size_t n = 0;

    if (!end)
        return malformed(trouble, "no end of its header");
    end += 2;
    if (!only_header(bytes, end, "From", &n) || !only_header(bytes, end, "Date", &n))
        return malformed(trouble, "not exactly one From and one Date");
    id = only_header(bytes, end, "Message-ID", &n);
    if (!id || take_message_id(id, n, message_id) < 0)
        return malformed(trouble, "not exactly one Message-ID");
    return 0;
}

int mail_check(const struct document *d, char message_id[MAIL_MESSAGE_ID], struct outcome *trouble)
{
    const char *fault;

    if (!email_is_safe(d->recipient) || !email_is_safe(d->sender))
        return malformed(trouble, "an envelope address that SMTP cannot carry");
    fault = buffer_size(&d->bytes) ? lines_fault(buffer_bytes(&d->bytes), buffer_size(&d->bytes)) : "it is empty";
    if (fault)
        return malformed(trouble, fault);
    return check_headers(buffer_bytes(&d->bytes), buffer_size(&d->bytes), message_id, trouble);
}

#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gmime/gmime.h>

#include <pindispatch/clock.h>
#include <pindispatch/event.h>

#include "fields.h"

enum {
    LINE_MOST = 998, /* RFC 5322 section 2.1.1 */
    NAME_MOST = 512,
    HEAD_MOST = 16384,      /* bytes of all headers and boundaries */
    PLAIN_NAME = 60,        /* characters of a name that GMime need not fold */
    ENCODED_CHARACTER = 16, /* bytes of one character in an encoded word */
    ENCODED_LINE = 76,      /* characters of a line with an encoded word, RFC 2047 section 2 */
};

static int fail(struct outcome *trouble, const char *code, const char *reason)
{
    outcome_set(trouble, OUTCOME_FAILED, code, "%s", reason);
    return 1;
}

/* A slip in our own settings: no delivery shall fail for it, all wait until it is mended. */
static int defer_all(struct outcome *trouble, const char *code, const char *reason)
{
    outcome_set(trouble, OUTCOME_DEFERRED, code, "%s", reason);
    trouble->destination = true;
    return 1;
}

/* GMime encodes, quotes and folds; the lines around that are written here. Its own tree of objects for a message
 * costs three times as much as all of that together, the reading of /dev/urandom for a boundary that is not used
 * included. */

/* --- who --- */

/* The one mailbox that TEXT names: its name and its address. */
static bool parse_mailbox(const char *text, InternetAddressList **ret)
{
    InternetAddressList *list = text ? internet_address_list_parse(NULL, text) : NULL;
    InternetAddress *one =
        list && internet_address_list_length(list) == 1 ? internet_address_list_get_address(list, 0) : NULL;

    if (one && INTERNET_ADDRESS_IS_MAILBOX(one) &&
        email_is_safe(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)))) {
        *ret = list;
        return true;
    }
    g_clear_object(&list);
    return false;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

/* A header is a line: what would end it, or hide in it, becomes a space. */
static void one_line(const char *from, char to[NAME_MOST])
{
    g_strlcpy(to, from, NAME_MOST);
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    /* A cut may have left half a character. */
    while (!g_utf8_validate(to, -1, NULL))
        to[strlen(to) - 1] = '\0';
}

/* What every reader shows as it stands: ASCII, no two blanks, and nothing that could be taken for an encoded word. */
static bool is_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return false;
    return !strstr(text, "=?") && !strstr(text, "  ");
}

/* One character, as it can stand in any header (RFC 2047 section 5, rule 3). Returns how many signs that takes. */
static size_t encode_character(const char *c, const char *end, char to[ENCODED_CHARACTER])
{
    char *at = to;

    for (; c < end; c++)
        if (g_ascii_isalnum(*c) || *c == ' ')
            *at++ = *c == ' ' ? '_' : *c;
        else
            at += snprintf(at, 4, "=%02X", (unsigned char)*c);
    *at = '\0';
    return (size_t)(at - to);
}

/* Encoded words of at most 75 characters in lines of at most 76 (RFC 2047 section 2), behind HEADER, the field's name
 * with the colon. By ourselves, because GMime makes them longer, and lets through what only looks like one. Not in
 * base64, because some readers (GMime 3.2 among them) stop at padding between two words. */
static int add_encoded(struct buffer *b, const char *header, const char *text)
{
    static const char open[] = " =?UTF-8?Q?", close[] = "?=";
    size_t left = ENCODED_LINE - strlen(header) - strlen(open) - strlen(close);
    int r = buffer_addf(b, "%s%s", header, open);

    while (*text && r == 0) {
        const char *next = g_utf8_next_char(text);
        char character[ENCODED_CHARACTER];
        size_t size = encode_character(text, next, character);

        if (size > left) {
            r = buffer_addf(b, "%s\n%s", close, open);
            left = ENCODED_LINE - strlen(open) - strlen(close);
        }
        if (r == 0)
            r = buffer_add_text(b, character);
        left -= size;
        text = next;
    }
    return r == 0 ? buffer_addf(b, "%s\n", close) : r;
}

/* Quoted, encoded and folded by GMime; HEADER is its name with the colon. */
static int add_plain_mailbox(struct buffer *b, const char *header, const char *name, const char *address)
{
    InternetAddressList *list = internet_address_list_new();
    InternetAddress *one = internet_address_mailbox_new(name[0] ? name : NULL, address);
    GString *line = g_string_new(header);
    int r;

    g_string_append_c(line, ' ');
    internet_address_list_add(list, one);
    internet_address_list_encode(list, NULL, line);
    r = buffer_add(b, line->str, line->len); /* with its end */
    g_string_free(line, TRUE);
    g_object_unref(one);
    g_object_unref(list);
    return r;
}

static int add_mailbox(struct buffer *b, const char *header, const char *name, const char *address)
{
    int r;

    if (is_plain(name) && strlen(name) <= PLAIN_NAME)
        return add_plain_mailbox(b, header, name, address);
    r = add_encoded(b, header, name);
    return r == 0 ? buffer_addf(b, " <%s>\n", address) : r;
}

void sender_release(struct sender *s)
{
    free(s->from);
    s->from = NULL;
    buffer_release(&s->header);
}

static int read_sender(struct sender *s, const char *from, struct outcome *trouble)
{
    InternetAddressList *list = NULL;
    InternetAddress *one;
    char name[NAME_MOST];
    int r;

    sender_release(s);
    if (!from || has_control(from) || !parse_mailbox(from, &list))
        return defer_all(trouble, "from-invalid", "the sender's address (from) is not one mail address");
    one = internet_address_list_get_address(list, 0);
    one_line(internet_address_get_name(one) ? internet_address_get_name(one) : "", name);
    g_strlcpy(s->address, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)), sizeof(s->address));
    r = add_mailbox(&s->header, "From:", name, s->address);
    g_object_unref(list);
    if (r == 0 && !(s->from = strdup(from)))
        r = -ENOMEM;
    return r;
}

static int add_sender(struct buffer *b, const struct message *m, struct document *ret, struct outcome *trouble)
{
    struct sender *s = m->sender;
    int r = s->from && m->about->from && strcmp(s->from, m->about->from) == 0
                ? 0
                : read_sender(s, m->about->from, trouble);

    if (r != 0)
        return r;
    memcpy(ret->sender, s->address, sizeof(ret->sender));
    return buffer_add(b, buffer_bytes(&s->header), buffer_size(&s->header));
}

static int add_recipient(struct buffer *b, const struct filling *about, struct document *ret, struct outcome *trouble)
{
    const char *name = fields_name(about), *email = fields_email(about);
    char line[NAME_MOST];

    if (!email || !email[0])
        return fail(trouble, "field-missing", "holder.email is missing");
    if (!email_is_safe(email) || !is_plain(email))
        return fail(trouble, "email-invalid", "holder.email is not an address that mail can be sent to");
    one_line(name ? name : "", line);
    g_strlcpy(ret->recipient, email, sizeof(ret->recipient));
    return add_mailbox(b, "To:", line, email);
}

/* --- what --- */

static bool is_message_id(const char *id)
{
    const char *at = id ? strchr(id, '@') : NULL;

    if (!at || at == id || at[1] == '\0' || strlen(id) > 250)
        return false;
    for (const char *c = id; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || strchr("<>()\\\",;", *c))
            return false;
    return true;
}

static int add_date(struct buffer *b, const struct filling *about, struct outcome *trouble)
{
    GDateTime *date = g_date_time_new_from_unix_utc(about->created / MICROSECONDS_PER_SECOND);
    g_autofree char *words = date ? g_mime_utils_header_format_date(date) : NULL;

    g_clear_pointer(&date, g_date_time_unref);
    return words ? buffer_addf(b, "Date: %s\n", words) : fail(trouble, "template", "the message has no good date");
}

/* Words with one space between them, in lines of at most 76 characters. */
static bool is_foldable(const char *header, const char *text)
{
    size_t line = strlen(header) + 1;

    for (const char *at = text; *at;) {
        size_t word = strcspn(at, " ");

        if (word == 0 || word + line > ENCODED_LINE)
            return false;
        line = 1; /* each word has room on a line of its own */
        at += word;
        if (*at == ' ' && *++at == '\0')
            return false;
    }
    return true;
}

static int add_folded(struct buffer *b, const char *header, const char *text)
{
    size_t line = strlen(header);
    int r = buffer_add_text(b, header);

    while (*text && r == 0) {
        size_t word = strcspn(text, " ");
        const char *space = line + 1 + word > ENCODED_LINE ? "\n " : " ";

        line = *space == '\n' ? word + 1 : line + 1 + word;
        r = buffer_add_text(b, space);
        if (r == 0)
            r = buffer_add(b, text, word);
        text += word + (text[word] == ' ');
    }
    return r == 0 ? buffer_add_text(b, "\n") : r;
}

static int add_subject(struct buffer *b, const char *text)
{
    static const char header[] = "Subject:";
    char subject[NAME_MOST];

    one_line(text, subject);
    if (subject[0] && (!is_plain(subject) || !is_foldable(header, subject)))
        return add_encoded(b, header, subject);
    return add_folded(b, header, subject);
}

/* RFC 3834: no answering machine shall send the PIN on. */
static int add_envelope(struct buffer *b, const char *message_id, struct outcome *trouble)
{
    if (!is_message_id(message_id))
        return fail(trouble, "template", "the message has no good Message-ID");
    return buffer_addf(b, "Message-Id: <%s>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n", message_id);
}

static int add_headers(struct buffer *b, const struct message *m, struct document *ret, struct outcome *trouble)
{
    int r = add_date(b, m->about, trouble);

    if (r == 0)
        r = add_sender(b, m, ret, trouble);
    if (r == 0)
        r = add_subject(b, m->subject);
    if (r == 0)
        r = add_recipient(b, m->about, ret, trouble);
    if (r == 0 && m->language[0])
        r = buffer_addf(b, "Content-Language: %s\n", m->language);
    return r == 0 ? add_envelope(b, m->about->message_id, trouble) : r;
}

/* --- the parts --- */

/* The same for each attempt, so that a message sent twice is the same message. A body cannot hold it: in
 * quoted-printable no "=" is followed by "_", and base64 has no "_". */
struct boundary {
    char text[64];
};

static struct boundary boundary_of(const struct filling *about, const char *which)
{
    struct boundary b;

    snprintf(b.text, sizeof(b.text), "=_%s%.48s", which, about->delivery_id ? about->delivery_id : "");
    return b;
}

static int open_multipart(struct buffer *b, const char *subtype, const struct boundary *boundary)
{
    return buffer_addf(b, "Content-Type: multipart/%s;\n\tboundary=\"%s\"\n", subtype, boundary->text);
}

static int close_multipart(struct buffer *b, const struct boundary *boundary)
{
    return buffer_addf(b, "\n--%s--\n", boundary->text);
}

static int encode(struct buffer *b, GMimeContentEncoding how, const struct buffer *bytes)
{
    GMimeEncoding state;
    int r;

    g_mime_encoding_init_encode(&state, how);
    r = buffer_reserve(b, g_mime_encoding_outlen(&state, buffer_size(bytes)));
    if (r == 0)
        b->end += g_mime_encoding_flush(&state, buffer_bytes(bytes), buffer_size(bytes), b->data + b->end);
    secret_wipe(&state, sizeof(state));
    return r;
}

/* A text body, quoted-printable: 7-bit, short lines, and readable where it is ASCII. */
static int add_words(struct buffer *b, const struct boundary *boundary, const char *subtype,
                     const struct buffer *words)
{
    int r = buffer_addf(b,
                        "\n--%s\nContent-Type: text/%s; charset=utf-8\n"
                        "Content-Transfer-Encoding: quoted-printable\n\n",
                        boundary->text, subtype);

    return r == 0 ? encode(b, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, words) : r;
}

static int add_alternatives(struct buffer *b, const struct message *m)
{
    struct boundary boundary = boundary_of(m->about, "");
    int r = open_multipart(b, "alternative", &boundary);

    if (r == 0)
        r = add_words(b, &boundary, "plain", m->text);
    if (r == 0)
        r = add_words(b, &boundary, "html", m->html);
    return r == 0 ? close_multipart(b, &boundary) : r;
}

/* The document that the words speak of. */
static int add_attachment(struct buffer *b, const struct boundary *boundary, const struct buffer *pdf)
{
    int r = buffer_addf(b,
                        "\n--%s\nContent-Type: application/pdf; name=letter.pdf\nContent-Transfer-Encoding: base64\n"
                        "Content-Disposition: attachment; filename=letter.pdf\n\n",
                        boundary->text);

    return r == 0 ? encode(b, GMIME_CONTENT_ENCODING_BASE64, pdf) : r;
}

/* The words, and beside them what goes with them. */
static int add_body(struct buffer *b, const struct message *m)
{
    struct boundary boundary = boundary_of(m->about, "m-");
    int r;

    if (!m->about->attachment)
        return add_alternatives(b, m);
    r = open_multipart(b, "mixed", &boundary);
    if (r == 0)
        r = buffer_addf(b, "\n--%s\n", boundary.text);
    if (r == 0)
        r = add_alternatives(b, m);
    if (r == 0)
        r = add_attachment(b, &boundary, m->about->attachment);
    return r == 0 ? close_multipart(b, &boundary) : r;
}

/* --- to bytes --- */

/* Every line ends in CRLF, is 7-bit and within RFC 5322's length: what libesmtp and old relays need. */
static int add_line(struct buffer *b, const char *line, size_t size, struct outcome *trouble)
{
    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size > LINE_MOST)
        return fail(trouble, "template", "a line of the message is too long");
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] >= 0x80 || line[i] == '\0' || line[i] == '\r')
            return fail(trouble, "template", "a line of the message is not 7-bit text");
    if (buffer_add(b, line, size) < 0 || buffer_add(b, "\r\n", 2) < 0)
        return -ENOMEM;
    return 0;
}

static int copy_lines(struct buffer *b, const char *bytes, size_t size, struct outcome *trouble)
{
    int r = 0;

    while (size > 0 && r == 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t line = newline ? (size_t)(newline - bytes) : size;

        r = add_line(b, bytes, line, trouble);
        line += newline != NULL;
        bytes += line;
        size -= line;
    }
    return r;
}

int message_write(const struct message *m, struct document *ret, struct outcome *trouble)
{
    size_t attached = m->about->attachment ? 2 * buffer_size(m->about->attachment) : 0;
    /* The most that the encodings make of it. Reserved at once: growing copies. */
    size_t most = 4 * (buffer_size(m->text) + buffer_size(m->html)) + attached + HEAD_MOST;
    struct buffer lines = BUFFER(most);
    int r = buffer_reserve(&lines, most);

    if (r == 0)
        r = add_headers(&lines, m, ret, trouble);
    if (r == 0)
        r = add_body(&lines, m);
    if (r == 0)
        r = copy_lines(&ret->bytes, buffer_bytes(&lines), buffer_size(&lines), trouble);
    buffer_release(&lines);
    return r;
}

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
    HEAD_MOST = 16384, /* bytes of all headers and boundaries */
    ENCODED_MOST = 45, /* bytes in one encoded word: 60 of base64 */
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

static bool ends_character(const char *text, size_t n)
{
    return text[n] == '\0' || ((unsigned char)text[n] & 0xc0) != 0x80;
}

/* How much of TEXT goes into one encoded word: whole characters, and if possible whole groups of base64, because
 * some readers (GMime 3.2 among them) stop at padding within a name. */
static size_t encodable(const char *text)
{
    size_t most = strnlen(text, ENCODED_MOST), n;

    if (text[most] == '\0')
        return most;
    for (n = most - most % 3; n > 0; n -= 3)
        if (ends_character(text, n))
            return n;
    for (n = most; n > 1 && !ends_character(text, n);)
        n--;
    return n;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Encoded words of at most 75 characters, each on its line (RFC 2047 section 2). By ourselves, because GMime makes
 * them longer in addresses. */
static int add_encoded_words(struct buffer *b, const char *name)
{
    int r = 0;

    while (*name && r == 0) {
        size_t n = encodable(name);
        g_autofree char *word = g_base64_encode((const guchar *)name, n);

        r = buffer_addf(b, " =?UTF-8?B?%s?=\n", word);
        name += n;
    }
    return r;
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

    if (is_ascii(name))
        return add_plain_mailbox(b, header, name, address);
    r = buffer_add_text(b, header);
    if (r == 0)
        r = add_encoded_words(b, name);
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
    if (!email_is_safe(email))
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

static int add_subject(struct buffer *b, const char *text)
{
    char subject[NAME_MOST];
    g_autofree char *words = NULL, *header = NULL, *folded = NULL;

    one_line(text, subject);
    words = g_mime_utils_header_encode_text(NULL, subject, "utf-8");
    header = g_strconcat("Subject: ", words, NULL);
    folded = g_mime_utils_unstructured_header_fold(NULL, NULL, header);
    return buffer_add_text(b, folded);
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

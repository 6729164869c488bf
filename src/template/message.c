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

static void unref(GObject **o)
{
    g_clear_object(o);
}
#define OBJECT __attribute__((cleanup(unref))) GObject *

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

/* Puts one mailbox into the header NAME. */
static int set_mailbox(GMimeMessage *message, GMimeAddressType type, const char *header, const char *name,
                       const char *address)
{
    struct buffer b = BUFFER(8 * NAME_MOST);
    GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
    int r;

    g_mime_message_add_mailbox(message, type, name && name[0] ? name : NULL, address);
    if (!name || is_ascii(name))
        return 0;
    r = add_encoded_words(&b, name);
    if (r == 0)
        r = buffer_addf(&b, " <%s>\n", address);
    if (r == 0)
        r = buffer_terminate(&b);
    if (r == 0)
        g_mime_header_set_raw_value(g_mime_header_list_get_header(headers, header), buffer_bytes(&b));
    buffer_release(&b);
    return r < 0 ? -ENOMEM : 0;
}

static int set_sender(GMimeMessage *message, const struct filling *about, struct document *ret,
                      struct outcome *trouble)
{
    InternetAddressList *list = NULL;
    InternetAddress *one;
    char name[NAME_MOST];
    int r;

    if (!about->from || has_control(about->from) || !parse_mailbox(about->from, &list))
        return defer_all(trouble, "from-invalid", "the sender's address (from) is not one mail address");
    one = internet_address_list_get_address(list, 0);
    one_line(internet_address_get_name(one) ? internet_address_get_name(one) : "", name);
    g_strlcpy(ret->sender, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)), sizeof(ret->sender));
    r = set_mailbox(message, GMIME_ADDRESS_TYPE_FROM, "From", name, ret->sender);
    g_object_unref(list);
    return r;
}

static int set_recipient(GMimeMessage *message, const struct filling *about, struct document *ret,
                         struct outcome *trouble)
{
    const char *name = fields_name(about), *email = fields_email(about);
    char line[NAME_MOST];

    if (!email || !email[0])
        return fail(trouble, "field-missing", "holder.email is missing");
    if (!email_is_safe(email))
        return fail(trouble, "email-invalid", "holder.email is not an address that mail can be sent to");
    one_line(name ? name : "", line);
    g_strlcpy(ret->recipient, email, sizeof(ret->recipient));
    return set_mailbox(message, GMIME_ADDRESS_TYPE_TO, "To", line, email);
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

static int set_headers(GMimeMessage *message, const struct message *m, struct document *ret, struct outcome *trouble)
{
    GDateTime *date = g_date_time_new_from_unix_utc(m->about->created / MICROSECONDS_PER_SECOND);
    char subject[NAME_MOST];
    int r = set_sender(message, m->about, ret, trouble);

    if (r == 0)
        r = set_recipient(message, m->about, ret, trouble);
    if (r == 0 && (!date || !is_message_id(m->about->message_id)))
        r = fail(trouble, "template", "the message has no good Message-ID or date");
    if (r == 0) {
        one_line(m->subject, subject);
        g_mime_message_set_subject(message, subject, "utf-8");
        g_mime_message_set_date(message, date);
        g_mime_message_set_message_id(message, m->about->message_id);
        /* RFC 3834: no answering machine shall send the PIN on. */
        g_mime_object_set_header(GMIME_OBJECT(message), "Auto-Submitted", "auto-generated", NULL);
    }
    g_clear_pointer(&date, g_date_time_unref);
    return r;
}

/* A text body, quoted-printable: 7-bit, short lines, and readable where it is ASCII. The stream that is returned has
 * a copy of the words, to be wiped. */
static GMimeObject *new_part(const char *subtype, const struct buffer *words, GMimeStream **ret_stream)
{
    GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(buffer_bytes(words), buffer_size(words));
    GMimeDataWrapper *wrapper = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    g_mime_part_set_content(GMIME_PART(part), wrapper);
    g_mime_part_set_content_encoding(GMIME_PART(part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    g_object_unref(wrapper);
    *ret_stream = stream;
    return GMIME_OBJECT(part);
}

/* The document that the words speak of. It is closed already: nothing here is to be wiped. */
static GMimeObject *new_attachment(const struct buffer *pdf)
{
    GMimePart *part = g_mime_part_new_with_type("application", "pdf");
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(buffer_bytes(pdf), buffer_size(pdf));
    GMimeDataWrapper *wrapper = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

    g_mime_part_set_content(part, wrapper);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
    g_mime_part_set_filename(part, "letter.pdf");
    g_object_unref(wrapper);
    g_object_unref(stream);
    return GMIME_OBJECT(part);
}

static void wipe_stream(GMimeStream **stream)
{
    GByteArray *bytes = *stream ? g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(*stream)) : NULL;

    if (bytes && bytes->data)
        secret_wipe(bytes->data, bytes->len);
    g_clear_object(stream);
}

static void add_part(GMimeMultipart *multipart, GMimeObject *part)
{
    g_mime_multipart_add(multipart, part);
    g_object_unref(part);
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

static int write_message(GMimeMessage *message, size_t estimate, struct document *ret, struct outcome *trouble)
{
    /* Large enough at birth: growing would leave copies behind. */
    GByteArray *bytes = g_byte_array_sized_new((guint)estimate);
    __attribute__((cleanup(wipe_stream))) GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    GMimeFormatOptions *format = g_mime_format_options_new();
    int r;

    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), TRUE);
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    if (g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream) < 0)
        r = fail(trouble, "template", "the message cannot be written");
    else
        r = copy_lines(&ret->bytes, (const char *)bytes->data, bytes->len, trouble);
    g_mime_format_options_free(format);
    return r;
}

/* The same for each attempt, so that a message sent twice is the same message. A body cannot hold it: in
 * quoted-printable no "=" is followed by "_". */
static void set_boundary(GMimeMultipart *multipart, const char *which, const char *delivery_id)
{
    char boundary[64];

    snprintf(boundary, sizeof(boundary), "=_%s%.48s", which, delivery_id ? delivery_id : "");
    g_mime_multipart_set_boundary(multipart, boundary);
}

/* The words, and beside them what goes with them. */
static void set_body(GMimeMessage *message, GObject *words, const struct filling *about)
{
    OBJECT mixed = NULL;

    if (!about->attachment) {
        g_mime_message_set_mime_part(message, GMIME_OBJECT(words));
        return;
    }
    mixed = G_OBJECT(g_mime_multipart_new_with_subtype("mixed"));
    set_boundary(GMIME_MULTIPART(mixed), "m-", about->delivery_id);
    g_mime_multipart_add(GMIME_MULTIPART(mixed), GMIME_OBJECT(words));
    add_part(GMIME_MULTIPART(mixed), new_attachment(about->attachment));
    g_mime_message_set_mime_part(message, GMIME_OBJECT(mixed));
}

int message_write(const struct message *m, struct document *ret, struct outcome *trouble)
{
    OBJECT message = G_OBJECT(g_mime_message_new(TRUE));
    OBJECT multipart = G_OBJECT(g_mime_multipart_new_with_subtype("alternative"));
    __attribute__((cleanup(wipe_stream))) GMimeStream *text = NULL;
    __attribute__((cleanup(wipe_stream))) GMimeStream *html = NULL;
    size_t attached = m->about->attachment ? 2 * buffer_size(m->about->attachment) : 0;
    size_t estimate = 4 * (buffer_size(m->text) + buffer_size(m->html)) + attached + 16384;
    int r = set_headers(GMIME_MESSAGE(message), m, ret, trouble);

    if (r != 0)
        return r;
    set_boundary(GMIME_MULTIPART(multipart), "", m->about->delivery_id);
    add_part(GMIME_MULTIPART(multipart), new_part("plain", m->text, &text));
    add_part(GMIME_MULTIPART(multipart), new_part("html", m->html, &html));
    set_body(GMIME_MESSAGE(message), multipart, m->about);
    return write_message(GMIME_MESSAGE(message), estimate, ret, trouble);
}

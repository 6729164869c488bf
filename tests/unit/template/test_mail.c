/* Mails: parsed back by GMime's parser, and looked at as the bytes that go to a server. */
#include "sample.h"

#include <locale.h>

#include <fribidi.h>
#include <gmime/gmime.h>

static struct mail *load(const char *dir)
{
    const struct template_rules rules = { .full_card_number = true };
    struct mail *m = NULL;
    struct problem p = { .message = "" };
    int r = mail_load(dir, "mail", &rules, &m, &p);

    if (r != 0)
        print_error("%s: %s\n", p.where, p.message);
    assert_int_equal(r, 0);
    return m;
}

static void write_mail(struct mail *m, struct sample *s)
{
    int r = mail_message(m, &s->filling, &s->document, &s->trouble);

    if (r != 0)
        print_error("%d %s: %s\n", r, s->trouble.code, s->trouble.reason);
    assert_int_equal(r, 0);
}

static GMimeMessage *parse(const struct document *d)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(d->bytes.data + d->bytes.begin, buffer_size(&d->bytes));
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

    g_object_unref(parser);
    g_object_unref(stream);
    assert_non_null(message);
    return message;
}

/* The decoded text of an alternative: 0 plain, 1 HTML. The caller frees. */
static char *alternative(GMimeMessage *message, int i)
{
    GMimeObject *body = g_mime_message_get_mime_part(message);
    GMimeObject *part;
    char *text, *to;

    assert_true(GMIME_IS_MULTIPART(body));
    assert_string_equal(g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(body)), "alternative");
    assert_int_equal(g_mime_multipart_get_count(GMIME_MULTIPART(body)), 2);
    part = g_mime_multipart_get_part(GMIME_MULTIPART(body), i);
    assert_true(GMIME_IS_TEXT_PART(part));
    assert_string_equal(g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(part)),
                        i == 0 ? "plain" : "html");
    assert_string_equal(g_mime_object_get_content_type_parameter(part, "charset"), "utf-8");
    text = to = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    for (const char *from = text; *from; from++)
        if (*from != '\r')
            *to++ = *from;
    *to = '\0';
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_error("no \"%s\" in:\n%s\n", part, text);
    assert_non_null(strstr(text, part));
}

/* What a server and the road to it need of the bytes. */
static void assert_fit_for_smtp(const struct document *d)
{
    const char *bytes = d->bytes.data + d->bytes.begin;
    size_t size = buffer_size(&d->bytes), line = 0;

    assert_true(size > 2);
    assert_memory_equal(bytes + size - 2, "\r\n", 2);
    for (size_t i = 0; i < size; i++) {
        assert_in_range((unsigned char)bytes[i], 1, 127);
        if (bytes[i] == '\n')
            assert_true(i > 0 && bytes[i - 1] == '\r');
        if (bytes[i] == '\r')
            assert_true(i + 1 < size && bytes[i + 1] == '\n');
        line = bytes[i] == '\n' ? 0 : line + 1;
        assert_true(line <= 999); /* 998 and the CR */
    }
}

/* RFC 2047 section 2. */
static void assert_encoded_words_are_short(const struct document *d)
{
    const char *end = d->bytes.data + d->bytes.end;

    for (const char *at = d->bytes.data; (at = memmem(at, (size_t)(end - at), "=?UTF-8?", 8)) != NULL; at += 8) {
        const char *close = memmem(at + 10, (size_t)(end - at) - 10, "?=", 2);

        assert_non_null(close);
        assert_true(close + 2 - at <= 75);
    }
}

/* The same section: 76 characters in a line with an encoded word; and none is longer where it can be helped. */
static void assert_header_lines_are_short(const struct document *d)
{
    const char *at = d->bytes.data + d->bytes.begin, *end = strstr(at, "\r\n\r\n");

    assert_non_null(end);
    while (at < end) {
        size_t size = strcspn(at, "\r");

        if (size > 76)
            print_error("%.*s\n", (int)size, at);
        assert_true(size <= 76);
        at += size + 2;
    }
}

static const char *header(GMimeMessage *message, const char *name)
{
    return g_mime_object_get_header(GMIME_OBJECT(message), name);
}

/* GMime counts what begins with "Content-" among the body's headers. */
static const char *language(GMimeMessage *message)
{
    return g_mime_object_get_header(g_mime_message_get_mime_part(message), "Content-Language");
}

static void test_headers(void **state)
{
    struct mail *m = load(TEMPLATES);
    struct sample s;
    GMimeMessage *message;
    InternetAddressMailbox *to;

    (void)state;
    sample_init(&s, "Åsa Öberg", "sv", SECRET_PIN, "0042CANARY");
    write_mail(m, &s);
    assert_fit_for_smtp(&s.document);
    assert_string_equal(s.document.sender, "pin@example.com");
    assert_string_equal(s.document.recipient, "asa.oberg@example.com");
    assert_string_equal(s.document.media_type, "message/rfc822");
    assert_int_equal(strlen(s.document.template_hash), 64);
    message = parse(&s.document);
    to = INTERNET_ADDRESS_MAILBOX(internet_address_list_get_address(g_mime_message_get_to(message), 0));
    assert_string_equal(internet_address_get_name(INTERNET_ADDRESS(to)), "Åsa Öberg");
    assert_string_equal(internet_address_mailbox_get_addr(to), "asa.oberg@example.com");
    assert_string_equal(header(message, "From"), "Kärten & Co <pin@example.com>");
    assert_string_equal(g_mime_message_get_subject(message), "PIN-koden till ditt kort …0123");
    assert_string_equal(g_mime_message_get_message_id(message), DELIVERY_ID "@example.com");
    assert_string_equal(header(message, "Date"), "Sun, 22 Nov 2026 00:00:00 +0000");
    assert_string_equal(header(message, "Auto-Submitted"), "auto-generated");
    assert_string_equal(header(message, "MIME-Version"), "1.0");
    assert_string_equal(language(message), "sv");
    g_object_unref(message);
    sample_release(&s);
    mail_free(m);
}

/* A folder is named after its language; the default says its own. */
static void test_the_language_is_told(void **state)
{
    static const struct {
        const char *locale, *html, *told;
    } cases[] = {
        { "fi", "<html LANG='fi'>{{secret}}", "fi" },
        { "pt-BR", "{{secret}}", "pt-BR" },
        { "x", "{{secret}}", NULL },
        { "x", "<html lang=\"en-GB\">{{secret}}", "en-GB" },
        { "x", "<html dir=ltr lang=de>{{secret}}", "de" },
        { "x", "<html lang=\"e n\">{{secret}}", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct folder f;
        CLEANUP(mail_cleanup) struct mail *m = NULL;
        struct sample s;
        GMimeMessage *message;

        folder_init(&f);
        folder_write(&f, "mail.subject", "s");
        folder_write(&f, "mail.txt", "{{secret}}");
        folder_write(&f, "mail.html", cases[i].html);
        folder_write(&f, "pt_BR/mail.subject", "s");
        folder_write(&f, "pt_BR/mail.txt", "{{secret}}");
        folder_write(&f, "pt_BR/mail.html", "{{secret}}");
        m = load(f.path);
        sample_init(&s, "A", cases[i].locale, SECRET_PIN, "0042CANARY");
        write_mail(m, &s);
        message = parse(&s.document);
        if (cases[i].told)
            assert_string_equal(language(message), cases[i].told);
        else
            assert_null(language(message));
        g_object_unref(message);
        sample_release(&s);
        folder_remove(&f, (const char *const[]){ "mail.subject", "mail.txt", "mail.html", "pt_BR/mail.subject",
                                                 "pt_BR/mail.txt", "pt_BR/mail.html", "pt_BR", NULL });
    }
}

static void test_languages_and_secrets(void **state)
{
    static const struct {
        const char *locale;
        enum secret_kind kind;
        const char *text, *subject;
    } cases[] = {
        { "en", SECRET_PIN, "    PIN:  0042CANARY\n", "The PIN for your card …0123" },
        { NULL, SECRET_PUK, "    PUK:  0042CANARY\n", "The PUK for your card …0123" },
        { "sv-SE", SECRET_PUK, "låser\nupp kortet", "PUK-koden till ditt kort …0123" },
        { "de", SECRET_PIN, "der persönliche\nCode", "Die PIN zu Ihrer Karte …0123" },
        { "de-CH", SECRET_PUK, "Sie entsperrt\ndie Karte", "Die PUK zu Ihrer Karte …0123" },
    };
    struct mail *m = load(TEMPLATES);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sample s;
        GMimeMessage *message;
        char *text, *html;

        sample_init(&s, "Åsa Öberg", cases[i].locale, cases[i].kind, "0042CANARY");
        write_mail(m, &s);
        message = parse(&s.document);
        text = alternative(message, 0);
        html = alternative(message, 1);
        assert_string_equal(g_mime_message_get_subject(message), cases[i].subject);
        assert_has(text, cases[i].text);
        assert_has(text, "0042CANARY");
        assert_has(html, ">0042CANARY</div>");
        assert_has(html, "Åsa Öberg");
        assert_has(html, "c3d2a4b5e6f7");
        g_free(text);
        g_free(html);
        g_object_unref(message);
        sample_release(&s);
    }
    mail_free(m);
}

/* The line as a reader that sets all text from right to left shows it, from left to right, without invisible signs.
 */
static char *shown(const char *line, size_t size)
{
    FriBidiChar logical[512], visual[512];
    FriBidiParType base = FRIBIDI_PAR_RTL;
    FriBidiStrIndex n;
    char *text = calloc(1, 4 * ARRAY_SIZE(visual) + 1);

    assert_true(size < ARRAY_SIZE(logical));
    n = fribidi_charset_to_unicode(FRIBIDI_CHAR_SET_UTF8, line, (FriBidiStrIndex)size, logical);
    assert_true(fribidi_log2vis(logical, n, &base, visual, NULL, NULL, NULL) > 0);
    n = fribidi_remove_bidi_marks(visual, n, NULL, NULL, NULL);
    fribidi_unicode_to_charset(FRIBIDI_CHAR_SET_UTF8, visual, n, text);
    return text;
}

/* In the text part nothing says in which direction it runs: some readers take the interface's. */
static void test_a_pin_reads_the_same_from_right_to_left(void **state)
{
    static const char *const pins[] = {
        "482913", "12*34", "48(29)", "!2345", "4*29#13", "12-34", "0O-l1:I", "<12>.5"
    };
    static const char *const languages[] = { "en", "sv", "de", "fr", "es", "ar", "ja" };
    struct mail *m = load(TEMPLATES);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pins) * ARRAY_SIZE(languages); i++) {
        const char *pin = pins[i / ARRAY_SIZE(languages)];
        struct sample s;
        char *line = NULL, *text;
        const char *at;

        sample_init(&s, "محمد", languages[i % ARRAY_SIZE(languages)], SECRET_PIN, pin);
        assert_int_equal(mail_body(m, &s.filling, MAIL_TEXT, &s.document, &s.trouble), 0);
        assert_int_equal(buffer_terminate(&s.document.bytes), 0);
        text = buffer_bytes(&s.document.bytes);
        at = strstr(text, pin);
        assert_non_null(at);
        while (at > text && at[-1] != '\n')
            at--;
        line = shown(at, strcspn(at, "\n"));
        if (!strstr(line, pin))
            print_error("%s in %s: %s\n", pin, languages[i % ARRAY_SIZE(languages)], line);
        assert_non_null(strstr(line, pin));
        free(line);
        sample_release(&s);
    }
    mail_free(m);
}

static void test_a_name_is_text(void **state)
{
    struct mail *m = load(TEMPLATES);
    struct sample s;
    GMimeMessage *message;
    InternetAddress *to;
    char *text, *html;

    (void)state;
    sample_init(&s, HOSTILE, "en", SECRET_PIN, "0042CANARY");
    write_mail(m, &s);
    message = parse(&s.document);
    text = alternative(message, 0);
    html = alternative(message, 1);
    to = internet_address_list_get_address(g_mime_message_get_to(message), 0);
    assert_string_equal(internet_address_get_name(to), HOSTILE);
    assert_has(text, "Hello " HOSTILE ",\n");
    assert_has(html, "Hello <bdi>{{pin}} &amp; &lt;b&gt;$1&lt;/b&gt; &quot;x&quot;</bdi>,</p>");
    g_free(text);
    g_free(html);
    g_object_unref(message);
    sample_release(&s);
    mail_free(m);
}

static void test_no_header_is_injected(void **state)
{
    struct mail *m = load(TEMPLATES);
    struct sample s;
    GMimeMessage *message;

    (void)state;
    sample_init(&s, "A\r\nBcc: thief@example.com\r\n\r\nB\nX: y", "en", SECRET_PIN, "0042CANARY");
    write_mail(m, &s);
    assert_fit_for_smtp(&s.document);
    message = parse(&s.document);
    assert_null(header(message, "Bcc"));
    assert_null(header(message, "X"));
    assert_int_equal(internet_address_list_length(g_mime_message_get_to(message)), 1);
    g_object_unref(message);
    sample_release(&s);
    mail_free(m);
}

static void assert_fails(struct mail *m, struct sample *s, const char *code, const char *words)
{
    assert_int_equal(mail_message(m, &s->filling, &s->document, &s->trouble), 1);
    assert_int_equal(s->trouble.kind, OUTCOME_FAILED);
    assert_string_equal(s->trouble.code, code);
    assert_has(s->trouble.reason, words);
    assert_int_equal(buffer_size(&s->document.bytes), 0);
}

static void set_email(struct sample *s, const char *email)
{
    json_t *holder = json_object_get(json_object_get(s->event, "data"), "holder");

    if (email)
        json_object_set_new(holder, "email", json_string(email));
    else
        json_object_del(holder, "email");
}

static void test_addresses(void **state)
{
    static const char *const bad_senders[] = { "",
                                               "nobody",
                                               "a@example.com, b@example.com",
                                               "group: a@example.com;",
                                               "A <a@example.com>\r\nBcc: b@example.com",
                                               "A <a b@example.com>" };
    struct mail *m = load(TEMPLATES);
    struct sample s;

    (void)state;
    sample_init(&s, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    for (size_t i = 0; i < ARRAY_SIZE(bad_senders); i++) {
        s.filling.from = bad_senders[i];
        assert_int_equal(mail_message(m, &s.filling, &s.document, &s.trouble), 1);
        assert_int_equal(s.trouble.kind, OUTCOME_DEFERRED);
        assert_true(s.trouble.destination);
        assert_string_equal(s.trouble.code, "from-invalid");
    }
    s.filling.from = "pin@example.com";
    set_email(&s, NULL);
    assert_fails(m, &s, "field-missing", "holder.email");
    set_email(&s, "a@example.com> x");
    assert_fails(m, &s, "email-invalid", "holder.email");
    set_email(&s, "=?utf-8?q?eve=40evil.example?=@example.com");
    assert_fails(m, &s, "email-invalid", "holder.email");
    set_email(&s, "asa@example.com");
    s.filling.message_id = "a b@c";
    assert_fails(m, &s, "template", "Message-ID");
    s.filling.message_id = "x@example.com";
    write_mail(m, &s);
    sample_release(&s);
    mail_free(m);
}

static void test_each_mail_has_its_sender(void **state)
{
    static const char *const senders[] = { "A <a@example.com>", "A <a@example.com>", "b@example.com", "nobody",
                                           "A <a@example.com>" };
    struct mail *m = load(TEMPLATES);
    struct sample s;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(senders); i++) {
        GMimeMessage *message;

        sample_init(&s, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
        s.filling.from = senders[i];
        if (!strchr(senders[i], '@')) {
            assert_int_equal(mail_message(m, &s.filling, &s.document, &s.trouble), 1);
        } else {
            write_mail(m, &s);
            message = parse(&s.document);
            assert_string_equal(header(message, "From"), senders[i]);
            assert_non_null(strstr(senders[i], s.document.sender));
            g_object_unref(message);
        }
        sample_release(&s);
    }
    mail_free(m);
}

static void test_missing_fields(void **state)
{
    struct mail *m = load(TEMPLATES);
    struct sample s;

    (void)state;
    sample_init(&s, "", "en", SECRET_PIN, "0042CANARY");
    write_mail(m, &s); /* these templates greet a holder without a name, too */
    s.filling.delivery_id = NULL;
    buffer_clear(&s.document.bytes);
    assert_fails(m, &s, "field-missing", "delivery.reference");
    sample_release(&s);
    mail_free(m);
}

/* A long name and words of many bytes each: folding and soft line breaks must not harm them. */
static void test_long_values(void **state)
{
    struct mail *m = load(TEMPLATES);
    struct sample s;
    GMimeMessage *message;
    InternetAddress *to;
    char name[401] = "", *text;

    (void)state;
    for (int i = 0; i < 40; i++)
        memcpy(name + 10 * i, "山田ÅÄ", 11);
    sample_init(&s, name, "en", SECRET_PIN, "0042CANARY");
    write_mail(m, &s);
    assert_fit_for_smtp(&s.document);
    assert_encoded_words_are_short(&s.document);
    message = parse(&s.document);
    to = internet_address_list_get_address(g_mime_message_get_to(message), 0);
    assert_string_equal(internet_address_get_name(to), name);
    text = alternative(message, 0);
    assert_has(text, name);
    g_free(text);
    g_object_unref(message);
    sample_release(&s);
    mail_free(m);
}

static void set_card(struct sample *s, const char *id)
{
    json_object_set_new(json_object_get(json_object_get(s->event, "data"), "card"), "id", json_string(id));
}

static void test_subjects(void **state)
{
    static const char *const cards[] = {
        "C-000123",
        "=?utf-8?q?=50IN_9999?=",
        "a =?utf-8?q?=50IN_9999?= b",
        "=?=?utf-8?b?UElO?=",
        "株式会社株式会社株式会社株式会社株式会社株式会社株式会社",
        "ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ ÅÄÖ",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
        "many words in a card's number that are more than one line of a header can hold, so it folds",
        "two  blanks",
    };
    static const char *const languages[] = { "en", "ja", "ar" };
    CLEANUP(mail_cleanup) struct mail *m = NULL;
    struct folder f;

    (void)state;
    folder_init(&f);
    folder_write(&f, "mail.subject", "PIN {{card.id}}");
    folder_write(&f, "mail.txt", "{{secret}}");
    folder_write(&f, "mail.html", "{{secret}}");
    folder_write(&f, "ja/mail.subject", "カードの暗証番号（PIN） {{card.id}}");
    folder_write(&f, "ja/mail.txt", "{{secret}}");
    folder_write(&f, "ja/mail.html", "{{secret}}");
    m = load(f.path);
    for (size_t i = 0; i < ARRAY_SIZE(cards) * ARRAY_SIZE(languages); i++) {
        struct sample s;
        GMimeMessage *message;
        const char *language = languages[i % ARRAY_SIZE(languages)], *card = cards[i / ARRAY_SIZE(languages)];

        sample_init(&s, "=?utf-8?q?evil?= <eve@evil.example>", language, SECRET_PIN, "0042CANARY");
        set_card(&s, card);
        s.filling.from = "\"Ärende =?utf-8?q?x?=, a department of some length\" <pin@example.com>";
        write_mail(m, &s);
        assert_int_equal(buffer_terminate(&s.document.bytes), 0);
        assert_encoded_words_are_short(&s.document);
        assert_header_lines_are_short(&s.document);
        message = parse(&s.document);
        assert_has(g_mime_message_get_subject(message), card);
        assert_string_equal(
            internet_address_get_name(internet_address_list_get_address(g_mime_message_get_to(message), 0)),
            "=?utf-8?q?evil?= <eve@evil.example>");
        assert_null(strstr(buffer_bytes(&s.document.bytes), "=?utf-8?q?"));
        g_object_unref(message);
        sample_release(&s);
    }
    folder_remove(&f, (const char *const[]){ "mail.subject", "mail.txt", "mail.html", "ja/mail.subject",
                                             "ja/mail.txt", "ja/mail.html", "ja", NULL });
}

static void assert_refused(const char *subject, const char *text, const char *html, const char *file,
                           const char *code)
{
    struct folder f;
    struct mail *m = NULL;
    struct problem p = { .message = "" };

    folder_init(&f);
    if (subject)
        folder_write(&f, "mail.subject", subject);
    if (text)
        folder_write(&f, "mail.txt", text);
    if (html)
        folder_write(&f, "mail.html", html);
    assert_int_equal(mail_load(f.path, "mail", NULL, &m, &p), 1);
    if (strcmp(p.code, code) != 0)
        print_error("%s %s: %s\n", p.code, p.where, p.message);
    assert_string_equal(p.code, code);
    assert_has(p.where, file);
    folder_remove(&f, (const char *const[]){ "mail.subject", "mail.txt", "mail.html", NULL });
}

static void test_templates_that_are_refused(void **state)
{
    (void)state;
    assert_refused("{{secret}}", "{{secret}}", "{{secret}}", "mail.subject:1:3", "secret");
    assert_refused("\n {{#pin}}{{pin}}{{/pin}}", "{{secret}}", "{{secret}}", "mail.subject:2:12", "secret");
    assert_refused("{{#pin}}{{.}}{{/pin}}", "{{secret}}", "{{secret}}", "mail.subject:1:11", "template");
    assert_refused("s", "no secret", "{{secret}}", "mail.txt", "no-secret");
    assert_refused("s", "{{secret}}", "no secret", "mail.html", "no-secret");
    assert_refused("s", "{{secret}}", NULL, "mail.html", "template");
    assert_refused("{{card.id}}", "{{secret}}", "{{secret}}", "mail.subject:1:3", "secrecy");
    assert_refused("s", "{{#card}}{{id}}{{/card}}\n\n{{secret}}", "{{secret}}", "mail.txt:1:12", "secrecy");
    assert_refused("s", "{{secret}}", "{{secret}}\n<p>{{#card.id}}{{.}}{{/card.id}}", "mail.html:2:18", "secrecy");
    assert_refused(NULL, NULL, NULL, "mail.subject", "template");
    assert_refused("s", "{{secret}}", "{{secret}} {{holder.nmae}}", "mail.html:1:14", "unknown-variable");
}

/* Loads "pin-cover" of these parts. The code of what is wrong with it, "" for nothing. */
static const char *cover_of(const char *subject, const char *text, const char *html)
{
    static struct problem p;
    CLEANUP(mail_cleanup) struct mail *m = NULL;
    struct folder f;
    int r;

    p = (struct problem){ .code = "" };
    folder_init(&f);
    folder_write(&f, "pin-cover.subject", subject);
    folder_write(&f, "pin-cover.txt", text);
    folder_write(&f, "pin-cover.html", html);
    r = mail_load(f.path, "pin-cover", NULL, &m, &p);
    assert_int_equal(r, p.code[0] ? 1 : 0);
    folder_remove(&f, (const char *const[]){ "pin-cover.subject", "pin-cover.txt", "pin-cover.html", NULL });
    return p.code;
}

static void test_a_cover_prints_no_secret(void **state)
{
    (void)state;
    assert_true(mail_is_cover("mail-cover") && !mail_is_cover("cover") && !mail_is_cover("mail-cover2"));
    assert_string_equal(cover_of("s", "see {{card.short}}", "<p>see</p>"), "");
    assert_string_equal(cover_of("s", "{{#pin}}your PIN{{/pin}}{{#puk}}your PUK{{/puk}}", "<p>see</p>"), "");
    assert_string_equal(cover_of("s", "{{secret}}", "<p>see</p>"), "secret");
    assert_string_equal(cover_of("s", "see", "<p>{{#pin}}{{pin}}{{/pin}}</p>"), "secret");
    assert_string_equal(cover_of("{{pin}}", "see", "<p>see</p>"), "secret");
    assert_string_equal(cover_of("{{card.id}}", "see", "<p>see</p>"), "secrecy");
    assert_string_equal(cover_of("s", "see", "<p>{{card.id}}</p>"), "secrecy");
}

static void test_a_cover_and_its_attachment(void **state)
{
    CLEANUP(mail_cleanup) struct mail *m = NULL;
    CLEANUP(buffer_release) struct buffer pdf = BUFFER(1024);
    struct problem p = { .message = "" };
    struct sample s;

    (void)state;
    assert_int_equal(buffer_add_text(&pdf, "%PDF-"), 0);
    assert_int_equal(mail_load(TEMPLATES, "mail-cover", NULL, &m, &p), 0);
    for (size_t i = 0; mail_language(m, i); i++) {
        sample_init(&s, "Asa", mail_language(m, i), SECRET_PUK, "73519264");
        s.filling.attachment = &pdf;
        write_mail(m, &s);
        assert_int_equal(buffer_terminate(&s.document.bytes), 0);
        assert_null(strstr(buffer_bytes(&s.document.bytes), "73519264"));
        assert_has(buffer_bytes(&s.document.bytes), "Content-Type: multipart/mixed;");
        assert_has(buffer_bytes(&s.document.bytes), "filename=letter.pdf");
        assert_has(buffer_bytes(&s.document.bytes), "JVBERi0="); /* "%PDF-" */
        sample_release(&s);
    }
}

static void test_a_language_is_whole(void **state)
{
    struct folder f;
    struct mail *m = NULL;
    struct problem p = { .message = "" };

    (void)state;
    folder_init(&f);
    folder_write(&f, "mail.subject", "s");
    folder_write(&f, "mail.txt", "{{secret}}");
    folder_write(&f, "mail.html", "{{secret}}");
    folder_write(&f, "fi/mail.html", "{{secret}}");
    assert_int_equal(mail_load(f.path, "mail", NULL, &m, &p), 1);
    assert_has(p.where, "fi/mail.subject");
    folder_remove(&f, (const char *const[]){ "mail.subject", "mail.txt", "mail.html", "fi/mail.html", "fi", NULL });
}

static void test_each_attempt_is_the_same(void **state)
{
    struct mail *m = load(TEMPLATES);
    struct sample a, b;

    (void)state;
    sample_init(&a, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    sample_init(&b, "Åsa Öberg", "en", SECRET_PIN, "0042CANARY");
    write_mail(m, &a);
    write_mail(m, &b);
    assert_int_equal(buffer_size(&a.document.bytes), buffer_size(&b.document.bytes));
    assert_memory_equal(a.document.bytes.data, b.document.bytes.data, buffer_size(&a.document.bytes));
    sample_release(&a);
    sample_release(&b);
    mail_free(m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_languages_and_secrets),
        cmocka_unit_test(test_the_language_is_told),
        cmocka_unit_test(test_a_pin_reads_the_same_from_right_to_left),
        cmocka_unit_test(test_a_name_is_text),
        cmocka_unit_test(test_no_header_is_injected),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_each_mail_has_its_sender),
        cmocka_unit_test(test_missing_fields),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_templates_that_are_refused),
        cmocka_unit_test(test_a_cover_prints_no_secret),
        cmocka_unit_test(test_a_cover_and_its_attachment),
        cmocka_unit_test(test_a_language_is_whole),
        cmocka_unit_test(test_each_attempt_is_the_same),
    };

    /* Whatever the process's locale says, dates are English and numbers have points. */
    setlocale(LC_ALL, "");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

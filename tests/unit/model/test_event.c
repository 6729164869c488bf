#include <pindispatch/event.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>
#include <pindispatch/json.h>

#define PIN "Zx9-canary-31"
#define PUK "Qw7-canary-88"

/* An event is made of an envelope and data, so that each case shows only what it is about. */
#define ENVELOPE              "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/im\",\"type\":\"card.issued\""
#define CARD                  "\"card\":{\"id\":\"C-1\"}"
#define WITH_PIN              CARD ",\"pin\":\"" PIN "\""
#define EVENT(envelope, data) "{" envelope ",\"data\":{" data "}}"
#define DATA(data)            EVENT(ENVELOPE, data)
#define HOLDER(members)       DATA(WITH_PIN ",\"holder\":{" members "}")
#define TOP(members)          EVENT(ENVELOPE "," members, WITH_PIN)

static const char *const types[] = { "card.issued", "card.renewed", NULL };

static int parse(const char *line, struct event **ret, struct problem *p)
{
    *p = (struct problem){ .code = "" };
    return event_parse(line, strlen(line), types, ret, p);
}

static void assert_refused(const char *line, const char *code, const char *where)
{
    CLEANUP(event_cleanup) struct event *e = NULL;
    struct problem p;
    int r = parse(line, &e, &p);

    if (r != 1 || strcmp(p.code, code) != 0 || strcmp(p.where, where) != 0)
        print_error("%s: %d %s %s %s\n", line, r, p.code, p.where, p.message);
    assert_int_equal(r, 1);
    assert_null(e);
    assert_string_equal(p.code, code);
    assert_string_equal(p.where, where);
    assert_int_not_equal(p.message[0], '\0');
    assert_null(strstr(p.message, PIN));
}

static void assert_taken(const char *line)
{
    CLEANUP(event_cleanup) struct event *e = NULL;
    struct problem p;
    int r = parse(line, &e, &p);

    if (r != 0)
        print_error("%s: %d %s %s %s\n", line, r, p.code, p.where, p.message);
    assert_int_equal(r, 0);
}

static struct event *taken(const char *line)
{
    struct event *e = NULL;
    struct problem p;

    assert_int_equal(parse(line, &e, &p), 0);
    return e;
}

static const char whole[] =
    "{\"specversion\":\"1.0\",\"id\":\"7b1c\",\"source\":\"/identity-manager/prod\",\"type\":\"card.issued\","
    "\"time\":\"2026-11-22T10:00:00Z\",\"subject\":\"card/C-000123\",\"datacontenttype\":\"application/json\","
    "\"data\":{\"card\":{\"id\":\"C-000123\",\"type\":\"employee\"},"
    "\"holder\":{\"name\":\"Åsa Öberg\",\"email\":\"asa.oberg@example.com\",\"locale\":\"sv\","
    "\"address\":[\"Storgatan 1\",\"111 22 Stockholm\",\"Sweden\"]},"
    "\"pin\":\"" PIN "\",\"puk\":\"" PUK "\"}}";

static void all_members_are_read(void **state)
{
    CLEANUP(event_cleanup) struct event *e = taken(whole);

    (void)state;
    assert_string_equal(e->id, "7b1c");
    assert_string_equal(e->source, "/identity-manager/prod");
    assert_string_equal(e->type, "card.issued");
    assert_string_equal(e->time, "2026-11-22T10:00:00Z");
    assert_string_equal(e->subject, "card/C-000123");
    assert_string_equal(e->card_id, "C-000123");
    assert_string_equal(e->card_type, "employee");
    assert_string_equal(e->holder_name, "Åsa Öberg");
    assert_string_equal(e->holder_email, "asa.oberg@example.com");
    assert_string_equal(e->holder_locale, "sv");
    assert_int_equal(e->address_lines, 3);
    assert_string_equal(secret_reveal(e->secrets[SECRET_PIN]), PIN);
    assert_string_equal(secret_reveal(e->secrets[SECRET_PUK]), PUK);
    assert_true(e->brings[SECRET_PIN] && e->brings[SECRET_PUK] && e->stated);
    assert_null(e->sealed);
}

static void body_holds_no_secret(void **state)
{
    CLEANUP(event_cleanup) struct event *e = taken(whole);
    CLEANUP(free_cleanup) char *dump = json_dumps(e->body, JSON_COMPACT);

    (void)state;
    /* The control: the search finds what is there. */
    assert_non_null(strstr(whole, PIN));
    assert_non_null(strstr(e->text, "Storgatan 1"));
    assert_null(strstr(e->text, PIN));
    assert_null(strstr(e->text, PUK));
    assert_null(strstr(e->text, "\"pin\""));
    assert_null(strstr(dump, PIN));
}

static void spelling_does_not_change_the_digest(void **state)
{
    CLEANUP(event_cleanup) struct event *a = taken(DATA(WITH_PIN ",\"holder\":{\"name\":\"\u00c5sa\"}"));
    CLEANUP(event_cleanup)
    struct event *b =
        taken(" {\"data\":{\"holder\":{\"email\":null,\"name\":\"\\u00c5sa\"},\"pin\":\"other\", " CARD "},"
              "\"traceid\":\"abc\", " ENVELOPE "}\r");
    CLEANUP(event_cleanup) struct event *c = taken(DATA(WITH_PIN ",\"holder\":{\"name\":\"Asa\"}"));

    (void)state;
    assert_string_equal(a->text, b->text);
    assert_memory_equal(a->digest, b->digest, EVENT_DIGEST);
    assert_memory_not_equal(a->digest, c->digest, EVENT_DIGEST);
}

static void digest_is_sha256_of_the_text(void **state)
{
    CLEANUP(event_cleanup) struct event *e = taken(DATA(WITH_PIN));
    /* printf %s TEXT | sha256sum */
    static const unsigned char known[4] = { 0x81, 0xb6, 0xd4, 0x35 };

    (void)state;
    assert_string_equal(e->text, "{\"data\":{\"card\":{\"id\":\"C-1\"}},\"id\":\"1\",\"source\":\"/im\","
                                 "\"specversion\":\"1.0\",\"type\":\"card.issued\"}");
    assert_memory_equal(e->digest, known, sizeof(known));
}

static void a_password_comes_beside_a_secret(void **state)
{
    CLEANUP(event_cleanup) struct event *e = taken(DATA(WITH_PIN ",\"password\":\"long-and-odd\""));
    CLEANUP(event_cleanup) struct event *plain = taken(DATA(WITH_PIN));
    CLEANUP(event_cleanup) struct event *silent = taken(DATA(CARD ",\"sealed\":\"a\""));
    CLEANUP(event_cleanup) struct event *stated = taken(DATA(CARD ",\"sealed\":\"a\",\"secrets\":[\"pin\"]"));
    struct event *both = taken(DATA(CARD ",\"sealed\":\"a\",\"secrets\":[\"pin\",\"password\"]"));

    (void)state;
    assert_string_equal(secret_reveal(e->secrets[SECRET_PASSWORD]), "long-and-odd");
    assert_null(strstr(e->text, "long-and-odd"));
    assert_string_equal(e->text, plain->text);
    assert_true(e->brings[SECRET_PASSWORD] && silent->brings[SECRET_PASSWORD] && both->brings[SECRET_PASSWORD]);
    assert_false(plain->brings[SECRET_PASSWORD] || stated->brings[SECRET_PASSWORD]);
    event_free(both);
    assert_refused(DATA(WITH_PIN ",\"password\":\"seven77\""), "weak", "$.data.password");
    assert_refused(DATA(WITH_PIN ",\"password\":\"\""), "range", "$.data.password");
    assert_refused(DATA(WITH_PIN ",\"password\":12345678"), "type", "$.data.password");
    assert_refused(DATA(WITH_PIN ",\"password\":\"with blanks\""), "characters", "$.data.password");
    assert_refused(DATA(CARD ",\"password\":\"long-and-odd\""), "missing", "$.data.pin");
    assert_refused(DATA(CARD ",\"password\":\"long-and-odd\",\"sealed\":\"a\""), "together", "$.data.sealed");
}

static void a_certificate_is_kept(void **state)
{
#define CERTIFIED(certificate) DATA(WITH_PIN ",\"holder\":{\"certificate\":\"" certificate "\"}")
    CLEANUP(event_cleanup) struct event *e = taken(CERTIFIED("-----BEGIN CERTIFICATE-----\\nMIIB+/==\\n"));

    (void)state;
    assert_string_equal(e->holder_certificate, "-----BEGIN CERTIFICATE-----\nMIIB+/==\n");
    assert_non_null(strstr(e->text, "MIIB"));
    assert_refused(CERTIFIED("MIIB\\u0000"), "json", "$");
    assert_refused(CERTIFIED("MIIB<script>"), "characters", "$.data.holder.certificate");
    assert_refused(CERTIFIED(""), "range", "$.data.holder.certificate");
#undef CERTIFIED
}

static void sealed_brings_what_it_says(void **state)
{
    CLEANUP(event_cleanup) struct event *silent = taken(DATA(CARD ",\"sealed\":\"a.b.c.d.e\""));
    CLEANUP(event_cleanup) struct event *pin = taken(DATA(CARD ",\"sealed\":\"a.b.c.d.e\",\"secrets\":[\"pin\"]"));
    CLEANUP(event_cleanup)
    struct event *both = taken(DATA(CARD ",\"secrets\":[\"puk\",\"pin\"],\"sealed\":\"a.b.c.d.e\""));

    (void)state;
    assert_true(silent->brings[SECRET_PIN] && silent->brings[SECRET_PUK] && !silent->stated);
    assert_true(pin->brings[SECRET_PIN] && !pin->brings[SECRET_PUK] && pin->stated);
    assert_true(both->brings[SECRET_PIN] && both->brings[SECRET_PUK] && both->stated);
    assert_string_equal(pin->sealed, "a.b.c.d.e");
    assert_null(strstr(pin->text, "a.b.c.d.e"));
    assert_null(strstr(pin->text, "secrets"));
}

static void secrets_are_refused(void **state)
{
    (void)state;
    assert_refused(DATA(CARD), "missing", "$.data.pin");
    assert_refused(DATA(CARD ",\"pin\":null"), "missing", "$.data.pin");
    assert_refused(DATA(CARD ",\"pin\":482913"), "type", "$.data.pin");
    assert_refused(DATA(CARD ",\"pin\":\"\""), "range", "$.data.pin");
    assert_refused(DATA(CARD ",\"pin\":\"48 2913\""), "characters", "$.data.pin");
    assert_refused(DATA(CARD ",\"puk\":\"48\u00e4\""), "characters", "$.data.puk");
    assert_refused(DATA(CARD ",\"puk\":\"48\\u007f\""), "characters", "$.data.puk");
    assert_refused(DATA(WITH_PIN ",\"sealed\":\"a.b.c.d.e\""), "together", "$.data.sealed");
    assert_refused(DATA(WITH_PIN ",\"secrets\":[\"pin\"]"), "together", "$.data.secrets");
    assert_refused(DATA(CARD ",\"sealed\":\"a b\""), "characters", "$.data.sealed");
    assert_refused(DATA(CARD ",\"sealed\":\"a\",\"secrets\":[]"), "range", "$.data.secrets");
    assert_refused(DATA(CARD ",\"sealed\":\"a\",\"secrets\":\"pin\""), "type", "$.data.secrets");
    assert_refused(DATA(CARD ",\"sealed\":\"a\",\"secrets\":[\"pin\",\"pin\"]"), "value", "$.data.secrets");
    assert_refused(DATA(CARD ",\"sealed\":\"a\",\"secrets\":[\"otp\"]"), "value", "$.data.secrets");
}

static void secrets_have_bounds(void **state)
{
    char pin[66], line[512];

    (void)state;
    memset(pin, '7', sizeof(pin));
    snprintf(line, sizeof(line), DATA(CARD ",\"pin\":\"%.64s\""), pin);
    assert_taken(line);
    snprintf(line, sizeof(line), DATA(CARD ",\"pin\":\"%.65s\""), pin);
    assert_refused(line, "range", "$.data.pin");
    assert_taken(DATA(CARD ",\"pin\":\"!\""));
    assert_taken(DATA(CARD ",\"puk\":\"~\""));
}

static void envelope_is_strict(void **state)
{
    (void)state;
    assert_refused("{}", "missing", "$.specversion");
    assert_refused(EVENT("\"specversion\":\"1.0\",\"source\":\"/im\",\"type\":\"card.issued\"", WITH_PIN), "missing",
                   "$.id");
    assert_refused(EVENT("\"specversion\":\"1.0\",\"id\":null,\"source\":\"/im\",\"type\":\"card.issued\"", WITH_PIN),
                   "missing", "$.id");
    assert_refused(
        EVENT("\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"/im\",\"type\":\"card.issued\"", WITH_PIN), "value",
        "$.specversion");
    assert_refused(EVENT("\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"\",\"type\":\"card.issued\"", WITH_PIN),
                   "range", "$.source");
    assert_refused(
        EVENT("\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a b\",\"type\":\"card.issued\"", WITH_PIN),
        "characters", "$.source");
    assert_refused(
        EVENT("\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"a%2\",\"type\":\"card.issued\"", WITH_PIN),
        "characters", "$.source");
    assert_refused(EVENT("\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/im\",\"type\":\"card.lost\"", WITH_PIN),
                   "value", "$.type");
    assert_refused(EVENT("\"specversion\":\"1.0\",\"id\":7,\"source\":\"/im\",\"type\":\"card.issued\"", WITH_PIN),
                   "type", "$.id");
    assert_refused(TOP("\"time\":\"yesterday\""), "value", "$.time");
    assert_refused(TOP("\"time\":\"2026-02-30T10:00:00Z\""), "value", "$.time");
    assert_refused(TOP("\"datacontenttype\":\"text/plain\""), "value", "$.datacontenttype");
    assert_refused(TOP("\"datacontenttype\":\"application/jsonx\""), "value", "$.datacontenttype");
    assert_taken(TOP("\"datacontenttype\":\"application/json; charset=utf-8\""));
    assert_taken(TOP("\"time\":\"2026-11-22T10:00:00.123456+01:00\""));
    assert_taken(TOP("\"time\":null,\"dataschema\":\"urn:card:1\""));
    assert_taken(
        EVENT("\"specversion\":\"1.0\",\"id\":\"\u00e5 1\",\"source\":\"urn:a%2Fb?c#d\",\"type\":\"card.renewed\"",
              WITH_PIN));
}

static void extensions_are_let_through_and_not_kept(void **state)
{
    CLEANUP(event_cleanup)
    struct event *e = taken(TOP("\"traceparent\":\"00-1\",\"sampled\":true,\"hop\":3,\"gone\":null"));

    (void)state;
    assert_null(json_object_get(e->body, "traceparent"));
    assert_null(strstr(e->text, "hop"));
    assert_refused(TOP("\"traceParent\":\"x\""), "unknown", "$");
    assert_refused(TOP("\"abcdefghijklmnopqrstu\":\"x\""), "unknown", "$");
    assert_refused(TOP("\"\":\"x\""), "unknown", "$");
    assert_refused(TOP("\"data_base64\":\"e30=\""), "unknown", "$");
    assert_refused(TOP("\"ext\":{}"), "type", "$");
    assert_refused(TOP("\"ext\":[1]"), "type", "$");
    assert_refused(TOP("\"ext\":1.5"), "type", "$");
    /* It looks like an extension, and is a PUK that would be lost. */
    assert_refused(TOP("\"puk\":\"" PUK "\""), "unknown", "$");
}

static void unknown_members_name_the_nearest(void **state)
{
    CLEANUP(event_cleanup) struct event *e = NULL;
    struct problem p;

    (void)state;
    assert_int_equal(parse(DATA(CARD ",\"pim\":\"" PIN "\""), &e, &p), 1);
    assert_string_equal(p.code, "unknown");
    assert_string_equal(p.where, "$.data");
    assert_non_null(strstr(p.message, "\"pin\""));
    assert_null(strstr(p.message, "pim"));
    assert_refused(DATA("\"card\":{\"id\":\"C\",\"serial\":\"1\"}"), "unknown", "$.data.card");
    assert_refused(HOLDER("\"mail\":\"a@b\""), "unknown", "$.data.holder");
    assert_refused(DATA(WITH_PIN ",\"" PIN "\":\"x\""), "unknown", "$.data");
}

static void shapes_are_strict(void **state)
{
    (void)state;
    assert_refused(EVENT(ENVELOPE, "\"pin\":\"1\""), "missing", "$.data.card");
    assert_refused(DATA("\"card\":{},\"pin\":\"1\""), "missing", "$.data.card.id");
    assert_refused(DATA("\"card\":\"C-1\",\"pin\":\"1\""), "type", "$.data.card");
    assert_refused("{" ENVELOPE ",\"data\":[]}", "type", "$.data");
    assert_refused("{" ENVELOPE ",\"data\":\"{}\"}", "type", "$.data");
    assert_refused("{" ENVELOPE "}", "missing", "$.data");
    assert_refused(DATA(WITH_PIN ",\"holder\":[]"), "type", "$.data.holder");
    assert_taken(DATA(WITH_PIN ",\"holder\":{}"));
    assert_taken(DATA(WITH_PIN ",\"holder\":null"));
}

static void names_are_clean(void **state)
{
    (void)state;
    assert_refused(HOLDER("\"name\":\"a\\nb\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"a\\u007fb\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"a\\u0085b\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"a\u202eb\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"a\u2066b\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"a\\u2028b\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"a\\uffffb\""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"  \""), "characters", "$.data.holder.name");
    assert_refused(HOLDER("\"name\":\"\""), "range", "$.data.holder.name");
    assert_refused(DATA("\"card\":{\"id\":\"a\\tb\"},\"pin\":\"1\""), "characters", "$.data.card.id");
    assert_refused(TOP("\"subject\":\"a\\rb\""), "characters", "$.subject");
    /* Persian needs the non-joiner, mixed text the direction mark; {{pin}} and $ are text. */
    assert_taken(HOLDER("\"name\":\"\u0645\u06cc\u200c\u062e \u200f\U0001f98a {{pin}} $1\""));
}

static void address_has_bounds(void **state)
{
    CLEANUP(event_cleanup)
    struct event *e = taken(HOLDER("\"address\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]"));

    (void)state;
    assert_int_equal(e->address_lines, 8);
    assert_refused(HOLDER("\"address\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"), "range",
                   "$.data.holder.address");
    assert_refused(HOLDER("\"address\":[\"1\",\"\"]"), "range", "$.data.holder.address[1]");
    assert_refused(HOLDER("\"address\":[\"1\",2]"), "type", "$.data.holder.address[1]");
    assert_refused(HOLDER("\"address\":[\"1\\n2\"]"), "characters", "$.data.holder.address[0]");
    assert_refused(HOLDER("\"address\":\"1\""), "type", "$.data.holder.address");
}

static void locale_is_a_tag(void **state)
{
    (void)state;
    assert_taken(HOLDER("\"locale\":\"sv\""));
    assert_taken(HOLDER("\"locale\":\"zh-Hant-TW\""));
    assert_taken(HOLDER("\"locale\":\"de-1996\""));
    assert_refused(HOLDER("\"locale\":\"s\""), "value", "$.data.holder.locale");
    assert_refused(HOLDER("\"locale\":\"sv-\""), "value", "$.data.holder.locale");
    assert_refused(HOLDER("\"locale\":\"../../etc\""), "value", "$.data.holder.locale");
    assert_refused(HOLDER("\"locale\":\"sv_SE\""), "value", "$.data.holder.locale");
    assert_refused(HOLDER("\"locale\":\"sv-abcdefghi\""), "value", "$.data.holder.locale");
}

static void emails_are_safe(void **state)
{
    static const char *const good[] = { "a@b", "asa.oberg+pin@example.com", "o'neil@x-y.example", "1@2.3" };
    static const char *const bad[] = {
        "",          "a",          "@b",           "a@",      "a@b@c", "a b@c", "a@b\r\nRCPT", "<a@b>", "a@b>",
        ".a@b",      "a.@b",       "a..b@c",       "a@b..c",  "a@.b",  "a@b.",  "a@-b",        "a@b-",  "\"a\"@b",
        "a@[1.2.3]", "\xc3\xa5@b", "a@\xc3\xa5.b", "a@b,c@d", "a@b;c", "a@b_c", "a@b\n"
    };
    char line[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(email_is_safe(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(email_is_safe(bad[i]));
    memset(line, 'a', 64);
    strcpy(line + 64, "@b");
    assert_true(email_is_safe(line));
    memset(line, 'a', 65);
    strcpy(line + 65, "@b");
    assert_false(email_is_safe(line));
    assert_refused(HOLDER("\"email\":\"a@b\\r\\nDATA\""), "email", "$.data.holder.email");
}

static void domain_has_bounds(void **state)
{
    char line[300] = "a@";

    (void)state;
    for (size_t i = 2; i < 254; i++)
        line[i] = i % 50 == 0 ? '.' : 'b';
    assert_true(email_is_safe(line));
    line[254] = 'b';
    assert_false(email_is_safe(line));
    memset(line + 2, 'b', 63);
    line[65] = '\0';
    assert_true(email_is_safe(line));
    line[65] = 'b';
    line[66] = '\0';
    assert_false(email_is_safe(line));
}

static void lengths_have_bounds(void **state)
{
    char name[202], line[1024];

    (void)state;
    memset(name, 'n', sizeof(name));
    snprintf(line, sizeof(line), HOLDER("\"name\":\"%.200s\""), name);
    assert_taken(line);
    snprintf(line, sizeof(line), HOLDER("\"name\":\"%.201s\""), name);
    assert_refused(line, "range", "$.data.holder.name");
    snprintf(line, sizeof(line), DATA("\"card\":{\"id\":\"%.101s\"},\"pin\":\"1\""), name);
    assert_refused(line, "range", "$.data.card.id");
}

static void bad_json_is_refused(void **state)
{
    struct event *e = NULL;
    struct problem p;

    (void)state;
    assert_refused("", "json", "$");
    assert_refused("[]", "type", "$");
    assert_refused("\"x\"", "json", "$");
    assert_refused("{" ENVELOPE, "json", "$");
    assert_refused(DATA(WITH_PIN) "x", "json", "$");
    assert_refused("{\"" PIN "\":" PIN "}", "json", "$");
    assert_refused(DATA(CARD ",\"pin\":\"1\",\"pin\":\"2\""), "repeated", "$");
    assert_refused(TOP("\"id\":\"1\""), "repeated", "$");
    assert_refused(HOLDER("\"name\":\"\xff\""), "utf-8", "$");
    assert_refused(HOLDER("\"name\":\"\xc0\xaf\""), "utf-8", "$");
    assert_refused(HOLDER("\"name\":\"\xed\xa0\x80\""), "utf-8", "$");
    assert_refused(HOLDER("\"name\":\"\\ud800\""), "json", "$");
    assert_refused(HOLDER("\"name\":\"a\\u0000b\""), "json", "$");
    assert_refused("\xef\xbb\xbf" DATA(WITH_PIN), "json", "$");
    assert_int_equal(event_parse(DATA(WITH_PIN) "\0", sizeof(DATA(WITH_PIN)), types, &e, &p), 1);
    assert_int_equal(event_parse(DATA(WITH_PIN), 10, types, &e, NULL), 1);
}

static void depth_and_size_have_bounds(void **state)
{
    static char line[EVENT_MOST + 2];
    CLEANUP(event_cleanup) struct event *e = NULL;
    struct problem p;
    size_t n = strlen(DATA(WITH_PIN));

    (void)state;
    assert_refused(TOP("\"x\":[[[[[[[1]]]]]]]"), "type", "$");
    assert_refused(TOP("\"x\":[[[[[[[[1]]]]]]]]"), "depth", "$");
    assert_taken(HOLDER("\"name\":\"[[[[[[[[[{{{{{\\\"[[[[\""));
    memset(line, ' ', sizeof(line));
    memcpy(line, DATA(WITH_PIN), n);
    assert_int_equal(event_parse(line, EVENT_MOST, types, &e, &p), 0);
    assert_int_equal(event_parse(line, EVENT_MOST + 1, types, &e, &p), 1);
    assert_string_equal(p.code, "size");
    memset(line, '[', sizeof(line));
    assert_int_equal(event_parse(line, EVENT_MOST, types, &e, &p), 1);
    assert_string_equal(p.code, "depth");
}

static void restored_is_what_was_stored(void **state)
{
    CLEANUP(event_cleanup) struct event *a = taken(whole);
    CLEANUP(event_cleanup) struct event *b = NULL;
    struct event *none = NULL;

    (void)state;
    assert_int_equal(event_restore(a->text, strlen(a->text), &b), 0);
    assert_string_equal(b->text, a->text);
    assert_memory_equal(b->digest, a->digest, EVENT_DIGEST);
    assert_string_equal(b->holder_name, a->holder_name);
    assert_string_equal(b->card_id, a->card_id);
    assert_int_equal(b->address_lines, 3);
    assert_null(b->secrets[SECRET_PIN]);
    assert_false(b->brings[SECRET_PIN]);
    assert_int_equal(event_restore("[]", 2, &none), -EINVAL);
    assert_int_equal(event_restore("{", 1, &none), -EINVAL);
    assert_null(none);
}

static void refused_line_can_be_identified(void **state)
{
    CLEANUP(event_cleanup) struct event *e = NULL;
    CLEANUP(event_cleanup) struct event *half = NULL;
    struct event *none = NULL;
    static const char line[] = DATA(CARD ",\"pin\":\"" PIN " \"");
    static const char bad_id[] = "{\"id\":\"a\\nb\",\"source\":\"/im\"}";

    (void)state;
    assert_int_equal(event_identify(line, strlen(line), &e), 0);
    assert_string_equal(e->id, "1");
    assert_string_equal(e->source, "/im");
    assert_null(e->type);
    assert_int_equal(json_object_size(e->body), 2);
    assert_int_equal(event_identify(bad_id, strlen(bad_id), &half), 0);
    assert_null(half->id);
    assert_string_equal(half->source, "/im");
    assert_int_equal(event_identify("{", 1, &none), 1);
    assert_int_equal(event_identify("[1]", 3, &none), 1);
    assert_null(none);
}

/* The N-th allocation of jansson fails, and all after it. */
static unsigned allocations_left;

static void *scarce_malloc(size_t size)
{
    return allocations_left > 0 && allocations_left-- ? malloc(size) : NULL;
}

/* jansson calls a string that it has no memory for an invalid token: that cannot be told from bad JSON. All else can.
 */
static void no_memory_breaks_nothing(void **state)
{
    json_malloc_t old_malloc;
    json_free_t old_free;
    unsigned n = 0, without_memory = 0;
    int r = -ENOMEM;

    (void)state;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(scarce_malloc, free);
    for (; r != 0 && n < 1000; n++) {
        CLEANUP(event_cleanup) struct event *e = NULL;
        struct problem p = { .code = "" };

        allocations_left = n;
        r = event_parse(whole, strlen(whole), types, &e, &p);
        without_memory += r == -ENOMEM;
        assert_true(r == 0 || (r == -ENOMEM && !e) || (r == 1 && !e && strcmp(p.code, "json") == 0));
    }
    json_set_alloc_funcs(old_malloc, old_free);
    assert_int_equal(r, 0);
    assert_true(without_memory > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_members_are_read),
        cmocka_unit_test(body_holds_no_secret),
        cmocka_unit_test(spelling_does_not_change_the_digest),
        cmocka_unit_test(digest_is_sha256_of_the_text),
        cmocka_unit_test(a_password_comes_beside_a_secret),
        cmocka_unit_test(a_certificate_is_kept),
        cmocka_unit_test(sealed_brings_what_it_says),
        cmocka_unit_test(secrets_are_refused),
        cmocka_unit_test(secrets_have_bounds),
        cmocka_unit_test(envelope_is_strict),
        cmocka_unit_test(extensions_are_let_through_and_not_kept),
        cmocka_unit_test(unknown_members_name_the_nearest),
        cmocka_unit_test(shapes_are_strict),
        cmocka_unit_test(names_are_clean),
        cmocka_unit_test(address_has_bounds),
        cmocka_unit_test(locale_is_a_tag),
        cmocka_unit_test(emails_are_safe),
        cmocka_unit_test(domain_has_bounds),
        cmocka_unit_test(lengths_have_bounds),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(depth_and_size_have_bounds),
        cmocka_unit_test(restored_is_what_was_stored),
        cmocka_unit_test(refused_line_can_be_identified),
        cmocka_unit_test(no_memory_breaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "rules.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/clock.h>

#include "form.h"

enum {
    SEALED_MOST = 4096, /* bytes of a JWE, as the seal takes them */
    SECRET_MOST = 64,
    CERTIFICATE_MOST = 16384, /* bytes: with its issuers, in PEM */
};

/* What is being read, and where to say what is wrong with it. */
struct reading {
    struct event *event;
    const char *const *accept_types;
    struct problem *problem;
    int error; /* -ENOMEM, once it happened */
};

/* What the characters of a text must be like, and what is said when they are not. */
struct form {
    bool (*holds)(const char *text);
    const char *code, *sentence;
};

/* One row a member. The rows of an object are all that it may hold, and errors are found in their order. */
struct field {
    const char *name;
    const char *path;
    /* 0, or 1 with the problem set or, when memory ran out, the error. */
    int (*check)(struct reading *r, const struct field *f, json_t *value);
    size_t most;                /* bytes of a text */
    const struct form *form;    /* of a text */
    bool required;              /* null is the same as absent */
    bool dropped;               /* not part of the body */
    size_t offset;              /* of the borrowed text in struct event; 0: none */
    const struct field *fields; /* of an object */
    bool extensible;            /* CloudEvents extension attributes are let through (and not kept) */
    unsigned secret;            /* SECRET_PIN … SECRET_PASSWORD */
};

static int refuse(struct reading *r, const char *code, const struct field *f, const char *what)
{
    return problem_set(r->problem, code, f->path, "%s %s", f->name, what);
}

static int fail(struct reading *r, int error)
{
    r->error = error;
    return 1;
}

/* *RET is the text of VALUE, of 1 to f->most bytes, as yet of any characters. */
static int take_string(struct reading *r, const struct field *f, const json_t *value, const char **ret)
{
    if (!json_is_string(value))
        return refuse(r, "type", f, "must be a string");
    if (json_string_length(value) == 0)
        return refuse(r, "range", f, "must not be empty");
    if (json_string_length(value) > f->most)
        return problem_set(r->problem, "range", f->path, "%s must have at most %zu bytes", f->name, f->most);
    *ret = json_string_value(value);
    if (f->offset > 0)
        memcpy((char *)r->event + f->offset, ret, sizeof(*ret));
    return 0;
}

static int check_text(struct reading *r, const struct field *f, json_t *value)
{
    const char *text = NULL;

    if (take_string(r, f, value, &text) != 0)
        return 1;
    return f->form->holds(text) ? 0 : refuse(r, f->form->code, f, f->form->sentence);
}

static int check_type(struct reading *r, const struct field *f, json_t *value)
{
    const char *text = NULL;

    if (take_string(r, f, value, &text) != 0)
        return 1;
    if (strncmp(text, EVENT_TEST_TYPE, strlen(EVENT_TEST_TYPE)) == 0)
        return 0; /* see check_test() */
    for (const char *const *type = r->accept_types; *type; type++)
        if (strcmp(text, *type) == 0)
            return 0;
    return refuse(r, "value", f, "is none of the types that are taken here (accept_types)");
}

static int check_address(struct reading *r, const struct field *f, json_t *value)
{
    size_t n = json_array_size(value), i;
    struct field line = *f;
    json_t *item;

    if (!json_is_array(value))
        return refuse(r, "type", f, "must be a list of lines");
    if (n > EVENT_ADDRESS_LINES)
        return problem_set(r->problem, "range", f->path, "address must have at most %d lines", EVENT_ADDRESS_LINES);
    r->event->address_lines = n;
    json_array_foreach (value, i, item) {
        char path[64];

        snprintf(path, sizeof(path), "%s[%zu]", f->path, i);
        line.name = "a line of the address";
        line.path = path;
        if (check_text(r, &line, item) != 0)
            return 1;
    }
    return 0;
}

static int check_secret(struct reading *r, const struct field *f, json_t *value)
{
    int e;

    if (check_text(r, f, value) != 0)
        return 1;
    e = secret_new(json_string_value(value), json_string_length(value), &r->event->secrets[f->secret]);
    if (e < 0)
        return fail(r, e);
    r->event->brings[f->secret] = true;
    r->event->stated = true;
    return 0;
}

static int check_password(struct reading *r, const struct field *f, json_t *value)
{
    size_t size = json_string_length(value);

    if (size > 0 && size < PASSWORD_LEAST)
        return problem_set(r->problem, "weak", f->path, "%s must have at least %d characters", f->name,
                           PASSWORD_LEAST);
    return check_secret(r, f, value);
}

static int check_sealed(struct reading *r, const struct field *f, json_t *value)
{
    if (r->event->stated)
        return refuse(r, "together", f, "must not come together with a pin, puk or password in clear");
    if (check_text(r, f, value) != 0)
        return 1;
    r->event->sealed = strdup(json_string_value(value));
    if (!r->event->sealed)
        return fail(r, -ENOMEM);
    for (size_t k = 0; k < SECRET_PARTS; k++)
        r->event->brings[k] = true;
    return 0;
}

/* What the sealed text holds, which only a worker could see. */
static int check_secrets(struct reading *r, const struct field *f, json_t *value)
{
    struct event *e = r->event;
    unsigned part = SECRET_PARTS;
    json_t *item;
    size_t i;

    if (!e->sealed)
        return refuse(r, "together", f, "must not come without sealed");
    if (!json_is_array(value))
        return refuse(r, "type", f, "must be a list");
    memset(e->brings, 0, sizeof(e->brings));
    json_array_foreach (value, i, item) {
        if (!json_is_string(item) || secret_part_parse(json_string_value(item), &part) < 0 || e->brings[part])
            return refuse(r, "value", f, "must hold \"pin\", \"puk\" and \"password\" each once at most");
        e->brings[part] = true;
    }
    e->stated = true;
    return i > 0 ? 0 : refuse(r, "range", f, "must not be empty");
}

static int check_object(struct reading *r, const struct field *f, json_t *value);

static bool is_version(const char *text)
{
    return strcmp(text, "1.0") == 0;
}

static bool is_time(const char *text)
{
    int64_t when;

    return clock_parse(text, &when) == 0;
}

static const struct form version = { is_version, "value", "must be \"1.0\"" };
static const struct form words = { form_is_clean, "characters",
                                   "must have a visible character, and no control or direction characters" };
static const struct form uri = { form_is_uri, "characters", "must be a URI reference (RFC 3986)" };
static const struct form date_time = { is_time, "value", "must be an RFC 3339 date and time" };
static const struct form media_type = { form_is_json, "value", "must be application/json" };
static const struct form locale = { form_is_locale, "value", "must be a language tag (BCP 47) such as sv or sv-SE" };
static const struct form email = { email_is_safe, "email",
                                   "must be one address, local-part@domain, in ASCII and without quotes" };
static const struct form clear = { form_is_secret, "characters", "must hold printable ASCII only, and no spaces" };
static const struct form certificate = { form_is_certificate, "characters",
                                         "must be a certificate in PEM or base64" };
static const struct form compact = { form_is_compact, "characters", "must be a JWE in compact form" };

#define FIELD(name_, path_, ...)                                                                                     \
    {                                                                                                                \
        .name = (name_), .path = (path_), __VA_ARGS__                                                                \
    }
#define TEXT(most_, form_) .check = check_text, .most = (most_), .form = &(form_)
#define KEPT_AS(member)    .offset = offsetof(struct event, member)
#define OBJECT(fields_)    .check = check_object, .fields = (fields_)
#define SECRET(kind_)      .check = check_secret, .secret = (kind_), .most = SECRET_MOST, .form = &clear
#define REQUIRED           .required = true
#define DROPPED            .dropped = true
#define END                                                                                                          \
    {                                                                                                                \
        .name = NULL                                                                                                 \
    }

static const struct field card_fields[] = {
    FIELD("id", "$.data.card.id", TEXT(100, words), REQUIRED, KEPT_AS(card_id)),
    FIELD("type", "$.data.card.type", TEXT(100, words), KEPT_AS(card_type)),
    END,
};

static const struct field holder_fields[] = {
    FIELD("name", "$.data.holder.name", TEXT(200, words), KEPT_AS(holder_name)),
    FIELD("email", "$.data.holder.email", TEXT(254, email), KEPT_AS(holder_email)),
    FIELD("locale", "$.data.holder.locale", TEXT(35, locale), KEPT_AS(holder_locale)),
    FIELD("certificate", "$.data.holder.certificate", TEXT(CERTIFICATE_MOST, certificate),
          KEPT_AS(holder_certificate)),
    FIELD("address", "$.data.holder.address", .check = check_address, .most = 200, .form = &words),
    END,
};

/* sealed looks at what pin, puk and password left, secrets at what sealed left: the order matters. */
static const struct field data_fields[] = {
    FIELD("card", "$.data.card", OBJECT(card_fields), REQUIRED),
    FIELD("holder", "$.data.holder", OBJECT(holder_fields)),
    FIELD("pin", "$.data.pin", SECRET(SECRET_PIN), DROPPED),
    FIELD("puk", "$.data.puk", SECRET(SECRET_PUK), DROPPED),
    FIELD("password", "$.data.password", .check = check_password, .secret = SECRET_PASSWORD, .most = SECRET_MOST,
          .form = &clear, DROPPED),
    FIELD("sealed", "$.data.sealed", .check = check_sealed, .most = SEALED_MOST, .form = &compact, DROPPED),
    FIELD("secrets", "$.data.secrets", .check = check_secrets, DROPPED),
    END,
};

static const struct field event_fields[] = {
    FIELD("specversion", "$.specversion", TEXT(8, version), REQUIRED),
    FIELD("id", "$.id", TEXT(256, words), REQUIRED, KEPT_AS(id)),
    FIELD("source", "$.source", TEXT(1024, uri), REQUIRED, KEPT_AS(source)),
    FIELD("type", "$.type", .check = check_type, .most = 256, REQUIRED, KEPT_AS(type)),
    FIELD("time", "$.time", TEXT(64, date_time), KEPT_AS(time)),
    FIELD("subject", "$.subject", TEXT(256, words), KEPT_AS(subject)),
    FIELD("datacontenttype", "$.datacontenttype", TEXT(128, media_type)),
    FIELD("dataschema", "$.dataschema", TEXT(1024, uri)),
    FIELD("data", "$.data", OBJECT(data_fields), REQUIRED),
    END,
};

static const struct field whole = FIELD("the event", "$", OBJECT(event_fields), .extensible = true);

static const struct field *find_field(const struct field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

/* The name itself is not said: it is the sender's text, and who knows what was put there by mistake. */
static int refuse_unknown(struct reading *r, const struct field *f, const char *name)
{
    const char *known[ARRAY_SIZE(event_fields)] = { NULL }, *nearest;

    for (size_t i = 0; f->fields[i].name; i++)
        known[i] = f->fields[i].name;
    nearest = nearest_name(name, known);
    return problem_set(r->problem, "unknown", f->path, "%s has a member that is not known%s%s%s", f->name,
                       nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* CloudEvents 1.0 section 3.1: extension attributes have names of lower-case letters and digits. A member of data
 * that was put beside it would look like one, and a PUK be lost without a word. */
static int check_extension(struct reading *r, const struct field *f, const char *name, const json_t *value)
{
    if (!form_is_attribute(name))
        return refuse_unknown(r, f, name);
    if (find_field(data_fields, name))
        return problem_set(r->problem, "unknown", "$", "the event has a member that belongs in data");
    if (!json_is_string(value) && !json_is_integer(value) && !json_is_boolean(value) && !json_is_null(value))
        return problem_set(r->problem, "type", "$", "an extension attribute must be a string, integer or boolean");
    return 0;
}

static int check_others(struct reading *r, const struct field *f, json_t *object)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, name, value)
    {
        if (find_field(f->fields, name))
            continue;
        if (!f->extensible)
            return refuse_unknown(r, f, name);
        if (check_extension(r, f, name, value) != 0)
            return 1;
        json_object_del(object, name);
    }
    return 0;
}

static int check_member(struct reading *r, const struct field *f, json_t *object)
{
    json_t *value = json_object_get(object, f->name);

    if ((!value || json_is_null(value)) && f->required)
        return refuse(r, "missing", f, "is missing");
    if (value && !json_is_null(value) && f->check(r, f, value) != 0)
        return 1;
    if (value && (json_is_null(value) || f->dropped))
        json_object_del(object, f->name);
    return 0;
}

static int check_object(struct reading *r, const struct field *f, json_t *value)
{
    if (!json_is_object(value))
        return refuse(r, "type", f, "must be an object");
    /* Unknown members first: "pim" is a better answer than "no pin". */
    if (check_others(r, f, value) != 0)
        return 1;
    for (const struct field *row = f->fields; row->name; row++)
        if (check_member(r, row, value) != 0)
            return 1;
    return 0;
}

static int check_brings(const struct reading *r)
{
    if (r->event->brings[SECRET_PIN] || r->event->brings[SECRET_PUK])
        return 0;
    return problem_set(r->problem, "missing", "$.data.pin", "there is no secret: pin, puk or sealed is missing");
}

static bool is_nothing_but(const struct secret *s, const char *text)
{
    return !s || strcmp(secret_reveal(s), text) == 0;
}

static int check_test(const struct reading *r)
{
    const struct event *e = r->event;

    if (!event_test_method(e) || (!e->sealed && is_nothing_but(e->secrets[SECRET_PIN], EVENT_TEST_SECRET) &&
                                  is_nothing_but(e->secrets[SECRET_PUK], EVENT_TEST_SECRET) &&
                                  is_nothing_but(e->secrets[SECRET_PASSWORD], EVENT_TEST_PASSWORD)))
        return 0;
    return problem_set(r->problem, "value", "$.data", "a test brings no secret but %s, and no password but %s",
                       EVENT_TEST_SECRET, EVENT_TEST_PASSWORD);
}

int rules_check(struct event *e, const char *const *accept_types, struct problem *p)
{
    struct reading r = { .event = e, .accept_types = accept_types, .problem = p };

    if (check_object(&r, &whole, e->body) == 0 && check_brings(&r) == 0 && check_test(&r) == 0)
        return 0;
    return r.error < 0 ? r.error : 1;
}

/* A member that breaks its rule is not borrowed. */
static void identify(struct reading *r, const char *name)
{
    const struct field *f = find_field(event_fields, name);
    json_t *value = json_object_get(r->event->body, name);

    if (value && f->check(r, f, value) != 0)
        json_object_del(r->event->body, name);
}

void rules_identify(struct event *e)
{
    struct reading r = { .event = e };

    identify(&r, "id");
    identify(&r, "source");
    rules_borrow(e);
}

static void borrow(const json_t *object, const struct field *fields, struct event *e)
{
    for (; fields->name; fields++) {
        const json_t *value = json_object_get(object, fields->name);
        const char *text = json_string_value(value);

        if (fields->offset > 0)
            memcpy((char *)e + fields->offset, &text, sizeof(text));
        if (fields->fields)
            borrow(value, fields->fields, e);
        if (fields->check == check_address)
            e->address_lines = json_array_size(value);
    }
}

void rules_borrow(struct event *e)
{
    borrow(e->body, event_fields, e);
}

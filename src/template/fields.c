#include "fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include <pindispatch/event.h>
#include <pindispatch/json.h>

#include "language.h"

enum {
    SHORT_MOST = 4, /* characters of a card's id in card.short */
    FORM_SIGN = 32, /* bytes of the longest word for a sign, with its blank */
};

/* Groups, event, card and holder, are as in the event; the rest is made here. */
#define SECRET_FORMS(name, type)                                                                                     \
    { name, type, true }, { name ".grouped", type, true }, { name ".digits", type, true },                           \
    {                                                                                                                \
        name ".words", type, true                                                                                    \
    }
#define FIELDS(secret_type)                                                                                          \
    { "holder", MUSTACHE_OBJECT, false }, { "holder.name", MUSTACHE_TEXT, true },                                    \
        { "holder.email", MUSTACHE_TEXT, false }, { "holder.locale", MUSTACHE_TEXT, false },                         \
        { "holder.address", MUSTACHE_LIST, false }, { "card", MUSTACHE_OBJECT, false },                              \
        { "card.id", MUSTACHE_TEXT, true }, { "card.short", MUSTACHE_TEXT, true },                                   \
        { "card.type", MUSTACHE_TEXT, false }, { "event", MUSTACHE_OBJECT, false },                                  \
        { "event.id", MUSTACHE_TEXT, true }, { "event.source", MUSTACHE_TEXT, true },                                \
        { "event.type", MUSTACHE_TEXT, true }, { "event.subject", MUSTACHE_TEXT, false },                            \
        { "event.time", MUSTACHE_TEXT, false }, { "delivery", MUSTACHE_OBJECT, false },                              \
        { "delivery.id", MUSTACHE_TEXT, true }, { "delivery.reference", MUSTACHE_TEXT, true },                       \
        { "date", MUSTACHE_TEXT, true }, { "date_iso", MUSTACHE_TEXT, true }, { "test", MUSTACHE_FLAG, false },      \
        SECRET_FORMS("secret", secret_type), SECRET_FORMS("pin", secret_type), SECRET_FORMS("puk", secret_type),     \
    {                                                                                                                \
        NULL, MUSTACHE_TEXT, false                                                                                   \
    }

const struct mustache_name fields_all[] = { FIELDS(MUSTACHE_SECRET) };
const struct mustache_name fields_without_secret[] = { FIELDS(MUSTACHE_FLAG) };

const struct mustache_name *fields_find(const char *name)
{
    for (const struct mustache_name *row = fields_all; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

enum secret_kind fields_kind_of(const struct mustache_name *name)
{
    if (name->type == MUSTACHE_TEXT || strcspn(name->name, ".") != 3)
        return SECRET_KINDS;
    if (strncmp(name->name, "pin", 3) == 0)
        return SECRET_PIN;
    return strncmp(name->name, "puk", 3) == 0 ? SECRET_PUK : SECRET_KINDS;
}

bool fields_is_words(const struct mustache_name *name)
{
    const char *dot = strchr(name->name, '.');

    return name->type == MUSTACHE_SECRET && dot && strcmp(dot, ".words") == 0;
}

bool fields_is_test(const struct filling *about)
{
    const char *type = json_text(about->event, "type");

    return type && strncmp(type, EVENT_TEST_TYPE, strlen(EVENT_TEST_TYPE)) == 0;
}

const char *fields_kind(const struct filling *about)
{
    return about->kind == SECRET_PUK ? "PUK" : "PIN";
}

static const char *holder(const struct filling *about, const char *member)
{
    return json_text(json_object_get(json_object_get(about->event, "data"), "holder"), member);
}

const char *fields_locale(const struct filling *about)
{
    return holder(about, "locale");
}

const char *fields_name(const struct filling *about)
{
    return holder(about, "name");
}

const char *fields_email(const struct filling *about)
{
    return holder(about, "email");
}

static const char *const forms[FORMS] = { "", ".grouped", ".digits", ".words" };

/* The form that is left of a name behind its kind; FORMS: none. */
static enum form form_of(const char *rest, size_t size)
{
    for (enum form form = 0; form < FORMS; form++)
        if (strlen(forms[form]) == size && memcmp(rest, forms[form], size) == 0)
            return form;
    return FORMS;
}

/* The secret's names never reach the JSON values: of an event that held one by mistake nothing is printed. */
static bool find_secret(const void *userdata, const char *name, size_t size, const char **ret_bytes, size_t *ret_size)
{
    const struct fields *f = userdata;
    const char *dot = memchr(name, '.', size);
    size_t first = dot ? (size_t)(dot - name) : size;
    bool is_secret = first == 6 && memcmp(name, "secret", 6) == 0;
    bool is_kind = first == 3 && (memcmp(name, "pin", 3) == 0 || memcmp(name, "puk", 3) == 0);
    bool is_present = is_secret || (is_kind && memcmp(name, secret_kind_name(f->about->kind), 3) == 0);
    enum form form = form_of(name + first, size - first);

    if (!is_secret && !is_kind)
        return false;
    *ret_bytes = "";
    *ret_size = 0;
    if (!is_present || !f->about->secret || form == FORMS)
        return true;
    *ret_bytes = form == FORM_PLAIN ? secret_reveal(f->about->secret) : buffer_bytes(&f->forms[form]);
    *ret_size = form == FORM_PLAIN ? secret_size(f->about->secret) : buffer_size(&f->forms[form]);
    return true;
}

/* "019a…-c3d2a4b5e6f7": the last group is the random part, short enough to be read out and found again. */
static const char *reference(const char *delivery_id)
{
    const char *dash = delivery_id ? strrchr(delivery_id, '-') : NULL;

    return dash ? dash + 1 : delivery_id;
}

static int add_delivery(json_t *root, const struct filling *about)
{
    json_t *delivery = json_object();

    if (!delivery || json_put_text(delivery, "id", about->delivery_id) < 0 ||
        json_put_text(delivery, "reference", reference(about->delivery_id)) < 0) {
        json_decref(delivery);
        return -ENOMEM;
    }
    return json_object_set_new(root, "delivery", delivery) < 0 ? -ENOMEM : 0;
}

/* "…0123": enough to know one's card by, and no card number. At least half of it stays away. */
static int add_short(json_t *card, const char *id)
{
    size_t n = id ? (size_t)g_utf8_strlen(id, -1) : 0;
    size_t shown = n / 2 < SHORT_MOST ? n / 2 : SHORT_MOST;
    char text[SHORT_MOST * 4 + 8];

    if (n == 0)
        return 0;
    snprintf(text, sizeof(text), "…%s", g_utf8_offset_to_pointer(id, (glong)(n - shown)));
    return json_put_text(card, "short", text);
}

static int add_card(json_t *root, const json_t *data)
{
    const json_t *card = json_object_get(data, "card");
    json_t *own = json_is_object(card) ? json_copy((json_t *)card) : json_object();

    if (!own || add_short(own, json_text(card, "id")) < 0) {
        json_decref(own);
        return -ENOMEM;
    }
    return json_object_set_new(root, "card", own) < 0 ? -ENOMEM : 0;
}

static int add_test(json_t *root, const struct filling *about)
{
    if (!fields_is_test(about))
        return 0;
    return json_object_set_new(root, "test", json_true()) < 0 ? -ENOMEM : 0;
}

static int add_dates(json_t *root, const struct filling *about, const char *tag)
{
    char text[LANGUAGE_DATE];
    int r = json_put_text(root, "date", language_date(tag, about->created, text));

    return r < 0 ? r : json_put_text(root, "date_iso", language_date("iso", about->created, text));
}

/* A member that is there is shared, not copied; the root is then only read. */
static int share(json_t *root, const char *name, json_t *value)
{
    return value && json_object_set(root, name, value) < 0 ? -ENOMEM : 0;
}

/* Rendering turns control characters into spaces: harmless in a name, but another PIN. */
static bool is_printable(const struct secret *secret)
{
    const char *bytes = secret ? secret_reveal(secret) : "";
    size_t size = secret ? secret_size(secret) : 0;

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
            return false;
    return g_utf8_validate(bytes, (gssize)size, NULL);
}

/* How many signs the group has that begins with LEFT signs to go: fours where they come out even, else threes with
 * what is left in the last one. */
static size_t group_size(size_t all, size_t left)
{
    return all % 4 == 0 || left == 4 ? 4 : 3;
}

static int add_sign(struct fields *f, const char *sign, size_t size, const char *word, bool begins_group)
{
    bool is_first = buffer_size(&f->forms[FORM_DIGITS]) == 0;
    int r = 0;

    if (!is_first && begins_group)
        r = buffer_add(&f->forms[FORM_GROUPED], " ", 1);
    for (enum form form = FORM_DIGITS; form < FORMS && r == 0 && !is_first; form++)
        r = buffer_add(&f->forms[form], " ", 1);
    if (r == 0)
        r = buffer_add(&f->forms[FORM_GROUPED], sign, size);
    if (r == 0)
        r = buffer_add(&f->forms[FORM_DIGITS], sign, size);
    if (r == 0)
        r = word ? buffer_add_text(&f->forms[FORM_WORDS], word) : buffer_add(&f->forms[FORM_WORDS], sign, size);
    return r;
}

/* The secret's other forms, straight into memory that is wiped. */
static int write_forms(struct fields *f, const char *tag)
{
    const struct secret *secret = f->about->secret;
    const char *at = secret ? secret_reveal(secret) : "", *end = at + (secret ? secret_size(secret) : 0);
    size_t all = (size_t)g_utf8_strlen(at, end - at), group = 0;
    int r = 0;

    for (enum form form = FORM_GROUPED; form < FORMS && r == 0; form++)
        r = buffer_reserve(&f->forms[form], 1); /* so that there are bytes, also of nothing */
    for (size_t left = all; left > 0 && r == 0; left--, group--) {
        const char *next = g_utf8_next_char(at);
        bool begins = group == 0;

        if (begins)
            group = group_size(all, left);
        r = add_sign(f, at, (size_t)(next - at), language_digit(tag, *at), begins);
        at = next;
    }
    return r == -ENOBUFS ? -ENOMEM : r;
}

int fields_fill(struct fields *f, const struct filling *about, const char *tag, struct outcome *trouble)
{
    CLEANUP(json_cleanup) json_t *root = json_object();
    const json_t *data = json_object_get(about->event, "data");

    *f = (struct fields){ .about = about };
    for (enum form form = 0; form < FORMS; form++)
        f->forms[form] = BUFFER(SECRET_MAX * FORM_SIGN);
    if (!is_printable(about->secret)) {
        outcome_set(trouble, OUTCOME_FAILED, "secret-unprintable", "the %s holds characters that cannot be printed",
                    fields_kind(about));
        return 1;
    }
    if (!root || share(root, "holder", json_object_get(data, "holder")) < 0 || add_card(root, data) < 0 ||
        add_test(root, about) < 0 || share(root, "event", (json_t *)about->event) < 0 ||
        add_delivery(root, about) < 0 || add_dates(root, about, tag) < 0 || write_forms(f, tag) < 0)
        return -ENOMEM;
    f->root = TAKE(root);
    f->data = (struct mustache_data){ .root = f->root, .overlay = find_secret, .userdata = f };
    return 0;
}

void fields_release(struct fields *f)
{
    for (enum form form = 0; form < FORMS; form++)
        buffer_release(&f->forms[form]);
    json_decref(f->root);
    f->root = NULL;
}

int fields_text(const struct fields *f, const struct mustache_name *name, struct buffer *b)
{
    CLEANUP(mustache_cleanup) struct mustache *m = NULL;
    struct mustache_result result = { .empty = NULL };
    char template[128];
    int r;

    if (name->type == MUSTACHE_LIST)
        snprintf(template, sizeof(template), "{{#%s}}{{.}} {{/%s}}", name->name, name->name);
    else
        snprintf(template, sizeof(template), "{{%s}}", name->name);
    r = mustache_parse(&(struct mustache_source){ .text = template, .size = strlen(template), .file = "", .line = 1 },
                       &m, NULL);
    return r == 0 ? mustache_render(m, &f->data, MUSTACHE_LINE, b, &result) : r;
}

#include "fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include <pindispatch/json.h>

#include "language.h"

/* Groups, event, card and holder, are as in the event; the rest is made here. */
#define FIELDS(secret_type)                                                                                          \
    { "holder", MUSTACHE_OBJECT, false }, { "holder.name", MUSTACHE_TEXT, true },                                    \
        { "holder.email", MUSTACHE_TEXT, false }, { "holder.locale", MUSTACHE_TEXT, false },                         \
        { "holder.address", MUSTACHE_LIST, false }, { "card", MUSTACHE_OBJECT, false },                              \
        { "card.id", MUSTACHE_TEXT, true }, { "card.type", MUSTACHE_TEXT, false },                                   \
        { "event", MUSTACHE_OBJECT, false }, { "event.id", MUSTACHE_TEXT, true },                                    \
        { "event.source", MUSTACHE_TEXT, true }, { "event.type", MUSTACHE_TEXT, true },                              \
        { "event.subject", MUSTACHE_TEXT, false }, { "event.time", MUSTACHE_TEXT, false },                           \
        { "delivery", MUSTACHE_OBJECT, false }, { "delivery.id", MUSTACHE_TEXT, true },                              \
        { "delivery.reference", MUSTACHE_TEXT, true }, { "date", MUSTACHE_TEXT, true },                              \
        { "date_iso", MUSTACHE_TEXT, true }, { "secret", secret_type, true }, { "pin", secret_type, true },          \
        { "puk", secret_type, true },                                                                                \
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

/* The secret's names never reach the JSON values: of an event that held one by mistake nothing is printed. */
static bool find_secret(const void *userdata, const char *name, size_t size, const char **ret_bytes, size_t *ret_size)
{
    const struct fields *f = userdata;
    const char *kind = secret_kind_name(f->about->kind);
    bool is_secret = size == 6 && memcmp(name, "secret", 6) == 0;
    bool is_kind = size == 3 && (memcmp(name, "pin", 3) == 0 || memcmp(name, "puk", 3) == 0);
    bool is_present = is_secret || (is_kind && memcmp(name, kind, 3) == 0);

    if (!is_secret && !is_kind)
        return false;
    *ret_bytes = is_present && f->about->secret ? secret_reveal(f->about->secret) : "";
    *ret_size = is_present && f->about->secret ? secret_size(f->about->secret) : 0;
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

int fields_fill(struct fields *f, const struct filling *about, const char *tag, struct outcome *trouble)
{
    CLEANUP(json_cleanup) json_t *root = json_object();
    const json_t *data = json_object_get(about->event, "data");

    *f = (struct fields){ .about = about };
    if (!is_printable(about->secret)) {
        outcome_set(trouble, OUTCOME_FAILED, "secret-unprintable", "the %s holds characters that cannot be printed",
                    fields_kind(about));
        return 1;
    }
    if (!root || share(root, "holder", json_object_get(data, "holder")) < 0 ||
        share(root, "card", json_object_get(data, "card")) < 0 || share(root, "event", (json_t *)about->event) < 0 ||
        add_delivery(root, about) < 0 || add_dates(root, about, tag) < 0)
        return -ENOMEM;
    f->root = TAKE(root);
    f->data = (struct mustache_data){ .root = f->root, .overlay = find_secret, .userdata = f };
    return 0;
}

void fields_release(struct fields *f)
{
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

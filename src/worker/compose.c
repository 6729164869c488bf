#include "compose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/config.h>
#include <pindispatch/json.h>
#include <pindispatch/protect.h>
#include <pindispatch/seal.h>
#include <pindispatch/template.h>

struct composer {
    const struct settings *settings;
    const struct method *method;
    bool mask;
    struct seal_ring *keys;
    struct letter *letter;
    struct mailer *mailer;
    const struct clock *clock;
    char domain[256]; /* right side of every Message-ID */
};

static int load_keys(struct composer *c, struct problem *p)
{
    CLEANUP(free_cleanup) char *places = config_credential_path(c->settings, "seal.private_key", "seal.key.jwk");
    CLEANUP(secret_cleanup) struct secret *pin = NULL;
    int r = places ? 0 : -ENOMEM;

    if (r == 0 && seal_place_is_token(places))
        r = config_credential(c->settings, "seal.token_pin_file", "token-pin", &pin, p);
    if (r == 0)
        r = seal_ring_load(places, pin, &c->keys, p);
    if (r == 0 && !seal_ring_can_open(c->keys))
        return problem_set(p, "key", places, "this key has no private part; give the file that keygen wrote as %s",
                           "seal.private_key");
    return r;
}

static int load_template(struct composer *c, struct problem *p)
{
    const struct template_rules rules = template_rules_of(c->settings, true);

    switch (c->method->document) {
    case DOCUMENT_LETTER:
        return letter_load(settings_text(c->settings, "templates.directory"),
                           settings_text(c->settings, "print.template"), &rules, &c->letter, p);
    case DOCUMENT_MAIL:
        return mailer_new(c->settings, &c->mailer, p);
    case DOCUMENT_NONE:
        break;
    }
    return 0;
}

/* "PIN service <pin@example.com>" → "example.com" */
static void find_domain(struct composer *c)
{
    const char *from = settings_text(c->settings, "email.from");
    const char *at = strrchr(from, '@');
    size_t n = at ? strcspn(at + 1, "> \t") : 0;

    snprintf(c->domain, sizeof(c->domain), "%.*s", n > 0 ? (int)n : 9, n > 0 ? at + 1 : "localhost");
}

int composer_new(const struct settings *settings, const struct method *method, const struct clock *clock, bool mask,
                 struct composer **ret, struct problem *p)
{
    CLEANUP(composer_cleanup) struct composer *c = calloc(1, sizeof(*c));
    int r;

    if (!c)
        return -ENOMEM;
    *c = (struct composer){ .settings = settings, .method = method, .clock = clock, .mask = mask };
    find_domain(c);
    r = load_keys(c, p);
    if (r == 0)
        r = load_template(c, p);
    if (r == 0)
        *ret = TAKE(c);
    return r;
}

struct composer *composer_free(struct composer *c)
{
    if (!c)
        return NULL;
    seal_ring_free(c->keys);
    letter_free(c->letter);
    mailer_free(c->mailer);
    free(c);
    return NULL;
}

void composer_forget(struct composer *c)
{
    seal_ring_forget(c->keys);
}

/* The sealed text has no such secret. Where the event said that it has one, the event is wrong; where it said
 * nothing and brought the other secret, there is simply nothing to deliver. */
static int report_absent(const struct parcel *p, bool has_other, struct outcome *trouble)
{
    const char *name = secret_kind_name(p->secret);

    if (p->stated || !has_other)
        outcome_set(trouble, OUTCOME_FAILED, "no-secret", "the sealed text holds no %s", name);
    else
        outcome_set(trouble, OUTCOME_CANCELLED, "no-secret", "the sealed text holds no %s: nothing to deliver", name);
    return 1;
}

static int mask_secret(struct secret **s)
{
    struct secret *masked;
    int r = secret_masked(*s, '*', &masked);

    if (r < 0)
        return r;
    secret_free(*s);
    *s = masked;
    return 0;
}

/* The token may be back in a while, and the key that is missing may be brought: until then nothing of this method can
 * be done. */
static int report_closed(const struct problem *problem, struct outcome *trouble)
{
    if (strcmp(problem->code, "token") != 0 && strcmp(problem->code, "key") != 0) {
        outcome_set(trouble, OUTCOME_FAILED, "sealed", "the sealed secret cannot be opened: %s", problem->message);
        return 1;
    }
    outcome_set(trouble, OUTCOME_DEFERRED, problem->code, "%s", problem->message);
    trouble->destination = true;
    return 1;
}

/* What a sealed text holds. */
struct opened {
    struct secret *parts[SECRET_PARTS];
};

static void opened_release(struct opened *o)
{
    for (size_t part = 0; part < SECRET_PARTS; part++)
        secret_free(o->parts[part]);
}

static int open_parts(struct composer *c, const struct parcel *p, struct opened *o, struct outcome *trouble)
{
    const struct seal_binding binding = { .source = json_text(p->event, "source"), .id = json_text(p->event, "id") };
    struct problem problem = { .code = "" };
    int r = p->sealed ? seal_open(c->keys, p->sealed, &binding, o->parts, &problem) : -EINVAL;

    if (r > 0)
        return report_closed(&problem, trouble);
    if (r == 0 && !o->parts[p->secret])
        return report_absent(p, o->parts[SECRET_PIN] || o->parts[SECRET_PUK], trouble);
    return r == 0 && c->mask ? mask_secret(&o->parts[p->secret]) : r;
}

static int compose(struct composer *c, const struct filling *f, const struct opened *o,
                   const struct document_form *form, struct document *ret, struct outcome *trouble)
{
    if (c->mailer)
        return mailer_compose(c->mailer, f, o->parts[SECRET_PASSWORD], clock_now(c->clock), ret, trouble);
    return form ? letter_pictures(c->letter, f, form, ret, trouble) : letter_pdf(c->letter, f, ret, trouble);
}

int composer_compose(struct composer *c, const struct parcel *p, const struct document_form *form,
                     struct document *ret, struct outcome *trouble)
{
    CLEANUP(opened_release) struct opened opened = { { NULL } };
    char id[UUID_TEXT], message_id[UUID_TEXT + 1 + sizeof(c->domain)];
    struct filling f = { .event = p->event,
                         .kind = p->secret,
                         .delivery_id = uuid_format(&p->id, id),
                         .created = p->created,
                         .from = settings_text(c->settings, "email.from"),
                         .message_id = message_id };
    int r = open_parts(c, p, &opened, trouble);

    if (r != 0)
        return r;
    f.secret = opened.parts[p->secret];
    snprintf(message_id, sizeof(message_id), "%s@%s", id, c->domain);
    return compose(c, &f, &opened, form, ret, trouble);
}

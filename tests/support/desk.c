#include "desk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/file.h>
#include <pindispatch/json.h>
#include <pindispatch/settings.h>

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "stub desk: %s\n", what);
    abort();
}

static struct stub_desk *stub(struct desk *d)
{
    return (struct stub_desk *)d;
}

static void note(struct stub_desk *s, const char *word)
{
    size_t used = strlen(s->trail);
    snprintf(s->trail + used, sizeof(s->trail) - used, "%s ", word);
}

static struct parcel *desk_next(struct desk *d)
{
    struct stub_desk *s = stub(d);
    while (s->next < s->n && s->next < s->serve) {
        struct stub_parcel *p = s->parcels[s->next++];
        if (p->handed)
            continue;
        p->handed = true;
        note(s, "next");
        return &p->parcel;
    }
    return NULL;
}

static bool desk_wait(struct desk *d, int other, int64_t time)
{
    struct stub_desk *s = stub(d);
    (void)time;
    if (!s->on_wait)
        return false;
    note(s, "wait");
    return s->on_wait(s, other);
}

static int desk_compose(struct desk *d, const struct parcel *parcel, struct document *ret, struct outcome *trouble)
{
    struct stub_desk *s = stub(d);
    struct stub_parcel *p = (struct stub_parcel *)parcel;
    p->composed++;
    note(s, "compose");
    if (s->on_compose)
        s->on_compose(s, parcel);
    if (p->trouble.code[0]) {
        outcome_set(trouble, p->trouble.kind, p->trouble.code, "%s", p->trouble.reason);
        return 1;
    }
    *ret = DOCUMENT;
    ret->media_type = s->media_type;
    ret->pages = 1;
    snprintf(ret->template_hash, sizeof(ret->template_hash), "%064d", 0);
    snprintf(ret->sender, sizeof(ret->sender), "%s", s->sender);
    snprintf(ret->recipient, sizeof(ret->recipient), "%s", p->recipient ? p->recipient : s->recipient);
    return buffer_add(&ret->bytes, s->document, s->document_size);
}

static int desk_mark_all(struct desk *d, struct parcel *const *parcels, const json_t *const *evidence, size_t n)
{
    struct stub_desk *s = stub(d);
    s->mark_calls++;
    note(s, "mark");
    if (s->on_mark)
        s->on_mark(s, parcels, n);
    for (size_t i = 0; i < n; i++) {
        struct stub_parcel *p = (struct stub_parcel *)parcels[i];
        p->marked++;
        json_decref(p->mark);
        p->mark = evidence && evidence[i] ? json_deep_copy(evidence[i]) : NULL;
    }
    return s->mark_fails;
}

static int desk_mark(struct desk *d, const struct parcel *parcel, const json_t *evidence)
{
    struct parcel *p = (struct parcel *)parcel;
    return desk_mark_all(d, &p, &evidence, 1);
}

static int desk_begin(struct desk *d, const struct parcel *parcel)
{
    ((struct stub_parcel *)parcel)->begun++;
    note(stub(d), "begin");
    return 0;
}

static int desk_report(struct desk *d, struct parcel *parcel, const struct outcome *o)
{
    struct stub_desk *s = stub(d);
    struct stub_parcel *p = (struct stub_parcel *)parcel;
    note(s, "report");
    outcome_release(&p->outcome);
    p->outcome = *o;
    p->outcome.evidence = o->evidence ? json_deep_copy(o->evidence) : NULL;
    p->reported = true;
    p->reports++;
    return s->report_fails;
}

/* As the worker does it, without systemd: the whole file that the setting names, one final newline cut. */
static int desk_credential(struct desk *d, const char *name, const char *credential, struct secret **ret,
                           struct problem *p)
{
    (void)credential;
    const char *path = settings_text(stub(d)->own, name);
    struct buffer b = BUFFER(SECRET_MAX + 1);
    *ret = NULL;
    if (!path[0])
        return 0;
    int r = file_read(path, &b);
    if (r < 0)
        r = problem_set(p, "file", name, "The file cannot be read: %s.", strerror(-r));
    size_t size = buffer_size(&b);
    if (!r && size && buffer_bytes(&b)[size - 1] == '\n')
        size--;
    if (!r)
        r = secret_new(buffer_bytes(&b), size, ret);
    buffer_release(&b);
    return r;
}

static int desk_leftovers(struct desk *d, struct waiting *w, size_t n)
{
    struct stub_desk *s = (struct stub_desk *)d;

    s->leftovers_calls++;
    if (s->on_leftovers)
        s->on_leftovers(s, w, n);
    for (size_t i = 0; i < n; i++)
        w[i].left = s->left && uuid_equal(&w[i].job_uuid, s->left);
    return 0;
}

static int desk_findings(struct desk *d, const json_t *findings)
{
    struct stub_desk *s = stub(d);
    json_decref(s->findings);
    s->findings = json_deep_copy(findings);
    s->findings_calls++;
    return 0;
}

static void desk_deadline(struct desk *d, unsigned seconds)
{
    stub(d)->armed = seconds;
    stub(d)->deadline_calls++;
}

struct stub_desk *stub_desk_new(const struct setting *rows)
{
    static const char letter[] = "%PDF-1.4\n1 0 obj << /Type /Page >> endobj\n% a stub's letter\n";
    struct stub_desk *s = calloc(1, sizeof(*s));
    must(s, "no memory");
    const struct setting *schemas[] = { rows, NULL };
    must(settings_new(schemas, &s->own) == 0, "the schema's standard values are refused");
    s->desk = (struct desk){
        .settings = s->own,
        .clock = &clock_real,
        .next = desk_next,
        .wait = desk_wait,
        .compose = desk_compose,
        .mark = desk_mark,
        .mark_all = desk_mark_all,
        .begin = desk_begin,
        .report = desk_report,
        .credential = desk_credential,
        .findings = desk_findings,
        .leftovers = desk_leftovers,
        .deadline = desk_deadline,
    };
    s->serve = SIZE_MAX;
    s->document = letter;
    s->document_size = sizeof(letter) - 1;
    s->media_type = "application/pdf";
    s->sender = "pin@example.com";
    s->recipient = "holder@example.com";
    return s;
}

struct stub_desk *stub_desk_free(struct stub_desk *s)
{
    if (!s)
        return NULL;
    for (size_t i = 0; i < s->n; i++) {
        json_decref(s->parcels[i]->mark);
        outcome_release(&s->parcels[i]->outcome);
        parcel_release(&s->parcels[i]->parcel);
        free(s->parcels[i]);
    }
    json_decref(s->findings);
    settings_free(s->own);
    free(s);
    return NULL;
}

void stub_desk_set(struct stub_desk *s, const char *name, const char *value)
{
    struct problem p = { 0 };
    if (settings_set(s->own, name, value, &p) == 0)
        return;
    fprintf(stderr, "stub desk: %s = \"%s\": %s\n", name, value, p.message);
    abort();
}

struct stub_parcel *stub_desk_add(struct stub_desk *s, enum stage stage)
{
    static uint64_t last;
    must(s->n < STUB_PARCELS, "too many parcels");
    struct stub_parcel *p = calloc(1, sizeof(*p));
    must(p, "no memory");
    int64_t now = clock_now(&clock_real);
    p->parcel.id = uuid_v7(now, &last);
    p->parcel.job_uuid = p->parcel.id;
    p->parcel.copy = p->parcel.attempt = 1;
    p->parcel.stage = stage;
    p->parcel.stated = true;
    p->parcel.created = now;
    p->parcel.event = json_pack("{s:{s:{s:s}, s:{s:s, s:s}}}", "data", "card", "id", "C-1", "holder", "name",
                                "Test Holder", "email", "holder@example.com");
    must(p->parcel.event, "no memory");
    s->parcels[s->n++] = p;
    return p;
}

void stub_desk_again(struct stub_desk *s, struct stub_parcel *p, enum stage stage, json_t *evidence)
{
    json_t *copy = evidence ? json_deep_copy(evidence) : NULL;
    json_decref(p->parcel.evidence);
    p->parcel.evidence = copy;
    p->parcel.stage = stage;
    p->parcel.attempt++;
    p->handed = p->reported = false;
    s->next = 0;
}

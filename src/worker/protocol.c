#include <pindispatch/protocol.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/json_line.h>
#include <pindispatch/utf8.h>

static const char *const orders[] = {
    [ORDER_SETUP] = "setup",     [ORDER_DELIVER] = "deliver", [ORDER_PREPARE] = "prepare",
    [ORDER_CLAIMED] = "claimed", [ORDER_DROPPED] = "dropped", [ORDER_GO] = "go",
    [ORDER_STOP] = "stop",       [ORDER_TIDY] = "tidy",       [ORDER_CLEAR] = "clear",
    [ORDER_QUIT] = "quit",
};

static const char *const words[] = {
    [WORD_READY] = "ready",   [WORD_UNFIT] = "unfit",       [WORD_BEGIN] = "begin",
    [WORD_MARK] = "mark",     [WORD_OUTCOME] = "outcome",   [WORD_WAITING] = "waiting",
    [WORD_TIDIED] = "tidied", [WORD_FINDINGS] = "findings", [WORD_BYE] = "bye",
};

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -EINVAL;
}

static int read_id(const json_t *j, struct uuid *ret)
{
    const char *text = json_string_value(j);

    return text ? uuid_parse(text, ret) : -EINVAL;
}

static int take_text(char *to, size_t size, const char *from)
{
    if (!from || strlen(from) >= size)
        return -EINVAL;
    memcpy(to, from, strlen(from) + 1);
    return 0;
}

static int read_setup(const json_t *j, struct order *o)
{
    json_t *settings = json_object_get(j, "settings");

    if (!json_is_object(settings) || take_text(o->method, sizeof(o->method), json_text(j, "method")) < 0)
        return -EINVAL;
    o->settings = json_incref(settings);
    return 0;
}

static int read_ids(const json_t *j, struct order *o)
{
    const json_t *ids = json_object_get(j, "ids");

    if (!json_is_array(ids) || json_array_size(ids) > PROTOCOL_MARKS)
        return -EINVAL;
    for (; o->n_ids < json_array_size(ids); o->n_ids++)
        if (read_id(json_array_get(ids, o->n_ids), &o->ids[o->n_ids]) < 0)
            return -EINVAL;
    return 0;
}

static int read_left(const json_t *j, struct order *o)
{
    const json_t *left = json_object_get(j, "left");

    if (!json_is_array(left) || json_array_size(left) > ARRAY_SIZE(o->left))
        return -EINVAL;
    for (; o->n_left < json_array_size(left); o->n_left++) {
        if (!json_is_boolean(json_array_get(left, o->n_left)))
            return -EINVAL;
        o->left[o->n_left] = json_is_true(json_array_get(left, o->n_left));
    }
    return 0;
}

static int read_order(const json_t *j, struct order *o)
{
    int kind = find_name(orders, ARRAY_SIZE(orders), json_text(j, "do"));

    if (kind < 0)
        return kind;
    o->kind = (enum order_kind)kind;
    switch (o->kind) {
    case ORDER_SETUP:
        return read_setup(j, o);
    case ORDER_DELIVER:
    case ORDER_PREPARE:
        return parcel_from_json(json_object_get(j, "parcel"), &o->parcel);
    case ORDER_GO:
    case ORDER_STOP:
        return read_ids(j, o);
    case ORDER_CLEAR:
        return read_left(j, o);
    case ORDER_CLAIMED:
    case ORDER_DROPPED:
    case ORDER_TIDY:
    case ORDER_QUIT:
        break;
    }
    return 0;
}

int order_parse(const char *line, size_t size, struct order *ret)
{
    CLEANUP(json_cleanup) json_t *j = json_parse_line(line, size);
    struct order o = { .n_ids = 0 };
    int r = json_is_object(j) ? read_order(j, &o) : -EINVAL;

    if (r < 0) {
        order_release(&o);
        return r;
    }
    *ret = o;
    return 0;
}

void order_release(struct order *o)
{
    json_decref(o->settings);
    o->settings = NULL;
    parcel_release(&o->parcel);
}

static int read_mark(const json_t *j, struct word *w)
{
    json_t *evidence = json_object_get(j, "evidence");

    if (read_id(json_object_get(j, "id"), &w->marks[w->n_marks].id) < 0 || !evidence_is_valid(evidence))
        return -EINVAL;
    w->marks[w->n_marks++].evidence = json_incref(evidence);
    return 0;
}

static int read_marks(const json_t *j, struct word *w)
{
    const json_t *marks = json_object_get(j, "marks");

    if (json_array_size(marks) == 0 || json_array_size(marks) > PROTOCOL_MARKS)
        return -EINVAL;
    for (size_t i = 0; i < json_array_size(marks); i++)
        if (read_mark(json_array_get(marks, i), w) < 0)
            return -EINVAL;
    return 0;
}

static int read_outcome(const json_t *j, struct word *w)
{
    const char *hash = json_text(j, "template");
    int r = read_id(json_object_get(j, "id"), &w->id);

    if (r == 0 && hash)
        r = utf8_is_plain(hash) ? take_text(w->template_hash, sizeof(w->template_hash), hash) : -EINVAL;
    if (r == 0)
        r = outcome_from_json(json_object_get(j, "outcome"), &w->outcome);
    return r;
}

/* A code and a sentence, as in an outcome, of at most MOST bytes. */
static bool is_remark(const json_t *j, size_t most)
{
    const char *code = json_text(j, "code"), *reason = json_text(j, "reason");

    return code && outcome_code_is_valid(code) && reason && strlen(reason) <= most && utf8_is_plain(reason);
}

static int read_unfit(const json_t *j, struct word *w)
{
    if (!is_remark(j, sizeof(w->outcome.reason) - 1))
        return -EINVAL;
    outcome_set(&w->outcome, OUTCOME_DEFERRED, json_text(j, "code"), "%s", json_text(j, "reason"));
    return 0;
}

static int read_findings(const json_t *j, struct word *w)
{
    json_t *findings = json_object_get(j, "findings");

    if (!json_is_array(findings) || json_array_size(findings) > PROTOCOL_FINDINGS)
        return -EINVAL;
    for (size_t i = 0; i < json_array_size(findings); i++)
        if (json_object_size(json_array_get(findings, i)) != 2 ||
            !is_remark(json_array_get(findings, i), PROTOCOL_FINDING))
            return -EINVAL;
    w->findings = json_incref(findings);
    return 0;
}

static int read_one_waiting(const json_t *j, struct waiting *ret)
{
    const json_t *job = json_object_get(j, "job");

    if (read_id(json_object_get(j, "id"), &ret->id) < 0 ||
        read_id(json_object_get(j, "job_uuid"), &ret->job_uuid) < 0 || !json_is_integer(job) ||
        json_integer_value(job) <= 0 || json_integer_value(job) > INT_MAX)
        return -EINVAL;
    ret->job = (int)json_integer_value(job);
    return 0;
}

static int read_waiting(const json_t *j, struct word *w)
{
    const json_t *jobs = json_object_get(j, "jobs");

    if (!json_is_array(jobs) || json_array_size(jobs) > ARRAY_SIZE(w->waiting))
        return -EINVAL;
    for (; w->n_waiting < json_array_size(jobs); w->n_waiting++)
        if (read_one_waiting(json_array_get(jobs, w->n_waiting), &w->waiting[w->n_waiting]) < 0)
            return -EINVAL;
    return 0;
}

static int read_tidied(const json_t *j, struct word *w)
{
    const json_t *clean = json_object_get(j, "clean");

    w->clean = json_is_true(clean);
    return json_is_boolean(clean) ? 0 : -EINVAL;
}

static int read_word(const json_t *j, struct word *w)
{
    int kind = find_name(words, ARRAY_SIZE(words), json_text(j, "say"));

    if (kind < 0)
        return kind;
    w->kind = (enum word_kind)kind;
    switch (w->kind) {
    case WORD_UNFIT:
        return read_unfit(j, w);
    case WORD_BEGIN:
        return read_id(json_object_get(j, "id"), &w->id);
    case WORD_MARK:
        return read_marks(j, w);
    case WORD_OUTCOME:
        return read_outcome(j, w);
    case WORD_WAITING:
        return read_waiting(j, w);
    case WORD_TIDIED:
        return read_tidied(j, w);
    case WORD_FINDINGS:
        return read_findings(j, w);
    case WORD_READY:
    case WORD_BYE:
        break;
    }
    return 0;
}

int word_parse(const char *line, size_t size, struct word *ret)
{
    CLEANUP(json_cleanup) json_t *j = json_parse_line(line, size);
    struct word w = { .n_marks = 0 };
    int r = json_is_object(j) ? read_word(j, &w) : -EINVAL;

    if (r < 0) {
        word_release(&w);
        return r;
    }
    *ret = w;
    return 0;
}

void word_release(struct word *w)
{
    outcome_release(&w->outcome);
    json_decref(w->findings);
    w->findings = NULL;
    for (size_t i = 0; i < w->n_marks; i++)
        json_decref(w->marks[i].evidence);
    w->n_marks = 0;
}

/* Takes J over. */
static int add(struct buffer *b, json_t *j)
{
    int r = json_add_line(b, j);

    json_decref(j);
    return r;
}

int order_add_setup(struct buffer *b, const char *method, const json_t *settings)
{
    return add(
        b, json_pack("{s:s, s:s, s:O}", "do", orders[ORDER_SETUP], "method", method, "settings", (json_t *)settings));
}

int order_add_parcel(struct buffer *b, enum order_kind kind, const struct parcel *p, const char *event,
                     const char *evidence)
{
    struct json_line l;

    json_line_begin(&l, b);
    json_line_text(&l, "do", orders[kind]);
    parcel_write(&l, "parcel", p, event, evidence);
    return json_line_end(&l);
}

int order_add_ids(struct buffer *b, enum order_kind kind, const struct uuid *ids, size_t n)
{
    CLEANUP(json_cleanup) json_t *list = json_array();
    char text[UUID_TEXT];

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_string(uuid_format(&ids[i], text))) < 0)
            return -ENOMEM;
    return add(b, json_pack("{s:s, s:O}", "do", orders[kind], "ids", list));
}

int order_add_clear(struct buffer *b, const struct waiting *w, size_t n)
{
    CLEANUP(json_cleanup) json_t *left = json_array();

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(left, json_boolean(w[i].left)) < 0)
            return -ENOMEM;
    return add(b, json_pack("{s:s, s:O}", "do", orders[ORDER_CLEAR], "left", left));
}

int order_add_plain(struct buffer *b, enum order_kind kind)
{
    return add(b, json_pack("{s:s}", "do", orders[kind]));
}

int word_add_plain(struct buffer *b, enum word_kind kind)
{
    return add(b, json_pack("{s:s}", "say", words[kind]));
}

int word_add_unfit(struct buffer *b, const char *code, const char *reason)
{
    struct outcome o = { .code = "" };

    outcome_set(&o, OUTCOME_DEFERRED, code, "%s", reason);
    return add(b, json_pack("{s:s, s:s, s:s}", "say", words[WORD_UNFIT], "code", o.code, "reason", o.reason));
}

int word_add_begin(struct buffer *b, const struct uuid *id)
{
    struct json_line l;
    char text[UUID_TEXT];

    json_line_begin(&l, b);
    json_line_text(&l, "say", words[WORD_BEGIN]);
    json_line_text(&l, "id", uuid_format(id, text));
    return json_line_end(&l);
}

static json_t *mark_to_json(const struct parcel *p, const json_t *evidence)
{
    char text[UUID_TEXT];

    return json_pack("{s:s, s:O*}", "id", uuid_format(&p->id, text), "evidence",
                     evidence_is_valid(evidence) ? (json_t *)evidence : NULL);
}

int word_add_mark(struct buffer *b, struct parcel *const *p, const json_t *const *evidence, size_t n)
{
    CLEANUP(json_cleanup) json_t *marks = json_array();

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(marks, mark_to_json(p[i], evidence ? evidence[i] : NULL)) < 0)
            return -ENOMEM;
    return add(b, json_pack("{s:s, s:O}", "say", words[WORD_MARK], "marks", marks));
}

static json_t *waiting_to_json(const struct waiting *w)
{
    char id[UUID_TEXT], job_uuid[UUID_TEXT];

    return json_pack("{s:s, s:s, s:i}", "id", uuid_format(&w->id, id), "job_uuid",
                     uuid_format(&w->job_uuid, job_uuid), "job", w->job);
}

int word_add_waiting(struct buffer *b, const struct waiting *w, size_t n)
{
    CLEANUP(json_cleanup) json_t *jobs = json_array();

    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(jobs, waiting_to_json(&w[i])) < 0)
            return -ENOMEM;
    return add(b, json_pack("{s:s, s:O}", "say", words[WORD_WAITING], "jobs", jobs));
}

int word_add_tidied(struct buffer *b, bool clean)
{
    return add(b, json_pack("{s:s, s:b}", "say", words[WORD_TIDIED], "clean", clean));
}

int word_add_findings(struct buffer *b, const json_t *findings)
{
    return add(b, json_pack("{s:s, s:O}", "say", words[WORD_FINDINGS], "findings", (json_t *)findings));
}

int word_add_outcome(struct buffer *b, const struct uuid *id, const struct outcome *o, const char *template_hash)
{
    char text[UUID_TEXT];
    json_t *outcome = outcome_to_json(o);

    if (!outcome)
        return -ENOMEM;
    return add(b, json_pack("{s:s, s:s, s:s*, s:o}", "say", words[WORD_OUTCOME], "id", uuid_format(id, text),
                            "template", template_hash && *template_hash ? template_hash : NULL, "outcome", outcome));
}

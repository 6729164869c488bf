#include <pindispatch/parcel.h>

#include <errno.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/json_line.h>

void parcel_release(struct parcel *p)
{
    json_decref(p->event);
    json_decref(p->evidence);
    free(p->sealed);
    *p = (struct parcel){ .event = NULL };
}

void parcel_write(struct json_line *l, const char *key, const struct parcel *p, const char *event,
                  const char *evidence)
{
    char id[UUID_TEXT], job[UUID_TEXT];

    json_line_open(l, key, '{');
    json_line_text(l, "id", uuid_format(&p->id, id));
    json_line_text(l, "job_uuid", uuid_format(&p->job_uuid, job));
    json_line_number(l, "copy", p->copy);
    json_line_number(l, "attempt", p->attempt);
    json_line_text(l, "secret", secret_kind_name(p->secret));
    json_line_text(l, "stage", stage_name(p->stage));
    json_line_flag(l, "stated", p->stated);
    json_line_flag(l, "withdraw", p->withdraw);
    json_line_number(l, "created", p->created);
    json_line_text(l, "sealed", p->sealed);
    json_line_value(l, "event", event);
    json_line_value(l, "evidence", evidence);
    json_line_close(l, '}');
}

static int read_id(const json_t *j, const char *key, struct uuid *ret)
{
    const char *text = json_text(j, key);

    return text ? uuid_parse(text, ret) : -EINVAL;
}

static int read_words(const json_t *j, struct parcel *p)
{
    const char *secret = json_text(j, "secret"), *stage = json_text(j, "stage");
    json_int_t copy = json_number(j, "copy", 0), attempt = json_number(j, "attempt", 0);

    if (!secret || !stage || secret_kind_parse(secret, &p->secret) < 0 || stage_parse(stage, &p->stage) < 0)
        return -EINVAL;
    if (copy < 1 || copy > UINT32_MAX || attempt < 0 || attempt > UINT32_MAX)
        return -EINVAL;
    p->copy = (unsigned)copy;
    p->attempt = (unsigned)attempt;
    p->created = json_number(j, "created", 0);
    p->stated = json_is_true(json_object_get(j, "stated"));
    p->withdraw = json_is_true(json_object_get(j, "withdraw"));
    return 0;
}

int parcel_from_json(const json_t *j, struct parcel *ret)
{
    json_t *event = json_object_get(j, "event"), *evidence = json_object_get(j, "evidence");
    const char *sealed = json_text(j, "sealed");
    struct parcel p = { 0 };

    if (read_id(j, "id", &p.id) < 0 || read_id(j, "job_uuid", &p.job_uuid) < 0 || read_words(j, &p) < 0)
        return -EINVAL;
    if ((event && !json_is_object(event)) || (evidence && !json_is_object(evidence)))
        return -EINVAL;
    if (sealed && !(p.sealed = strdup(sealed)))
        return -ENOMEM;
    p.event = json_incref(event);
    p.evidence = json_incref(evidence);
    *ret = p;
    return 0;
}

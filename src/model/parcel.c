#include <pindispatch/parcel.h>

#include <errno.h>
#include <string.h>

#include <pindispatch/json.h>

void parcel_release(struct parcel *p)
{
    json_decref(p->event);
    json_decref(p->evidence);
    free(p->sealed);
    *p = (struct parcel){ .event = NULL };
}

json_t *parcel_to_json(const struct parcel *p)
{
    char id[UUID_TEXT], job[UUID_TEXT];
    CLEANUP(json_cleanup)
    json_t *j =
        json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:b, s:b, s:I}", "id", uuid_format(&p->id, id), "job_uuid",
                  uuid_format(&p->job_uuid, job), "copy", (json_int_t)p->copy, "attempt", (json_int_t)p->attempt,
                  "secret", secret_kind_name(p->secret), "stage", stage_name(p->stage), "stated", p->stated,
                  "withdraw", p->withdraw, "created", (json_int_t)p->created);

    if (!j || json_put_text(j, "sealed", p->sealed) < 0)
        return NULL;
    return TAKE(j);
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

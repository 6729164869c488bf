/* A parcel: one delivery as a worker gets it. */
#ifndef PINDISPATCH_PARCEL_H
#define PINDISPATCH_PARCEL_H

#include <pindispatch/cleanup.h>
#include <pindispatch/delivery.h>
#include <pindispatch/uuid.h>

#include <jansson.h>
#include <stdint.h>

struct json_line;

struct parcel {
    struct uuid id;       /* the delivery's */
    struct uuid job_uuid; /* this copy's: the first copy has the delivery's own id, a new copy a new one */
    unsigned copy;        /* 1, 2 … */
    unsigned attempt;     /* 1, 2 … */
    enum secret_kind secret;
    enum stage stage; /* how far earlier attempts had come: what to look for first */
    bool withdraw;    /* spooled: an operator wants it back, as long as it is not being printed */
    bool stated;      /* the event said that it brings this secret; else its absence is no failure */
    int64_t created;  /* when the event was accepted, microseconds since 1970 */
    json_t *event;    /* the event's body without secrets, owned */
    char *sealed;     /* JWE compact, owned; NULL when stage is STAGE_SPOOLED */
    json_t *evidence; /* what the last attempt left (a job id …), owned; may be NULL */
};

void parcel_release(struct parcel *p);
/* As the member KEY of L, with the texts of EVENT and EVIDENCE (NULL: left out) instead of what is in P. */
void parcel_write(struct json_line *l, const char *key, const struct parcel *p, const char *event,
                  const char *evidence);
int parcel_from_json(const json_t *j, struct parcel *ret); /* 0, -EINVAL, -ENOMEM; whole or not at all */

#endif

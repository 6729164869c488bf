/* Something that waits at the destination under our name, ready to be sent by whoever made it. */
#ifndef PINDISPATCH_WAITING_H
#define PINDISPATCH_WAITING_H

#include <pindispatch/uuid.h>

#include <stdbool.h>

enum { WAITING_MOST = 64 };

struct waiting {
    struct uuid id;       /* the delivery's */
    struct uuid job_uuid; /* the copy's */
    int job;              /* the destination's own number */
    bool left;            /* it is nobody's any more: see struct desk's leftovers */
};

#endif

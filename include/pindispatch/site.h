/* The site: what the dispatcher's rooms share. The daemon owns it and changes settings, key and generation at a
 * reload, between two turns of the loop; rooms read it each time and keep no copy. */
#ifndef PINDISPATCH_SITE_H
#define PINDISPATCH_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct clock;
struct commit;
struct seal_ring;
struct settings;
struct store;

struct site {
    sd_event *loop;
    const struct clock *clock;
    struct store *store;
    struct commit *commit;
    const struct settings *settings;
    const struct seal_ring *keys; /* public parts only: they can close, never open */
    uint64_t generation;          /* of the configuration; grows by one with each reload that took */
    bool dry_run;
    bool patient; /* the clock went far ahead: for a while nothing ends by its age */
};

#endif

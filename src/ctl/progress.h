/* A line on a terminal's standard error that tells how far something is. Elsewhere all of it does nothing. */
#ifndef PINDISPATCH_CTL_PROGRESS_H
#define PINDISPATCH_CTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool enabled;
    bool drawn;
    int64_t began, last; /* monotonic */
};

struct progress_now {
    const char *what;     /* "submitted", "settled" */
    uint64_t done, total; /* of the bar; total 0: not known, no bar */
    uint64_t count;       /* events or deliveries */
    uint64_t bad;         /* rejected, failed */
};

void progress_begin(struct progress *p, bool wanted);
/* Draws at most ten times a second. */
void progress_draw(struct progress *p, const struct progress_now *now);
/* Takes the line away, so that other text can be written. */
void progress_clear(struct progress *p);

#endif

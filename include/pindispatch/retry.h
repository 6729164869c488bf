/* The retry law: exponential backoff with full jitter. */
#ifndef PINDISPATCH_RETRY_H
#define PINDISPATCH_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry_law {
    int64_t first;         /* microseconds before the second attempt, at most */
    double factor;         /* >= 1 */
    int64_t most;          /* no wait is longer */
    int64_t give_up_after; /* after acceptance; 0: never */
};

/* The longest wait after ATTEMPTS (>= 1): first * factor^(ATTEMPTS - 1), at most `most`. */
int64_t retry_bound(const struct retry_law *law, unsigned attempts);
/* The wait before the next attempt, after ATTEMPTS (>= 1) were made: full jitter, that is uniform in [0,
 * retry_bound()]. CHANCE is a uniform random number. */
int64_t retry_wait(const struct retry_law *law, unsigned attempts, uint64_t chance);
/* Is it time to give up a delivery accepted at CREATED? */
bool retry_is_over(const struct retry_law *law, int64_t created, int64_t now);

#endif

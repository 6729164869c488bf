/* Time and chance come in as arguments, so that tests can choose them. */
#ifndef PINDISPATCH_CLOCK_H
#define PINDISPATCH_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define MICROSECONDS_PER_SECOND      INT64_C(1000000)
#define MICROSECONDS_PER_MILLISECOND INT64_C(1000)

struct clock {
    int64_t (*now)(const struct clock *c); /* microseconds since 1970-01-01T00:00:00Z */
};

/* The machine's wall clock. */
extern const struct clock clock_real;
int64_t clock_now(const struct clock *c);
/* Microseconds that never go back; the start is arbitrary. */
int64_t clock_monotonic(void);

enum { CLOCK_TEXT = 32 };
/* RFC 3339 in UTC with milliseconds: "2026-11-22T10:00:00.000Z". Returns TEXT. */
char *clock_format(int64_t microseconds, char text[CLOCK_TEXT]);
/* An RFC 3339 date-time with any offset. 0, or -EINVAL. */
int clock_parse(const char *text, int64_t *ret_microseconds);

/* Bytes from the kernel's generator. Never fails: without random bytes the process ends. */
void random_bytes(void *p, size_t size);

#endif

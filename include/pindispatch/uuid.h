/* UUIDs (RFC 9562). Deliveries use version 7, whose first 60 free bits this process makes strictly
 * increasing: 48 bits of milliseconds and a 12-bit counter (method 1 of RFC 9562 section 6.2). */
#ifndef PINDISPATCH_UUID_H
#define PINDISPATCH_UUID_H

#include <stdbool.h>
#include <stdint.h>

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT = 37 }; /* with the NUL */

/* LAST is the order of the newest id given out (0 at first) and is moved on; it survives a clock that
 * goes back. NOW is in microseconds. */
struct uuid uuid_v7(int64_t now, uint64_t *last);
/* The ordered 60 bits of a version 7 UUID: milliseconds << 12 | counter. */
uint64_t uuid_order(const struct uuid *u);

char *uuid_format(const struct uuid *u, char text[UUID_TEXT]); /* lower case; returns TEXT */
int uuid_parse(const char *text, struct uuid *ret);            /* 0, or -EINVAL */
bool uuid_equal(const struct uuid *a, const struct uuid *b);

#endif

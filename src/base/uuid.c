#include <pindispatch/uuid.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/clock.h>

enum { COUNTER_BITS = 12 };

static struct uuid from_order(uint64_t order)
{
    uint64_t milliseconds = order >> COUNTER_BITS;
    struct uuid u;

    random_bytes(u.bytes, sizeof(u.bytes));
    for (int i = 0; i < 6; i++)
        u.bytes[i] = (uint8_t)(milliseconds >> (40 - 8 * i));
    u.bytes[6] = (uint8_t)(0x70 | (order >> 8 & 0x0f));
    u.bytes[7] = (uint8_t)order;
    u.bytes[8] = (uint8_t)(0x80 | (u.bytes[8] & 0x3f));
    return u;
}

struct uuid uuid_v7(int64_t now, uint64_t *last)
{
    uint64_t order = (uint64_t)(now / MICROSECONDS_PER_MILLISECOND) << COUNTER_BITS;

    if (order <= *last)
        order = *last + 1;
    *last = order;
    return from_order(order);
}

uint64_t uuid_order(const struct uuid *u)
{
    uint64_t milliseconds = 0;

    for (int i = 0; i < 6; i++)
        milliseconds = milliseconds << 8 | u->bytes[i];
    return milliseconds << COUNTER_BITS | (uint64_t)(u->bytes[6] & 0x0f) << 8 | u->bytes[7];
}

char *uuid_format(const struct uuid *u, char text[UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[u->bytes[i] >> 4];
        *at++ = digits[u->bytes[i] & 0x0f];
    }
    *at = '\0';
    return text;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int uuid_parse(const char *text, struct uuid *ret)
{
    struct uuid u;

    if (strlen(text) != UUID_TEXT - 1)
        return -EINVAL;
    for (int i = 0; i < 16; i++) {
        int high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return -EINVAL;
        high = hex_value(text[0]);
        low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0)
            return -EINVAL;
        u.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    *ret = u;
    return 0;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

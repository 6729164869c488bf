#include "bidi.h"

#include <glib.h>

#include <pindispatch/cleanup.h>

/* Blocks of scripts written from right to left, and the signs of direction. */
static const struct {
    gunichar first, last;
} turning[] = {
    { 0x0590, 0x08ff }, { 0x200e, 0x200f }, { 0x202a, 0x202e },   { 0x2066, 0x2069 },
    { 0xfb1d, 0xfdff }, { 0xfe70, 0xfefe }, { 0x10800, 0x10fff }, { 0x1e800, 0x1efff },
};

static bool turns(gunichar c)
{
    for (size_t i = 0; i < ARRAY_SIZE(turning); i++)
        if (c >= turning[i].first && c <= turning[i].last)
            return true;
    return false;
}

bool bidi_turns(const char *bytes, size_t size)
{
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        /* Everything before U+0590 begins with a smaller byte. */
        if ((unsigned char)*at < 0xd6) {
            at++;
            continue;
        }
        if (turns(g_utf8_get_char_validated(at, end - at)))
            return true;
        at++;
    }
    return false;
}

size_t bidi_control(const char *at, size_t size)
{
    unsigned char second, third;

    if (size < 3 || (unsigned char)at[0] != 0xe2)
        return 0;
    second = (unsigned char)at[1];
    third = (unsigned char)at[2];
    if (second == 0x80)
        return third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae) ? 3 : 0;
    return second == 0x81 && third >= 0xa6 && third <= 0xa9 ? 3 : 0;
}

const char *bidi_opening(const char *secret, size_t size)
{
    return bidi_turns(secret, size) ? BIDI_RIGHT_TO_LEFT : BIDI_LEFT_TO_RIGHT;
}

bool bidi_is_steady(const char *bytes, size_t size, bool beside)
{
    size_t digits = 0, letters = 0;

    for (size_t i = 0; i < size; i++) {
        digits += g_ascii_isdigit(bytes[i]);
        letters += g_ascii_isalpha(bytes[i]);
    }
    return digits == size || letters == size || (!beside && digits + letters == size);
}

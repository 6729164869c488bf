#include "base64url.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_encode(const uint8_t *bytes, size_t size, char *text)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 6; bits -= 6)
            text[n++] = digits[held >> (bits - 6) & 63];
    }
    if (bits > 0)
        text[n++] = digits[held << (6 - bits) & 63];
    text[n] = '\0';
    return n;
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(const char *text, size_t length, uint8_t *bytes, size_t most, size_t *ret_size)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t n = 0;

    if (length % 4 == 1)
        return -EINVAL;
    if (length / 4 * 3 + (length % 4 * 3) / 4 > most)
        return -ENOBUFS;
    for (size_t i = 0; i < length; i++) {
        int value = digit_value(text[i]);

        if (value < 0)
            return -EINVAL;
        held = held << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[n++] = (uint8_t)(held >> bits);
        }
    }
    /* What is left over must be zero, else two texts would mean the same bytes. */
    if (held & ((1U << bits) - 1))
        return -EINVAL;
    *ret_size = n;
    return 0;
}

int base64url_decode_exactly(const char *text, uint8_t *bytes, size_t size)
{
    size_t got;

    if (!text || strlen(text) != BASE64URL_LENGTH(size))
        return -EINVAL;
    return base64url_decode(text, strlen(text), bytes, size, &got) == 0 ? 0 : -EINVAL;
}

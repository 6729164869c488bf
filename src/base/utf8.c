#include <pindispatch/utf8.h>

#include <stdio.h>
#include <string.h>

/* How many bytes the character that begins with FIRST has; 0: none begins so. */
static unsigned length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* No character in more bytes than it needs, no surrogate, nothing beyond the last one (RFC 3629). */
static int is_allowed(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return 1;
    }
}

/* How many bytes at AT are good, up to N, the length of the character that should be there. */
static unsigned count_good(const unsigned char *at, unsigned n)
{
    unsigned good = 1;

    while (good < n && (at[good] & 0xc0) == 0x80 && (good > 1 || is_allowed(at[0], at[1])))
        good++;
    return good;
}

void utf8_repair(char *text)
{
    unsigned char *at = (unsigned char *)text;

    while (*at) {
        unsigned n = length_of(*at), good = n ? count_good(at, n) : 0;

        if (good == n && n > 0) {
            at += n;
        } else if (good > 0 && at[good] == '\0') {
            *at = '\0';
        } else {
            *at++ = '?';
        }
    }
}

void utf8_copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
    utf8_repair(to);
}

static bool is_control(const char *at)
{
    unsigned char first = (unsigned char)at[0];

    return first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)at[1] < 0xa0);
}

bool utf8_is_plain(const char *text)
{
    for (const char *at = text; *at;) {
        unsigned n = length_of((unsigned char)*at);

        if (n == 0 || count_good((const unsigned char *)at, n) < n || is_control(at))
            return false;
        at += n;
    }
    return true;
}

void utf8_make_plain(char *text)
{
    utf8_repair(text);
    for (char *at = text; *at; at += length_of((unsigned char)*at))
        if (is_control(at))
            memset(at, ' ', length_of((unsigned char)*at));
}

size_t utf8_mark_size(const char *bytes, size_t size)
{
    static const char mark[] = { '\xef', '\xbb', '\xbf' };

    return size >= sizeof(mark) && memcmp(bytes, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}

#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include <pindispatch/clock.h>

bool show_has_colours(void)
{
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return !(no && no[0]) && isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

const char *show_begin(enum show_colour colour)
{
    static const char *const escapes[] = {
        [SHOW_PLAIN] = "\033[0m",   [SHOW_BOLD] = "\033[1m",   [SHOW_GREEN] = "\033[32m",
        [SHOW_YELLOW] = "\033[33m", [SHOW_RED] = "\033[1;31m", [SHOW_DIM] = "\033[2m"
    };

    return show_has_colours() ? escapes[colour] : "";
}

enum show_colour show_state_colour(const char *state)
{
    static const struct {
        const char *state;
        enum show_colour colour;
    } colours[] = {
        { "delivered", SHOW_GREEN }, { "nopin", SHOW_GREEN },   { "dry-run", SHOW_GREEN },
        { "deferred", SHOW_YELLOW }, { "held", SHOW_YELLOW },   { "failed", SHOW_RED },
        { "in-doubt", SHOW_RED },    { "cancelled", SHOW_DIM }, { "expired", SHOW_DIM },
    };

    for (size_t i = 0; state && i < sizeof(colours) / sizeof(colours[0]); i++)
        if (strcmp(colours[i].state, state) == 0)
            return colours[i].colour;
    return SHOW_PLAIN;
}

char *show_clean(const char *text)
{
    char *clean = strdup(text);
    unsigned char *c = (unsigned char *)clean;

    for (; c && *c; c++) {
        /* C1 controls are two bytes in UTF-8: C2 80 … C2 9F. */
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            c[0] = c[1] = '?';
    }
    return clean;
}

int show_width(const char *text)
{
    wchar_t wide[256];
    size_t n = mbstowcs(wide, text, 255);
    int width;

    if (n == (size_t)-1)
        return (int)strlen(text);
    wide[n < 255 ? n : 255] = L'\0';
    width = wcswidth(wide, 255);
    return width >= 0 ? width : (int)n;
}

int64_t show_moment(const json_t *time)
{
    int64_t moment = 0;

    if (json_is_integer(time))
        return json_integer_value(time);
    if (!json_is_string(time) || clock_parse(json_string_value(time), &moment) < 0)
        return 0;
    return moment;
}

char *show_time(const json_t *time, char text[SHOW_TIME])
{
    int64_t moment = show_moment(time);
    time_t seconds = (time_t)(moment / MICROSECONDS_PER_SECOND);
    struct tm local;

    if (moment == 0 || !localtime_r(&seconds, &local) || strftime(text, SHOW_TIME, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(text, SHOW_TIME, "-");
    return text;
}

char *show_span(int64_t microseconds, char text[SHOW_SPAN])
{
    long long s = microseconds > 0 ? microseconds / MICROSECONDS_PER_SECOND : 0;

    if (s >= 86400)
        snprintf(text, SHOW_SPAN, "%lld d %lld h", s / 86400, s % 86400 / 3600);
    else if (s >= 3600)
        snprintf(text, SHOW_SPAN, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        snprintf(text, SHOW_SPAN, "%lld min", s / 60);
    else
        snprintf(text, SHOW_SPAN, "%lld s", s);
    return text;
}

void show_json(const json_t *j)
{
    json_dumpf(j, stdout, JSON_COMPACT);
    putchar('\n');
}

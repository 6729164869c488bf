#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/clock.h>

enum { BAR = 30, DRAWS_A_SECOND = 10 };

void progress_begin(struct progress *p, bool wanted)
{
    const char *terminal = getenv("TERM");
    bool dumb = !terminal || strcmp(terminal, "dumb") == 0;

    *p = (struct progress){ .enabled = wanted && !dumb && isatty(STDERR_FILENO), .began = clock_monotonic() };
}

static void draw_bar(uint64_t done, uint64_t total)
{
    int filled = total > 0 ? (int)(done * BAR / total) : 0;

    if (total == 0)
        return;
    if (filled > BAR)
        filled = BAR;
    fprintf(stderr, "[%.*s%*s] %3u %%  ", filled, "##############################", BAR - filled, "",
            (unsigned)(done >= total ? 100 : done * 100 / total));
}

void progress_draw(struct progress *p, const struct progress_now *now)
{
    int64_t t;
    double seconds;

    if (!p->enabled)
        return;
    t = clock_monotonic();
    if (t - p->last < MICROSECONDS_PER_SECOND / DRAWS_A_SECOND)
        return;
    seconds = (double)(t - p->began) / (double)MICROSECONDS_PER_SECOND;
    fputs("\r\033[K", stderr);
    draw_bar(now->done, now->total);
    fprintf(stderr, "%llu %s", (unsigned long long)now->count, now->what);
    if (seconds > 0.5)
        fprintf(stderr, ", %.0f/s", (double)now->count / seconds);
    if (now->bad > 0)
        fprintf(stderr, ", %llu not well", (unsigned long long)now->bad);
    fflush(stderr);
    p->drawn = true;
    p->last = t;
}

void progress_clear(struct progress *p)
{
    if (!p->enabled || !p->drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->drawn = false;
}

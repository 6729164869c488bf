/* Interposed on a server: its wall clock is $SKEW_SECONDS ahead of everybody else's (or behind, when negative). */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define REAL(f) ((__typeof__(&(f)))dlsym(RTLD_NEXT, #f))

static long skew(void)
{
    const char *text = getenv("SKEW_SECONDS");
    return text ? atol(text) : 0;
}

time_t time(time_t *t)
{
    time_t now = REAL(time)(NULL) + skew();
    if (t)
        *t = now;
    return now;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    int r = REAL(gettimeofday)(t, zone);
    if (r == 0)
        t->tv_sec += skew();
    return r;
}

int clock_gettime(clockid_t which, struct timespec *t)
{
    int r = REAL(clock_gettime)(which, t);
    if (r == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        t->tv_sec += skew();
    return r;
}

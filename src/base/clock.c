#include <pindispatch/clock.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * MICROSECONDS_PER_SECOND + t.tv_nsec / 1000;
}

static int64_t real_now(const struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

const struct clock clock_real = { .now = real_now };

int64_t clock_now(const struct clock *c)
{
    return c->now(c);
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

char *clock_format(int64_t microseconds, char text[CLOCK_TEXT])
{
    time_t seconds = (time_t)(microseconds / MICROSECONDS_PER_SECOND);
    int milliseconds = (int)(microseconds % MICROSECONDS_PER_SECOND / MICROSECONDS_PER_MILLISECOND);
    struct tm t = { 0 };
    size_t n;

    if (milliseconds < 0) {
        milliseconds += 1000;
        seconds--;
    }
    gmtime_r(&seconds, &t);
    n = strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(text + n, CLOCK_TEXT - n, ".%03uZ", (unsigned)milliseconds % 1000);
    return text;
}

/* Exactly N digits at *P. */
static int take_digits(const char **p, int n, int *ret)
{
    *ret = 0;
    for (; n > 0; n--, (*p)++) {
        if (**p < '0' || **p > '9')
            return -EINVAL;
        *ret = *ret * 10 + (**p - '0');
    }
    return 0;
}

static int take_char(const char **p, const char *allowed)
{
    for (; *allowed; allowed++) {
        if (**p == *allowed) {
            (*p)++;
            return 0;
        }
    }
    return -EINVAL;
}

static int take_fraction(const char **p, int64_t *ret_microseconds)
{
    int64_t unit = MICROSECONDS_PER_SECOND / 10;

    *ret_microseconds = 0;
    if (**p != '.')
        return 0;
    (*p)++;
    if (**p < '0' || **p > '9')
        return -EINVAL;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *ret_microseconds += (**p - '0') * unit;
    return 0;
}

/* "Z", "+02:00", "-05:30" as seconds. */
static int take_offset(const char **p, int *ret_seconds)
{
    int sign = **p == '-' ? -1 : 1, hours, minutes;

    *ret_seconds = 0;
    if (take_char(p, "Zz") == 0)
        return 0;
    if (take_char(p, "+-") < 0 || take_digits(p, 2, &hours) < 0 || take_char(p, ":") < 0 ||
        take_digits(p, 2, &minutes) < 0 || hours > 23 || minutes > 59)
        return -EINVAL;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return 0;
}

static int take_date_time(const char **p, struct tm *t)
{
    if (take_digits(p, 4, &t->tm_year) < 0 || take_char(p, "-") < 0 || take_digits(p, 2, &t->tm_mon) < 0 ||
        take_char(p, "-") < 0 || take_digits(p, 2, &t->tm_mday) < 0 || take_char(p, "Tt") < 0 ||
        take_digits(p, 2, &t->tm_hour) < 0 || take_char(p, ":") < 0 || take_digits(p, 2, &t->tm_min) < 0 ||
        take_char(p, ":") < 0 || take_digits(p, 2, &t->tm_sec) < 0)
        return -EINVAL;
    if (t->tm_mon < 1 || t->tm_mon > 12 || t->tm_mday < 1 || t->tm_hour > 23 || t->tm_min > 59 || t->tm_sec > 60)
        return -EINVAL;
    t->tm_year -= 1900;
    t->tm_mon -= 1;
    return 0;
}

int clock_parse(const char *text, int64_t *ret_microseconds)
{
    struct tm t = { 0 }, given;
    int64_t fraction;
    int offset;
    time_t seconds;

    if (take_date_time(&text, &t) < 0 || take_fraction(&text, &fraction) < 0 || take_offset(&text, &offset) < 0 ||
        *text != '\0')
        return -EINVAL;
    given = t;
    seconds = timegm(&t);
    /* timegm() turns 30 February into March; a leap second may turn over. */
    if (given.tm_sec < 60 && (t.tm_mday != given.tm_mday || t.tm_mon != given.tm_mon))
        return -EINVAL;
    *ret_microseconds = ((int64_t)seconds - offset) * MICROSECONDS_PER_SECOND + fraction;
    return 0;
}

void random_bytes(void *p, size_t size)
{
    char *at = p;

    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        at += n;
        size -= (size_t)n;
    }
}

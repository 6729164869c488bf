#include "language.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>
#include <pindispatch/file.h>

DEFINE_CLEANUP(DIR, dir_close, if (*p) closedir)

static bool is_tag(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    if (n < 2 || n > 8 || strlen(name) >= LANGUAGE_TAG)
        return false;
    for (const char *c = name + n; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            return false;
    return name[n] == '\0' || name[n] == '-' || name[n] == '_';
}

static int holds(const char *dir, const char *tag, const char *const *files)
{
    CLEANUP(free_cleanup) char *folder = path_join(dir, tag);

    for (; *files; files++) {
        CLEANUP(free_cleanup) char *path = folder ? path_join(folder, *files) : NULL;

        if (!path)
            return -ENOMEM;
        if (access(path, F_OK) == 0)
            return 1;
    }
    return 0;
}

int language_each(const char *dir, const char *const *files, int (*each)(void *userdata, const char *tag),
                  void *userdata)
{
    CLEANUP(dir_close_cleanup) DIR *d = opendir(dir);
    struct dirent *entry;
    int r;

    if (!d)
        return -errno;
    r = each(userdata, "");
    while (r == 0 && (entry = readdir(d)) != NULL) {
        r = is_tag(entry->d_name) ? holds(dir, entry->d_name, files) : 0;
        if (r > 0)
            r = each(userdata, entry->d_name);
    }
    return r;
}

static bool same(char a, char b)
{
    if (a == '_')
        a = '-';
    if (b == '_')
        b = '-';
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned language_fit(const char *tag, const char *locale)
{
    size_t n = strlen(tag);

    if (n == 0)
        return 1;
    if (!locale || strlen(locale) < n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!same(tag[i], locale[i]))
            return 0;
    return locale[n] == '\0' || same(locale[n], '-') ? (unsigned)n + 1 : 0;
}

size_t language_best(const void *tagged, size_t size, size_t n, const char *locale)
{
    size_t best = 0;
    unsigned best_fit = 1;

    for (size_t i = 1; i < n; i++) {
        unsigned fit = language_fit((const char *)tagged + i * size, locale);

        if (fit > best_fit) {
            best = i;
            best_fit = fit;
        }
    }
    return best;
}

/* The C library knows these forms only for locales that happen to be installed, and a letter's language is the
 * holder's, not the machine's. */
static const struct calendar {
    const char *language;
    const char *after_day;
    const char *months[12];
} calendars[] = {
    { "en",
      " ",
      { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December" } },
    { "sv",
      " ",
      { "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november",
        "december" } },
    { "de",
      ". ",
      { "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember" } },
};

static const struct calendar *find_calendar(const char *tag)
{
    const char *locale = tag[0] == '\0' ? "en" : tag; /* the default templates are English */

    for (size_t i = 0; i < ARRAY_SIZE(calendars); i++)
        if (language_fit(calendars[i].language, locale) > 0)
            return &calendars[i];
    return NULL;
}

char *language_date(const char *tag, int64_t microseconds, char text[LANGUAGE_DATE])
{
    const struct calendar *c = find_calendar(tag);
    time_t seconds = (time_t)(microseconds / MICROSECONDS_PER_SECOND);
    struct tm tm;

    if (!localtime_r(&seconds, &tm))
        memset(&tm, 0, sizeof(tm));
    if (c)
        snprintf(text, LANGUAGE_DATE, "%d%s%s %d", tm.tm_mday, c->after_day, c->months[tm.tm_mon], tm.tm_year + 1900);
    else
        snprintf(text, LANGUAGE_DATE, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    return text;
}

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

void language_header(const char *text, char tag[LANGUAGE_TAG])
{
    const char quote = *text == '"' || *text == '\'' ? *text++ : '\0';
    size_t n = 0;

    while (n + 1 < LANGUAGE_TAG && (isalnum((unsigned char)text[n]) || text[n] == '-' || text[n] == '_')) {
        tag[n] = text[n];
        if (tag[n] == '_')
            tag[n] = '-';
        n++;
    }
    tag[n] = '\0';
    if (!is_tag(tag) || (quote && text[n] != quote) || (!quote && text[n] && !strchr(" />", text[n])))
        tag[0] = '\0';
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
 * holder's, not the machine's. Digits are those of the card reader's keys in all languages. */
static const struct words {
    const char *language;
    const char *first_day; /* how the first of a month is written; NULL: as the others */
    const char *after_day, *after_month;
    const char *months[12]; /* NULL: year, month and day as numbers, each with its sign */
    const char *digits[10];
    const char *test; /* what a test is marked with */
} languages[] = {
    { "en",
      NULL,
      " ",
      " ",
      { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December" },
      { "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine" },
      "TEST" },
    { "sv",
      NULL,
      " ",
      " ",
      { "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november",
        "december" },
      { "noll", "ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio" },
      "TEST" },
    { "de",
      NULL,
      ". ",
      " ",
      { "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember" },
      { "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun" },
      "TEST" },
    { "fr",
      "1er",
      " ",
      " ",
      { "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
        "décembre" },
      { "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf" },
      "ESSAI" },
    { "es",
      NULL,
      " de ",
      " de ",
      { "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
        "noviembre", "diciembre" },
      { "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve" },
      "PRUEBA" },
    { "ar",
      NULL,
      " ",
      " ",
      { "يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر",
        "ديسمبر" },
      { "صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة" },
      "اختبار" },
    { "ja",
      NULL,
      "",
      "",
      { NULL },
      { "ゼロ", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう" },
      "テスト" },
};

static const struct words *find_words(const char *tag)
{
    const char *locale = tag[0] == '\0' ? "en" : tag; /* the default templates are English */

    for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
        if (language_fit(languages[i].language, locale) > 0)
            return &languages[i];
    return NULL;
}

bool language_is_known(const char *tag)
{
    return find_words(tag) != NULL;
}

const char *language_digit(const char *tag, char digit)
{
    const struct words *w = find_words(tag);

    return w && digit >= '0' && digit <= '9' ? w->digits[digit - '0'] : NULL;
}

const char *language_test(const char *tag)
{
    const struct words *w = find_words(tag);

    return w ? w->test : languages[0].test;
}

static void write_date(const struct words *w, const struct tm *tm, char text[LANGUAGE_DATE])
{
    char day[16];

    snprintf(day, sizeof(day), "%d", tm->tm_mday);
    if (!w->months[0])
        snprintf(text, LANGUAGE_DATE, "%d年%d月%s日", tm->tm_year + 1900, tm->tm_mon + 1, day);
    else
        snprintf(text, LANGUAGE_DATE, "%s%s%s%s%d", tm->tm_mday == 1 && w->first_day ? w->first_day : day,
                 w->after_day, w->months[tm->tm_mon], w->after_month, tm->tm_year + 1900);
}

char *language_date(const char *tag, int64_t microseconds, char text[LANGUAGE_DATE])
{
    const struct words *w = find_words(tag);
    time_t seconds = (time_t)(microseconds / MICROSECONDS_PER_SECOND);
    struct tm tm;

    if (!localtime_r(&seconds, &tm))
        memset(&tm, 0, sizeof(tm));
    if (w)
        write_date(w, &tm, text);
    else
        snprintf(text, LANGUAGE_DATE, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    return text;
}

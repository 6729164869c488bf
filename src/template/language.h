/* The languages of a template: the default lies in the folder itself, "sv" in its folder sv/, and so on. */
#ifndef TEMPLATE_LANGUAGE_H
#define TEMPLATE_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LANGUAGE_TAG = 36, /* bytes of a tag with its NUL */
    LANGUAGES_MOST = 64,
    LANGUAGE_DATE = 64,
};

/* Calls EACH for the default ("") and for each folder of DIR whose name is a language tag and that holds one of FILES
 * (ends with NULL). Stops at and returns a non-zero value. -errno when DIR cannot be read. */
int language_each(const char *dir, const char *const *files, int (*each)(void *userdata, const char *tag),
                  void *userdata);

/* The tag at TEXT, which may be quoted, as headers write it ("pt-BR"); "" when it is none. */
void language_header(const char *text, char tag[LANGUAGE_TAG]);

/* How well a template in TAG serves a holder of LOCALE (which may be NULL): 0 not at all; more is better.
 * "sv-SE" is served by sv-SE, then sv, then the default. */
unsigned language_fit(const char *tag, const char *locale);
/* The index of the tag that fits best among N structs of SIZE bytes that begin with their tag; the first is the
 * default. */
size_t language_best(const void *tagged, size_t size, size_t n, const char *locale);

/* The local date as it is written in letters of that language: "22 November 2026", "22. November 2026"; for languages
 * that are not known here, and for "iso", 2026-11-22. Returns TEXT. */
char *language_date(const char *tag, int64_t microseconds, char text[LANGUAGE_DATE]);

/* Are there dates and digits in words of that language? */
bool language_is_known(const char *tag);
/* "four" for '4'; NULL for what is no digit, or where the language is not known. */
const char *language_digit(const char *tag, char digit);
/* The word that marks a test: "TEST", "PRUEBA". */
const char *language_test(const char *tag);

#endif

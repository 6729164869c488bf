/* The forms that texts of an event must have. Pure; ASCII letters whatever the locale. */
#ifndef PINDISPATCH_MODEL_FORM_H
#define PINDISPATCH_MODEL_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* TEXT is known to be UTF-8. Something to see, and no characters that break a line, turn the reading order of a
 * letter around (a name must not make the text after it read backwards), or that XML cannot hold. */
bool form_is_clean(const char *text);
/* The characters of RFC 3986 and whole percent escapes; what it refers to is the issuer's affair. */
bool form_is_uri(const char *text);
/* "application/json" in any case, with or without parameters. */
bool form_is_json(const char *text);
/* The form of a BCP 47 tag: a language of 2 to 8 letters, then subtags of 1 to 8 letters and digits. */
bool form_is_locale(const char *text);
/* Printable ASCII without the space. */
bool form_is_secret(const char *text);
/* Base64url and dots, of which a JWE in compact form consists. */
bool form_is_compact(const char *text);
/* PEM (RFC 7468), or base64 alone: their characters. */
bool form_is_certificate(const char *text);
/* A CloudEvents attribute's name (section 3.1): 1 to 20 lower-case letters and digits. */
bool form_is_attribute(const char *text);
/* Does this JSON nest deeper than MOST? Counted before the parser, whose every level is a call. */
bool form_is_deep(const char *json, size_t size, unsigned most);

#endif

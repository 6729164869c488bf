/* Text that runs from right to left, and what keeps the words around it from moving what is within a value. */
#ifndef TEMPLATE_BIDI_H
#define TEMPLATE_BIDI_H

#include <stdbool.h>
#include <stddef.h>

/* The isolates of Unicode (UAX 9), each three bytes in UTF-8. */
#define BIDI_LEFT_TO_RIGHT "\u2066"
#define BIDI_RIGHT_TO_LEFT "\u2067"
#define BIDI_FIRST_STRONG  "\u2068"
#define BIDI_END           "\u2069"
/* A sign without a width that counts as a letter from left to right. */
#define BIDI_LEFT_MARK     "\u200e"

/* Does it hold a character by which the order on a line can differ from the order of its characters? */
bool bidi_turns(const char *bytes, size_t size);

/* The bytes of the invisible sign of direction at AT; 0: there is none. */
size_t bidi_control(const char *at, size_t size);

/* What a secret in this form begins with: words of a language that is written from right to left run so. */
const char *bidi_opening(const char *secret, size_t size);

/* Is it the same wherever it stands: digits or Latin letters; both only where nothing BESIDE it turns? */
bool bidi_is_steady(const char *bytes, size_t size, bool beside);

#endif

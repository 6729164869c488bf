/* Text that came from elsewhere, or was cut to fit, made fit for JSON. */
#ifndef PINDISPATCH_UTF8_H
#define PINDISPATCH_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Makes TEXT valid UTF-8 in place: a character that is cut at the end goes, each other byte that belongs to none
 * becomes "?". It does not grow. */
void utf8_repair(char *text);
/* Copies FROM into TO (of SIZE bytes), cut to fit between two characters, and repaired. */
void utf8_copy(char *to, size_t size, const char *from);
/* Is TEXT valid UTF-8 without control characters (C0, DEL, C1)? */
bool utf8_is_plain(const char *text);
/* Makes it so: repairs it, and a space takes the place of each control character's byte. */
void utf8_make_plain(char *text);
/* How many bytes a byte order mark (U+FEFF) takes at the front of BYTES; 0: there is none. Some editors put it there,
 * and nobody sees it. */
size_t utf8_mark_size(const char *bytes, size_t size);

#endif

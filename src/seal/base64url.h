/* Base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strictly: one text for each run of bytes.
 * OpenSSL's coder takes the other alphabet, padding, blanks and leftover bits, so that one JWE would have many
 * spellings; hence this one. */
#ifndef PINDISPATCH_SEAL_BASE64URL_H
#define PINDISPATCH_SEAL_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

/* Characters that SIZE bytes become, without and with the final NUL. */
#define BASE64URL_LENGTH(size) (((size)*4 + 2) / 3)
#define BASE64URL_TEXT(size)   (BASE64URL_LENGTH(size) + 1)

/* TEXT has room for BASE64URL_TEXT(size). Returns the number of characters. */
size_t base64url_encode(const uint8_t *bytes, size_t size, char *text);

/* Decodes LENGTH characters into at most MOST bytes. 0, -EINVAL, -ENOBUFS. */
int base64url_decode(const char *text, size_t length, uint8_t *bytes, size_t most, size_t *ret_size);
/* The same for exactly SIZE bytes; anything else is -EINVAL. TEXT may be NULL (-EINVAL). */
int base64url_decode_exactly(const char *text, uint8_t *bytes, size_t size);

#endif

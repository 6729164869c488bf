/* What a fuzzer sends over a wire of lines. */
#ifndef FUZZ_SENT_H
#define FUZZ_SENT_H

#include <pindispatch/buffer.h>

/* Lines in B; bytes behind the last newline are one too. */
static inline size_t count_lines(const struct buffer *b)
{
    const char *bytes = buffer_size(b) ? buffer_bytes(b) : "";
    size_t n = buffer_size(b) && bytes[buffer_size(b) - 1] != '\n';

    for (size_t i = 0; i < buffer_size(b); i++)
        n += bytes[i] == '\n';
    return n;
}

#endif

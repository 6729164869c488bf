/* A growable run of bytes with its most stated at birth; wiped whenever memory is let go. */
#ifndef PINDISPATCH_BUFFER_H
#define PINDISPATCH_BUFFER_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data; /* owned; the live bytes are data[begin .. end) */
    size_t begin;
    size_t end;
    size_t capacity;
    size_t most; /* live bytes, never more */
};

#define BUFFER(most_bytes) ((struct buffer){ .most = (most_bytes) })

/* All return 0, -ENOMEM, or -ENOBUFS when the bytes would exceed the buffer's most (nothing is added then). */
int buffer_reserve(struct buffer *b, size_t size); /* room for SIZE more bytes at data + end */
int buffer_add(struct buffer *b, const void *bytes, size_t size);
int buffer_add_text(struct buffer *b, const char *text);
int buffer_addf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline size_t buffer_size(const struct buffer *b)
{
    return b->end - b->begin;
}
static inline char *buffer_bytes(const struct buffer *b)
{
    return b->data + b->begin;
}

/* A NUL after the live bytes (not counted), so that buffer_bytes() is a string. */
int buffer_terminate(struct buffer *b);
/* Forgets the first SIZE live bytes and wipes them. */
void buffer_drop(struct buffer *b, size_t size);
/* Keeps the first SIZE live bytes, no more than there are, and wipes the others. */
void buffer_cut(struct buffer *b, size_t size);
void buffer_clear(struct buffer *b);
/* Wipes and frees; B is empty again and keeps its most. */
void buffer_release(struct buffer *b);

#endif

#include <pindispatch/buffer.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/secret.h>

enum { FIRST_CAPACITY = 512 };

/* realloc() would leave the old bytes behind, so that growing is: new memory, copy, wipe, free. */
static int grow(struct buffer *b, size_t capacity)
{
    char *data = malloc(capacity);
    size_t size = buffer_size(b);

    if (!data)
        return -ENOMEM;
    if (size > 0)
        memcpy(data, b->data + b->begin, size);
    if (b->data)
        secret_wipe(b->data, b->capacity);
    free(b->data);
    b->data = data;
    b->capacity = capacity;
    b->begin = 0;
    b->end = size;
    return 0;
}

static void move_to_front(struct buffer *b)
{
    size_t size = buffer_size(b);

    memmove(b->data, b->data + b->begin, size);
    secret_wipe(b->data + size, b->end - size);
    b->begin = 0;
    b->end = size;
}

int buffer_reserve(struct buffer *b, size_t size)
{
    size_t live = buffer_size(b);
    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;

    if (size > b->most || live > b->most - size)
        return -ENOBUFS;
    /* One byte more than the live ones is always there for a NUL. */
    if (b->data && b->capacity - b->end > size)
        return 0;
    /* Moving pays only when it frees at least as much as it moves. */
    if (b->data && b->capacity - live > size && b->begin >= live) {
        move_to_front(b);
        return 0;
    }
    while (capacity - live <= size)
        capacity *= 2;
    return grow(b, capacity);
}

int buffer_add(struct buffer *b, const void *bytes, size_t size)
{
    int r = buffer_reserve(b, size);

    if (r < 0)
        return r;
    if (size > 0)
        memcpy(b->data + b->end, bytes, size);
    b->end += size;
    return 0;
}

int buffer_add_text(struct buffer *b, const char *text)
{
    return buffer_add(b, text, strlen(text));
}

int buffer_addf(struct buffer *b, const char *format, ...)
{
    va_list args, again;
    int size, r = -EINVAL;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size >= 0)
        r = buffer_reserve(b, (size_t)size);
    if (r == 0) {
        vsnprintf(b->data + b->end, (size_t)size + 1, format, again);
        b->end += (size_t)size;
    }
    va_end(again);
    return r;
}

int buffer_terminate(struct buffer *b)
{
    int r = buffer_reserve(b, 0);

    if (r == 0)
        b->data[b->end] = '\0';
    return r;
}

void buffer_drop(struct buffer *b, size_t size)
{
    if (size == 0)
        return;
    secret_wipe(b->data + b->begin, size);
    b->begin += size;
    if (b->begin == b->end)
        b->begin = b->end = 0;
}

void buffer_cut(struct buffer *b, size_t size)
{
    if (size == buffer_size(b))
        return;
    secret_wipe(b->data + b->begin + size, buffer_size(b) - size);
    b->end = b->begin + size;
}

void buffer_clear(struct buffer *b)
{
    buffer_drop(b, buffer_size(b));
}

void buffer_release(struct buffer *b)
{
    if (b->data)
        secret_wipe(b->data, b->capacity);
    free(b->data);
    *b = BUFFER(b->most);
}

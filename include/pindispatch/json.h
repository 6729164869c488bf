/* What this project adds to jansson: short getters, lines. */
#ifndef PINDISPATCH_JSON_H
#define PINDISPATCH_JSON_H

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>

#include <jansson.h>

static inline json_t *json_free(json_t *j)
{
    json_decref(j);
    return NULL;
}
DEFINE_CLEANUP(json_t, json, json_free)

/* The member's string, or NULL when there is none or it is not a string. Borrowed. */
const char *json_text(const json_t *object, const char *key);
/* The member's integer, or OTHERWISE. */
json_int_t json_number(const json_t *object, const char *key, json_int_t otherwise);
/* Sets KEY to TEXT; a NULL or invalid text is left out. 0 or -ENOMEM. */
int json_put_text(json_t *object, const char *key, const char *text);
/* One compact line with a final newline. 0, -ENOMEM, -ENOBUFS. */
int json_add_line(struct buffer *b, const json_t *j);
/* Compact text with sorted keys, malloc()ed. NULL: J is NULL, or out of memory. */
char *json_to_text(const json_t *j);
/* A line of JSON with nothing after it; duplicate keys are refused. NULL when it is not that. */
json_t *json_parse_line(const char *line, size_t size);

#endif

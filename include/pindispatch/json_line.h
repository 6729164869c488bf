/* A line of JSON (RFC 8259) written member by member: for what goes out all the time, where a tree that is built only
 * to be written costs more than the writing. */
#ifndef PINDISPATCH_JSON_LINE_H
#define PINDISPATCH_JSON_LINE_H

#include <pindispatch/buffer.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_line {
    struct buffer *buffer;
    size_t before; /* bytes in it when the line began */
    int error;     /* the first; from then on nothing is added */
    bool follows;  /* a member or an item is there already: a comma comes first */
};

/* A line of one object, at the end of B. */
void json_line_begin(struct json_line *l, struct buffer *b);

/* KEY, of plain ASCII, is borrowed for the call; NULL: an item of a list. TEXT NULL: the member is left out. What is
 * not UTF-8 becomes U+FFFD. */
void json_line_text(struct json_line *l, const char *key, const char *text);
void json_line_number(struct json_line *l, const char *key, int64_t number);
void json_line_flag(struct json_line *l, const char *key, bool flag);
/* JSON is a value's own text; NULL: left out. */
void json_line_value(struct json_line *l, const char *key, const char *json);

/* BRACKET: '{' or '[', and the other one at its end. */
void json_line_open(struct json_line *l, const char *key, char bracket);
void json_line_close(struct json_line *l, char bracket);

/* Ends the object and the line. 0, -ENOMEM, -ENOBUFS: then the buffer is as it was. */
int json_line_end(struct json_line *l);

#endif

/* The tokens of a configuration file. libconfig 1.5 parses the file; this scanner is ours because libconfig keeps
 * neither comments nor layout (the edit in place needs them) and is silent about what trap.c looks for. It takes
 * tokens for what libconfig takes them. */
#ifndef PINDISPATCH_CONFIG_SCAN_H
#define PINDISPATCH_CONFIG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,    /* also true and false */
    TOKEN_EQUALS,  /* "=" or ":" */
    TOKEN_STRING,  /* with its quotes */
    TOKEN_INTEGER, /* also hexadecimal, with or without L */
    TOKEN_FLOAT,
    TOKEN_OPEN,  /* { [ ( */
    TOKEN_CLOSE, /* } ] ) */
    TOKEN_SEPARATOR,
    TOKEN_INCLUDE,      /* the directive; begin..end is its file name with the quotes */
    TOKEN_OPEN_STRING,  /* its line ends before it does; the scan goes on after the line */
    TOKEN_OPEN_COMMENT, /* the file ends within it */
    TOKEN_OPEN_LINE,    /* a comment on a last line without newline, which libconfig takes for a syntax error */
    TOKEN_OTHER,
};

struct token {
    enum token_kind kind;
    const char *begin, *end;
    unsigned line;
};

struct scan {
    const char *at, *end, *line_begin;
    unsigned line;
};

void scan_begin(struct scan *s, const char *text, size_t size);
void scan_next(struct scan *s, struct token *t);

bool token_is(const struct token *t, const char *text);
/* Can a value begin with it? */
bool token_is_value(const struct token *t);

#endif

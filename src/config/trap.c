#include "trap.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <pindispatch/file.h>
#include <pindispatch/utf8.h>

#include "problems.h"
#include "scan.h"

enum {
    INCLUDES_MOST = 64, /* in all; libconfig itself bounds the depth to 10 */
    NUMBER_MOST = 64,   /* characters of a number */
};

/* One check over all files. */
struct search {
    struct config_problems *problems;
    const char *folder;
    unsigned includes;
};

/* One file. */
struct place {
    struct search *search;
    const char *file;
    struct token name, previous; /* name: of the setting whose value is looked at */
    unsigned depth, open_line;
};

static int check_file(struct search *s, const char *file);

static int report(struct place *p, unsigned line, const char *code, const char *message)
{
    return problems_add(p->search->problems, p->file, line, code, "%s", message);
}

int trap_read(const char *file, struct buffer *text)
{
    int r = file_read(file, text);

    /* libconfig takes a comment on a last line without newline for a syntax error. */
    if (r == 0 && (buffer_size(text) == 0 || text->data[text->end - 1] != '\n'))
        r = buffer_add(text, "\n", 1);
    return r < 0 ? r : buffer_terminate(text);
}

/* libconfig keeps 32 bits of a number without L and the nearest of 64 bits with it. */
static bool fits(const struct token *t)
{
    char number[NUMBER_MOST] = "";
    size_t size = (size_t)(t->end - t->begin);
    bool is_long = t->end[-1] == 'L';
    long long value;

    if (size >= sizeof(number))
        return false;
    memcpy(number, t->begin, size);
    errno = 0;
    value = strtoll(number, NULL, strpbrk(number, "xX") ? 16 : 10);
    return errno == 0 && (is_long || (value >= INT32_MIN && value <= INT32_MAX));
}

static int report_value(struct place *p, const struct token *t)
{
    int size = (int)(p->name.end - p->name.begin);
    bool bare = t->line == p->previous.line && (t->kind == TOKEN_NAME || t->kind == TOKEN_OTHER);

    return problems_add(p->search->problems, p->file, p->previous.line, bare ? "type" : "syntax",
                        bare ? "%.*s: a text must be in double quotes" : "%.*s has no value", size,
                        size ? p->name.begin : "");
}

static int include_error(struct place *p, unsigned line, int error)
{
    return problems_add(p->search->problems, p->file, line, "unreadable", "cannot read the file to include: %s",
                        strerror(-error));
}

static int check_include(struct place *p, const struct token *t)
{
    CLEANUP(free_cleanup) char *name = strndup(t->begin + 1, (size_t)(t->end - t->begin) - 2);
    CLEANUP(free_cleanup) char *path = name ? path_join(p->search->folder, name) : NULL;
    int r;

    if (!path)
        return -ENOMEM;
    if (strpbrk(name, "/\\") || !*name)
        return report(p, t->line, "include", "only a file in the same folder can be included: give its plain name");
    if (p->search->includes++ >= INCLUDES_MOST)
        return p->search->includes > INCLUDES_MOST + 1
                   ? 0
                   : report(p, t->line, "include", "too many files are included (does one include itself?)");
    r = check_file(p->search, path);
    return r == 0 || r == -ENOMEM ? r : include_error(p, t->line, r);
}

static int check_brackets(struct place *p, const struct token *t)
{
    if (t->kind == TOKEN_OPEN && p->depth++ == 0)
        p->open_line = t->line;
    if (t->kind == TOKEN_CLOSE && p->depth > 0)
        p->depth--;
    if (t->kind == TOKEN_END && p->depth > 0)
        return report(p, p->open_line, "syntax", "this bracket is never closed");
    return 0;
}

static int check_kind(struct place *p, const struct token *t)
{
    switch (t->kind) {
    case TOKEN_OPEN_STRING:
        return report(p, t->line, "syntax", "a text must end on its line: the closing quote is missing");
    case TOKEN_OPEN_COMMENT:
        return report(p, t->line, "syntax", "this comment is never closed");
    case TOKEN_OPEN_LINE:
        return report(p, t->line, "syntax", "the last line of an included file needs a newline");
    case TOKEN_INTEGER:
        return fits(t) ? 0 : report(p, t->line, "range", "this number is too large");
    case TOKEN_STRING:
        return p->previous.kind != TOKEN_STRING
                   ? 0
                   : report(p, t->line, "syntax", "two texts in a row: a comma or semicolon is missing before this");
    case TOKEN_INCLUDE:
        return check_include(p, t);
    default:
        return check_brackets(p, t);
    }
}

static int check_token(struct place *p, const struct token *t)
{
    int r = 0;

    if (p->previous.kind == TOKEN_EQUALS && !token_is_value(t))
        r = report_value(p, t);
    if (r == 0)
        r = check_kind(p, t);
    if (t->kind == TOKEN_NAME)
        p->name = *t;
    p->previous = *t;
    return r;
}

static int check_text(struct search *s, const char *file, const char *text, size_t size)
{
    struct token t = { .kind = TOKEN_SEPARATOR };
    struct place p = { .search = s, .file = file, .previous = t };
    struct scan scan;
    size_t mark = utf8_mark_size(text, size);
    int r = 0;

    if (mark)
        r = report(&p, 1, "syntax", "the file begins with a byte order mark: save it as plain UTF-8");
    text += mark;
    size -= mark;
    if (r == 0 && memchr(text, '\0', size))
        r = problems_add(s->problems, file, 0, "characters", "the file has NUL bytes in it");
    scan_begin(&scan, text, size);
    while (r == 0 && t.kind != TOKEN_END && t.kind != TOKEN_OPEN_COMMENT && t.kind != TOKEN_OPEN_LINE) {
        scan_next(&scan, &t);
        r = check_token(&p, &t);
    }
    return r;
}

/* An included file as libconfig will read it: nothing is added to its end. 0, -errno. */
static int check_file(struct search *s, const char *file)
{
    struct buffer text = BUFFER(CONFIG_MOST);
    int r = file_read(file, &text);

    if (r == 0 && buffer_size(&text) > 0)
        r = check_text(s, file, buffer_bytes(&text), buffer_size(&text));
    buffer_release(&text);
    return r;
}

int trap_check(const char *file, const struct buffer *text, const char *folder, struct config_problems *problems)
{
    struct search s = { .problems = problems, .folder = folder };

    return check_text(&s, file, buffer_bytes(text), buffer_size(text));
}

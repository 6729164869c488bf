#include <pindispatch/config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include <pindispatch/file.h>

#include "problems.h"
#include "scan.h"
#include "trap.h"
#include "tree.h"

enum { FILE_MODE = 0644 }; /* nothing secret is in it; an existing file keeps its own mode */

/* Where a value stands in the text; begin is NULL when the setting is not there. */
struct span {
    const char *begin, *end;
    unsigned line;
};

/* An edit in progress. */
struct edit {
    const char *file, *name, *value;
    char *folder;
    struct buffer before, after;
};

static void edit_release(struct edit *e)
{
    free(e->folder);
    buffer_release(&e->before);
    buffer_release(&e->after);
}

static int refuse(const struct edit *e, unsigned line, struct problem *p, const char *code, const char *message)
{
    struct problem own;

    p = p ? p : &own;
    problem_set(p, code, NULL, "%s", message);
    problem_locate(p, e->file, line);
    return 1;
}

/* The next token that belongs to the value which begins with T: several texts in a row are one value. */
static void take_value(struct scan *s, struct token *t, struct span *ret)
{
    *ret = (struct span){ .begin = t->begin, .end = t->end, .line = t->line };
    if (t->kind != TOKEN_STRING)
        return;
    for (scan_next(s, t); t->kind == TOKEN_STRING; scan_next(s, t))
        ret->end = t->end;
}

/* The value of the top-level setting NAME. 0; 1 when it is a group or list, which this is not for. */
static int find_value(const struct edit *e, struct span *ret)
{
    struct token t = { .kind = TOKEN_SEPARATOR }, previous;
    unsigned depth = 0;
    struct scan s;

    scan_begin(&s, buffer_bytes(&e->before), buffer_size(&e->before));
    while (t.kind != TOKEN_END) {
        previous = t;
        scan_next(&s, &t);
        depth += t.kind == TOKEN_OPEN;
        depth -= t.kind == TOKEN_CLOSE && depth > 0;
        if (depth > 0 || t.kind != TOKEN_EQUALS || previous.kind != TOKEN_NAME || !token_is(&previous, e->name))
            continue;
        scan_next(&s, &t);
        if (t.kind == TOKEN_OPEN)
            return 1;
        take_value(&s, &t, ret);
        return 0;
    }
    return 0;
}

static int add_quoted(struct buffer *b, const char *value)
{
    int r = buffer_add_text(b, "\"");

    for (; r == 0 && *value; value++) {
        if (*value == '"' || *value == '\\')
            r = buffer_add_text(b, "\\");
        if (r == 0)
            r = buffer_add(b, value, 1);
    }
    return r < 0 ? r : buffer_add_text(b, "\"");
}

static int replace(struct edit *e, const struct span *at)
{
    const char *text = buffer_bytes(&e->before);
    int r = buffer_add(&e->after, text, (size_t)(at->begin - text));

    if (r == 0)
        r = add_quoted(&e->after, e->value);
    if (r == 0)
        r = buffer_add(&e->after, at->end, (size_t)(text + buffer_size(&e->before) - at->end));
    return r;
}

static int append(struct edit *e)
{
    int r = buffer_add(&e->after, buffer_bytes(&e->before), buffer_size(&e->before));

    if (r == 0)
        r = buffer_addf(&e->after, "%s = ", e->name);
    if (r == 0)
        r = add_quoted(&e->after, e->value);
    return r < 0 ? r : buffer_add_text(&e->after, "\n");
}

/* Does the text as edited say what it should? 0; 1 with P; -ENOMEM. */
static int verify_tree(struct edit *e, config_t *c, struct config_problems *problems, struct problem *p)
{
    int r = trap_check(e->file, &e->after, e->folder, problems);
    const config_setting_t *s;
    const char *value;

    if (r == 0 && problems->n == 0)
        r = tree_read(c, e->file, e->folder, &e->after, problems);
    if (r < 0)
        return r;
    if (problems->n > 0) {
        if (p)
            *p = problems->items[0];
        return 1;
    }
    s = config_setting_get_member(config_root_setting(c), e->name);
    value = s ? config_setting_get_string(s) : NULL;
    return value && strcmp(value, e->value) == 0 ? 0 : refuse(e, 0, p, "syntax", "the file cannot be edited");
}

static int verify(struct edit *e, struct problem *p)
{
    struct config_problems problems = { 0 };
    config_t c;
    int r;

    config_init(&c);
    r = buffer_terminate(&e->after);
    if (r == 0)
        r = verify_tree(e, &c, &problems, p);
    config_destroy(&c);
    config_problems_release(&problems);
    return r;
}

/* Where the setting stands when it is not in this file but in one that this includes. */
static int find_included(struct edit *e, config_t *c, struct problem *p)
{
    struct config_problems problems = { 0 };
    const config_setting_t *s = NULL;
    struct tree_place at;
    int r = tree_read(c, e->file, e->folder, &e->before, &problems);

    config_problems_release(&problems);
    if (r == 0)
        s = config_setting_get_member(config_root_setting(c), e->name);
    if (!s)
        return r < 0 ? r : 0;
    problem_set(p, "include", NULL, "%s is set in an included file: change it there", e->name);
    tree_locate(s, e->file, e->folder, &at);
    if (p)
        problem_locate(p, at.file, at.line);
    return 1;
}

static int refuse_included(struct edit *e, struct problem *p)
{
    config_t c;
    int r;

    config_init(&c);
    r = find_included(e, &c, p);
    config_destroy(&c);
    return r;
}

static int edit(struct edit *e, struct problem *p)
{
    struct span at = { 0 };
    int r = trap_read(e->file, &e->before);

    if (r < 0)
        return r;
    if (find_value(e, &at) > 0)
        return refuse(e, 0, p, "type", "the setting is a group or a list there, not a text");
    if (!at.begin)
        r = refuse_included(e, p);
    if (r == 0)
        r = at.begin ? replace(e, &at) : append(e);
    return r == 0 ? verify(e, p) : r;
}

static int check_value(const struct edit *e, struct problem *p)
{
    for (const char *c = e->value; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return refuse(e, 0, p, "characters", "the value has a control character in it");
    }
    return 0;
}

int config_set_text(const char *file, const char *name, const char *value, struct problem *p)
{
    /* A file that is reached by a symbolic link is edited where it is; the link stays. */
    CLEANUP(free_cleanup) char *path = realpath(file, NULL);
    struct edit e = { .file = file, .name = name, .value = value };
    int r;

    if (!path)
        return -errno;
    e.before = BUFFER(CONFIG_MOST + 2);
    e.after = BUFFER(CONFIG_MOST + 2);
    e.folder = path_folder(file);
    r = e.folder ? check_value(&e, p) : -ENOMEM;
    if (r == 0)
        r = edit(&e, p);
    if (r == 0)
        r = file_replace(path, buffer_bytes(&e.after), buffer_size(&e.after), FILE_MODE);
    edit_release(&e);
    return r;
}

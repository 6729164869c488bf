#include "program.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 96 };

static const struct mustache_name *find_row(const struct mustache_name *names, const char *name)
{
    for (; names->name; names++)
        if (strcmp(names->name, name) == 0)
            return names;
    return NULL;
}

/* The sections around an op, the innermost last. */
struct around {
    const struct op *sections[MUSTACHE_DEPTH];
    unsigned depth;
};

static void leave_sections(struct around *a, size_t at)
{
    while (a->depth > 0 && a->sections[a->depth - 1]->next <= at)
        a->depth--;
}

/* As the renderer looks: the innermost section's values first, the outermost last. */
static const struct mustache_name *resolve(const struct mustache_source *s, const struct around *a, const char *name)
{
    for (unsigned i = a->depth; i-- > 0;) {
        const struct op *section = a->sections[i];
        char full[2 * NAME_BYTES];
        const struct mustache_name *row;

        if (section->kind != OP_SECTION || !section->name || section->name->type != MUSTACHE_OBJECT)
            continue;
        snprintf(full, sizeof(full), "%s.%s", section->name->name, name);
        row = find_row(s->names, full);
        if (row)
            return row;
    }
    return find_row(s->names, name);
}

/* "." is the innermost section's value, where that is one text or a list of texts. */
static const struct mustache_name *resolve_dot(const struct around *a)
{
    for (unsigned i = a->depth; i-- > 0;) {
        const struct op *section = a->sections[i];

        if (section->kind != OP_SECTION)
            continue;
        if (!section->name)
            return NULL;
        if (section->name->type == MUSTACHE_LIST || section->name->type == MUSTACHE_TEXT)
            return section->name;
        return NULL;
    }
    return NULL;
}

static int unknown(const struct mustache_source *s, const struct op *op, const char *name, struct findings *f)
{
    const char *known[64];
    const char *near;
    size_t n = 0;

    for (const struct mustache_name *row = s->names; row->name && n < ARRAY_SIZE(known) - 1; row++)
        known[n++] = row->name;
    known[n] = NULL;
    near = nearest_name(name, known);
    return program_problem(s, op->start, f, "unknown-variable", "there is no variable \"%s\"%s%s%s", name,
                           near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int check_use(const struct mustache_source *s, const struct op *op, bool is_dot, struct findings *f)
{
    bool prints = op->kind == OP_VALUE || op->kind == OP_VERBATIM;

    if (prints && op->name->type == MUSTACHE_LIST && !is_dot)
        return program_problem(s, op->start, f, "template", "\"%s\" is a list: print it as {{#%s}}{{.}}{{/%s}}",
                               op->name->name, op->name->name, op->name->name);
    if (prints && op->name->type == MUSTACHE_OBJECT)
        return program_problem(s, op->start, f, "template", "\"%s\" is a group of values and cannot be printed",
                               op->name->name);
    if (prints && op->name->type == MUSTACHE_FLAG)
        return program_problem(s, op->start, f, "secret",
                               "\"%s\" must not be printed here; only a section {{#%s}} is possible", op->name->name,
                               op->name->name);
    if (!prints && is_dot)
        return program_problem(s, op->start, f, "template", "a section needs the name of a variable");
    return 0;
}

static int resolve_op(const struct mustache_source *s, const struct around *a, struct op *op, struct findings *f)
{
    char name[NAME_BYTES];
    bool is_dot = op->size == 1 && s->text[op->start] == '.';

    snprintf(name, sizeof(name), "%.*s", (int)(op->size < NAME_BYTES ? op->size : NAME_BYTES - 1),
             s->text + op->start);
    op->name = is_dot ? resolve_dot(a) : resolve(s, a, name);
    if (!op->name && is_dot)
        return program_problem(s, op->start, f, "template", "\".\" stands in no section of a list or a text");
    if (!op->name)
        return unknown(s, op, name, f);
    return check_use(s, op, is_dot, f);
}

int program_resolve(struct mustache *m, const struct mustache_source *s, struct findings *f)
{
    struct around a = { .depth = 0 };
    int bad = 0;

    for (size_t i = 0; i < m->n; i++) {
        struct op *op = &m->ops[i];
        int r;

        leave_sections(&a, i);
        if (op->kind == OP_TEXT)
            continue;
        r = resolve_op(s, &a, op, f);
        if (!findings_go_on(f, r))
            return r;
        bad |= r;
        if (op->kind == OP_SECTION || op->kind == OP_INVERTED)
            a.sections[a.depth++] = op;
    }
    return bad;
}

static bool is_first_print(const struct mustache *m, size_t at)
{
    const struct op *op = &m->ops[at];

    if ((op->kind != OP_VALUE && op->kind != OP_VERBATIM) || !op->name)
        return false;
    for (size_t i = 0; i < at; i++)
        if ((m->ops[i].kind == OP_VALUE || m->ops[i].kind == OP_VERBATIM) && m->ops[i].name == op->name)
            return false;
    return true;
}

int mustache_each_printed(const struct mustache *m, int (*each)(void *userdata, const struct mustache_name *name),
                          void *userdata)
{
    for (size_t i = 0; i < m->n; i++) {
        int r = is_first_print(m, i) ? each(userdata, m->ops[i].name) : 0;

        if (r != 0)
            return r;
    }
    return 0;
}

void mustache_each_name(const struct mustache *m, void (*each)(void *userdata, const struct mustache_name *name),
                        void *userdata)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->ops[i].kind != OP_TEXT && m->ops[i].name)
            each(userdata, m->ops[i].name);
}

struct text {
    char *at;
    size_t left;
    const char *separator;
};

static int add_name(void *userdata, const struct mustache_name *name)
{
    struct text *t = userdata;
    int n = snprintf(t->at, t->left, "%s%s", t->separator, name->name);

    if (n < 0 || (size_t)n >= t->left)
        return 1;
    t->at += n;
    t->left -= (size_t)n;
    t->separator = ", ";
    return 0;
}

char *mustache_prints(const struct mustache *m, char *text, size_t size)
{
    struct text t = { .at = text, .left = size, .separator = "" };

    text[0] = '\0';
    mustache_each_printed(m, add_name, &t);
    return text;
}

static int is_secret(void *userdata, const struct mustache_name *name)
{
    (void)userdata;
    return name->type == MUSTACHE_SECRET;
}

bool mustache_prints_secret(const struct mustache *m)
{
    return mustache_each_printed(m, is_secret, NULL) != 0;
}

bool mustache_is_fixed(const struct mustache *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->ops[i].kind != OP_TEXT)
            return false;
    return true;
}

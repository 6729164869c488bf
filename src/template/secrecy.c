#include "secrecy.h"

#include <string.h>

#include "fields.h"
#include "program.h"

static bool is_section(const struct op *op)
{
    return op->kind == OP_SECTION || op->kind == OP_INVERTED;
}

static bool is_printed(const struct op *op)
{
    return (op->kind == OP_VALUE || op->kind == OP_VERBATIM) && op->name;
}

static bool prints_secret(const struct op *op)
{
    return is_printed(op) && op->name->type == MUSTACHE_SECRET;
}

static bool prints_card(const struct op *op)
{
    return is_printed(op) && strcmp(op->name->name, "card.id") == 0;
}

/* The kind that a section is for: {{#pin}} and {{^puk}} are for a PIN. */
static enum secret_kind section_kind(const struct op *op)
{
    enum secret_kind kind = op->name ? fields_kind_of(op->name) : SECRET_KINDS;

    if (kind == SECRET_KINDS || op->kind == OP_SECTION)
        return kind;
    return kind == SECRET_PIN ? SECRET_PUK : SECRET_PIN;
}

/* The kind of the innermost section around an op that is for one. */
static enum secret_kind kind_around(const struct mustache *m, size_t at)
{
    for (size_t i = at; i-- > 0;)
        if (is_section(&m->ops[i]) && m->ops[i].next > at && section_kind(&m->ops[i]) != SECRET_KINDS)
            return section_kind(&m->ops[i]);
    return SECRET_KINDS;
}

static int check_kind(const struct mustache *m, const struct mustache_source *s, size_t at, struct secrecy *x,
                      struct findings *f)
{
    const struct op *op = &m->ops[at];
    enum secret_kind kind = fields_kind_of(op->name), around;

    if (kind == SECRET_KINDS)
        return 0;
    around = kind_around(m, at);
    if (around == kind)
        return 0;
    x->bare |= 1U << kind;
    if (around == SECRET_KINDS && x->bare != (1U << SECRET_PIN | 1U << SECRET_PUK))
        return 0;
    return program_problem(s, op->start, f, "secrecy",
                           "PIN and PUK never stand in one document: print \"%s\" only within {{#%s}}",
                           op->name->name, secret_kind_name(kind));
}

bool secrecy_allows(const struct secrecy *x, const struct mustache_name *name)
{
    return x->full_card_number || strcmp(name->name, "card.id") != 0;
}

static int check_op(const struct mustache *m, const struct mustache_source *s, size_t at, struct secrecy *x,
                    struct findings *f)
{
    const struct op *op = &m->ops[at];

    if (prints_secret(op))
        return check_kind(m, s, at, x, f);
    if (!is_printed(op) || secrecy_allows(x, op->name))
        return 0;
    return program_problem(s, op->start, f, "secrecy", SECRECY_CARD);
}

int secrecy_check(const struct mustache *m, const struct mustache_source *s, struct secrecy *x, struct findings *f)
{
    int bad = 0;

    for (size_t i = 0; i < m->n; i++) {
        int r = check_op(m, s, i, x, f);

        if (!findings_go_on(f, r))
            return r;
        bad |= r;
    }
    return bad;
}

static bool on_one_line(const struct mustache_source *s, size_t a, size_t b)
{
    size_t from = a < b ? a : b, to = a < b ? b : a;

    return !memchr(s->text + from, '\n', to - from);
}

static int check_card(const struct mustache *m, const struct mustache_source *s, const struct op *card,
                      struct findings *f)
{
    for (size_t i = 0; i < m->n; i++)
        if (prints_secret(&m->ops[i]) && on_one_line(s, card->start, m->ops[i].start))
            return program_problem(s, card->start, f, "secrecy",
                                   "the full card number (card.id) must not stand on a line with the secret; "
                                   "card.short may");
    return 0;
}

int secrecy_check_lines(const struct mustache *m, const struct mustache_source *s, struct findings *f)
{
    int bad = 0;

    for (size_t i = 0; i < m->n; i++) {
        int r = prints_card(&m->ops[i]) ? check_card(m, s, &m->ops[i], f) : 0;

        if (!findings_go_on(f, r))
            return r;
        bad |= r;
    }
    return bad;
}

bool secrecy_prints_both(const struct mustache *m)
{
    bool secret = false, card = false;

    for (size_t i = 0; i < m->n; i++) {
        secret |= prints_secret(&m->ops[i]);
        card |= prints_card(&m->ops[i]);
    }
    return secret && card;
}

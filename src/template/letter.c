#include "letter.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include <pindispatch/file.h>

#include "letter_draw.h"
#include "source.h"

enum { HASHES_MOST = 64 * SOURCE_HASH };

struct loading {
    struct letter *l;
    struct template_rules rules;
    struct findings *f;
};

/* What the pages of one version share while they are read. */
struct reading {
    struct letter *l;
    struct version *v;
    const struct template_rules *rules;
    struct secrecy secrecy;
    struct buffer hashes; /* of all files, a line each */
    struct findings *f;
};

static int parse_page(struct reading *x, const struct source *s)
{
    const struct page_source source = { .svg = { .bytes = buffer_bytes(&s->text),
                                                 .size = buffer_size(&s->text),
                                                 .file = s->path,
                                                 .root = x->l->dir,
                                                 .hashes = &x->hashes },
                                        .tag = x->v->tag,
                                        .secrecy = &x->secrecy };
    struct page **page = &x->v->pages[x->v->n];
    int r = buffer_addf(&x->hashes, "%s\n", s->hash);

    if (r == 0)
        r = page_parse(&source, page, x->f);
    if (r == 0)
        x->v->n++;
    return r;
}

/* "letter.svg" is the first page, "letter-2.svg" the second. The caller frees. */
static char *page_name(const char *name, unsigned number)
{
    size_t stem = strlen(name) - (g_str_has_suffix(name, ".svg") ? strlen(".svg") : 0);
    char *page = NULL;

    if (number == 1)
        return strdup(name);
    return asprintf(&page, "%.*s-%u%s", (int)stem, name, number, name + stem) < 0 ? NULL : page;
}

static bool has_page(const struct letter *l, const char *tag, const char *name)
{
    CLEANUP(free_cleanup) char *folder = tag[0] ? path_join(l->dir, tag) : strdup(l->dir);
    CLEANUP(free_cleanup) char *path = folder ? path_join(folder, name) : NULL;

    return path && access(path, F_OK) == 0;
}

/* Page NUMBER; beyond the first, there need be none: -ENOENT. */
static int load_page(struct reading *x, unsigned number)
{
    CLEANUP(free_cleanup) char *name = page_name(x->l->name, number);
    struct source s = { .path = NULL };
    int r;

    if (!name)
        return -ENOMEM;
    if (number > 1 && !has_page(x->l, x->v->tag, name))
        return -ENOENT;
    if (number > LETTER_PAGES)
        return findings_add(x->f, "template", x->l->dir, "a letter can have at most %d pages", LETTER_PAGES);
    r = source_read(x->l->dir, x->v->tag, name, &s, x->f);
    if (r == 0)
        r = parse_page(x, &s);
    source_release(&s);
    return r;
}

static int load_pages(struct reading *x)
{
    int r = 0, bad = 0;

    for (unsigned number = 1; findings_go_on(x->f, r) && number <= LETTER_PAGES + 1; number++) {
        bad |= r;
        r = load_page(x, number);
    }
    return r < 0 && r != -ENOENT ? r : bad | (r > 0);
}

static bool prints_secret(const struct version *v)
{
    for (unsigned i = 0; i < v->n; i++)
        if (page_prints_secret(v->pages[i]))
            return true;
    return false;
}

/* Of one file the hash is that file's own; of several, that of their hashes. */
static int hash_version(struct reading *x)
{
    const char *hashes = buffer_bytes(&x->hashes);

    if (buffer_size(&x->hashes) > SOURCE_HASH)
        return source_hash(hashes, buffer_size(&x->hashes), x->v->hash);
    memcpy(x->v->hash, hashes, SOURCE_HASH - 1);
    x->v->hash[SOURCE_HASH - 1] = '\0';
    return 0;
}

static int check_pages(struct reading *x)
{
    int r = 0, bad = 0;

    for (unsigned i = 0; i < x->v->n && findings_go_on(x->f, r); i++) {
        bad |= r;
        r = page_check(x->v->pages[i], x->l->ts, x->f);
    }
    return r < 0 ? r : r | bad;
}

static void place_of(const struct reading *x, char where[FINDING_WHERE])
{
    const char *tag = x->v->tag;

    snprintf(where, FINDING_WHERE, "%.150s/%s%s%.60s", x->l->dir, tag, tag[0] ? "/" : "", x->l->name);
}

static bool is_size(double w, double h, double width, double height)
{
    const double tolerance = 1; /* millimetre */

    return fabs(w - width) <= tolerance && fabs(h - height) <= tolerance;
}

static int check_size(struct reading *x)
{
    char where[FINDING_WHERE];

    place_of(x, where);
    return letter_check_size(x->v, where, x->f);
}

/* A letter that is larger than the paper is cut or made smaller, and so is its code. It may lie on its side. */
static int check_paper(struct reading *x)
{
    const double width = x->rules->width, height = x->rules->height, points = 72 / 25.4;
    char where[FINDING_WHERE];

    place_of(x, where);
    for (unsigned i = 0; i < x->v->n && width > 0; i++) {
        const double w = page_width(x->v->pages[i]) / points, h = page_height(x->v->pages[i]) / points;

        if (!is_size(w, h, width, height) && !is_size(h, w, width, height))
            return findings_add(x->f, "page-size", where,
                                "page %u has %.1f x %.1f mm, the paper (print.media) %.1f x %.1f mm", i + 1, w, h,
                                width, height);
    }
    return 0;
}

static int lack_secret(struct reading *x)
{
    char where[FINDING_WHERE];

    place_of(x, where);
    return findings_add(x->f, "no-secret", where, "a letter must print {{secret}}, or {{pin}} and {{puk}}");
}

static int load_version(void *userdata, const char *tag)
{
    struct loading *loading = userdata;
    struct letter *l = loading->l;
    struct reading x = { .l = l,
                         .v = &l->versions[l->n],
                         .rules = &loading->rules,
                         .secrecy = { .full_card_number = loading->rules.full_card_number },
                         .hashes = BUFFER(HASHES_MOST),
                         .f = loading->f };
    int r, bad;

    if (l->n == LANGUAGES_MOST)
        return findings_add(loading->f, "template", l->dir, "there are more than %d languages", LANGUAGES_MOST);
    l->n++;
    memcpy(x.v->tag, tag, strlen(tag) + 1);
    r = load_pages(&x);
    if (r == 0 && !prints_secret(x.v))
        r = lack_secret(&x);
    bad = r > 0;
    if (findings_go_on(x.f, r))
        r = check_pages(&x);
    if (r == 0)
        r = check_size(&x);
    if (r == 0)
        r = check_paper(&x);
    if (r == 0)
        r = bad;
    if (r == -ENOBUFS)
        r = findings_add(x.f, "template", l->dir, "a letter is made of too many files");
    if (r == 0)
        r = hash_version(&x);
    x.v->good = r == 0;
    buffer_release(&x.hashes);
    /* The other languages are looked at, too, when all findings are wanted. */
    return findings_go_on(x.f, r) ? 0 : r;
}

int letter_read(const char *dir, const char *name, const struct template_rules *rules, struct letter **ret,
                struct findings *f)
{
    CLEANUP(letter_cleanup) struct letter *l = calloc(1, sizeof(*l));
    struct loading loading = { .l = l, .f = f, .rules = rules ? *rules : (struct template_rules){ 0 } };
    int r = l ? source_place(dir, name, &l->dir, &l->name) : -ENOMEM;

    if (r == 0)
        r = typesetter_new(&l->ts);
    if (r < 0)
        return r;
    r = language_each(l->dir, (const char *const[]){ l->name, NULL }, load_version, &loading);
    if (r < 0 && r != -ENOMEM)
        return findings_add(f, "template", l->dir, "cannot be read: %s", strerror(-r));
    if (r == 0)
        *ret = TAKE(l);
    return r;
}

int letter_load(const char *dir, const char *name, const struct template_rules *rules, struct letter **ret,
                struct problem *p)
{
    return letter_read(dir, name, rules, ret, &(struct findings){ .first = p });
}

const char *letter_language(const struct letter *l, size_t i)
{
    return i < l->n ? l->versions[i].tag : NULL;
}

struct page *const *letter_pages(const struct letter *l, size_t i, unsigned *ret_n)
{
    *ret_n = l->versions[i].good ? l->versions[i].n : 0;
    return l->versions[i].pages;
}

struct typesetter *letter_typesetter(struct letter *l)
{
    return l->ts;
}

struct letter *letter_free(struct letter *l)
{
    if (!l)
        return NULL;
    for (size_t i = 0; i < l->n; i++)
        for (unsigned k = 0; k < l->versions[i].n; k++)
            page_free(l->versions[i].pages[k]);
    typesetter_free(l->ts);
    free(l->dir);
    free(l->name);
    free(l);
    return NULL;
}

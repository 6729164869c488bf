/* Everything that can be said about a template before anybody's letter is made with it. */
#include <pindispatch/template.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>
#include <pindispatch/json.h>

#include "check.h"
#include "fields.h"
#include "letter.h"
#include "mail.h"
#include "preview_line.h"

DEFINE_CLEANUP(DIR, dir_close, if (*p) closedir)

enum { NAMES_MOST = 64, TOLD_MOST = 1024 * 1024, SECRET_SIGNS = 8 };

static void tell(struct check *c, const struct problem *p, bool is_warning)
{
    c->errors += !is_warning;
    c->each(c->userdata, p, is_warning);
}

static void tell_warning(void *userdata, const struct problem *p)
{
    tell(userdata, p, true);
}

static void tell_error(void *userdata, const struct problem *p)
{
    tell(userdata, p, false);
}

bool check_is_new(struct check *c, const char *place, const char *what)
{
    g_autofree char *line = g_strdup_printf("\n%s %s\n", place, what);
    size_t n = strlen(line);

    if (buffer_size(&c->told) > 0 && memmem(buffer_bytes(&c->told), buffer_size(&c->told), line, n))
        return false;
    return buffer_add(&c->told, line, n) == 0;
}

void check_tell(struct check *c, const char *code, const char *where, bool is_warning, const char *words)
{
    struct problem p;

    problem_set(&p, code, where, "%s", words);
    tell(c, &p, is_warning);
}

/* --- are the languages alike? --- */

/* The row that a name counts as. The forms of a secret, whose rows follow it, are one: a language may need another.
 */
static unsigned row_of(const struct mustache_name *name)
{
    unsigned i = 0;

    while (fields_all[i].name && strcmp(fields_all[i].name, name->name) != 0)
        i++;
    while (i > 0 && fields_all[i].name && fields_all[i].type == MUSTACHE_SECRET && strchr(fields_all[i].name, '.'))
        i--;
    return i;
}

static void note_name(void *userdata, const struct mustache_name *name)
{
    uint64_t *set = userdata;
    unsigned row = row_of(name);

    if (row < NAMES_MOST)
        *set |= UINT64_C(1) << row;
}

static void compare_names(struct check *c, const char *file, uint64_t first, uint64_t other)
{
    for (unsigned i = 0; i < NAMES_MOST && fields_all[i].name; i++) {
        const uint64_t bit = UINT64_C(1) << i;
        const bool has = (other & bit) != 0;
        char words[FINDING_MESSAGE];

        if (((first ^ other) & bit) == 0)
            continue;
        snprintf(words, sizeof(words), "%s {{%s}}, which the default language %s", has ? "it has" : "it lacks",
                 fields_all[i].name, has ? "lacks" : "has");
        check_tell(c, "variables", file, false, words);
    }
}

void check_place(const struct check *c, const char *tag, const char *name, char where[FINDING_WHERE])
{
    snprintf(where, FINDING_WHERE, "%.150s/%s%s%.60s", c->dir, tag, tag[0] ? "/" : "", name);
}

static uint64_t letter_names(const struct letter *l, size_t i)
{
    unsigned n;
    struct page *const *pages = letter_pages(l, i, &n);
    uint64_t set = 0;

    while (n-- > 0)
        page_each_name(pages[n], note_name, &set);
    return set;
}

static void compare_letters(struct check *c, const struct letter *l)
{
    unsigned first, n;

    letter_pages(l, 0, &first);
    for (size_t i = 1; first > 0 && letter_language(l, i); i++) {
        char where[FINDING_WHERE];

        letter_pages(l, i, &n);
        check_place(c, letter_language(l, i), c->name, where);
        if (n > 0 && n != first)
            check_tell(c, "pages", where, false, "it has another number of pages than the default language");
        if (n > 0)
            compare_names(c, where, letter_names(l, 0), letter_names(l, i));
    }
}

static void compare_mails(struct check *c, const struct mail *m)
{
    for (size_t i = 1; mail_language(m, i); i++)
        for (enum mail_body part = 0; part < MAIL_BODIES; part++) {
            uint64_t first = 0, other = 0;
            char where[FINDING_WHERE];

            if (!mail_part(m, 0, part) || !mail_part(m, i, part))
                continue;
            mustache_each_name(mail_part(m, 0, part), note_name, &first);
            mustache_each_name(mail_part(m, i, part), note_name, &other);
            check_place(c, mail_language(m, i), mail_file(m, part), where);
            compare_names(c, where, first, other);
        }
}

/* --- are the fonts there? --- */

struct font_check {
    struct check *c;
    struct typesetter *ts;
};

static void check_family(void *userdata, const char *place, const char *family)
{
    struct font_check *x = userdata;
    char words[FINDING_MESSAGE];

    if (typesetter_has_family(x->ts, family) || !check_is_new(x->c, place, family))
        return;
    snprintf(words, sizeof(words), "no font of the family \"%s\" is installed", family);
    check_tell(x->c, "font-missing", place, false, words);
}

static void check_fonts(struct check *c, struct letter *l)
{
    struct font_check x = { .c = c, .ts = letter_typesetter(l) };

    for (size_t i = 0; letter_language(l, i); i++) {
        unsigned n;
        struct page *const *pages = letter_pages(l, i, &n);

        while (n-- > 0)
            page_each_family(pages[n], check_family, &x);
    }
}

/* --- do the hard cases fit? --- */

/* A script for which there is no font here is no fault of the template. */
static void add_trouble(void *userdata, const char *place, const struct outcome *trouble)
{
    struct check *c = userdata;
    bool is_warning = strcmp(trouble->code, "glyph-missing") == 0;
    char words[FINDING_MESSAGE];

    if (!check_is_new(c, place, trouble->code))
        return;
    snprintf(words, sizeof(words), "%s [case %s]", trouble->reason, c->torture);
    check_tell(c, trouble->code, place, is_warning, words);
}

int check_fill(struct attempt *a, const struct filling *about, const char *tag)
{
    unsigned n;
    struct page *const *pages = letter_pages(a->letter, a->language, &n);
    struct outcome trouble = { .code = "" };
    struct fields fields;
    struct sheet sheet = { .fields = &fields };
    int r = fields_fill(&fields, about, tag, &trouble);

    for (unsigned i = 0; i < n && r == 0; i++)
        r = page_try(pages[i], letter_typesetter(a->letter), &sheet, add_trouble, a->c);
    sheet.trouble = &trouble;
    if (r == 0 && n > 0 && sheet.result.overlay_uses + sheet.secrets > 0 &&
        letter_check_secret(a->letter, &sheet) > 0)
        add_trouble(a->c, page_file(pages[0]), &trouble);
    a->prints_secret |= n == 0 || sheet.result.overlay_uses > 0;
    fields_release(&fields);
    outcome_release(&trouble);
    return r;
}

/* Where one secret and another make the first difference, there it stands, in whatever form. */
static size_t first_difference(const struct buffer *a, const struct buffer *b)
{
    size_t n = 0;

    while (n < buffer_size(a) && n < buffer_size(b) && buffer_bytes(a)[n] == buffer_bytes(b)[n])
        n++;
    return n;
}

static int try_preview_line(struct attempt *a, const struct filling *about, const char *tag, enum mail_body part)
{
    CLEANUP(document_release) struct document one = DOCUMENT, other = DOCUMENT;
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    struct filling with = *about;
    struct outcome trouble = { .code = "" };
    char where[FINDING_WHERE], words[FINDING_MESSAGE];
    size_t at;
    int r = secret_new("12345678", SECRET_SIGNS, &secret);

    with.secret = secret;
    if (r == 0)
        r = mail_body(a->mail, about, part, &one, &trouble);
    if (r == 0)
        r = mail_body(a->mail, &with, part, &other, &trouble);
    outcome_release(&trouble);
    if (r != 0)
        return r < 0 ? r : 0;
    at = first_difference(&one.bytes, &other.bytes);
    if (at == buffer_size(&one.bytes)) /* a cover */
        return 0;
    at = preview_line_signs(buffer_bytes(&one.bytes), at, part == MAIL_HTML);
    check_place(a->c, tag, mail_file(a->mail, part), where);
    if (at >= PREVIEW_LINE || !check_is_new(a->c, where, "preview-line"))
        return 0;
    snprintf(words, sizeof(words),
             "the secret stands behind %zu signs: lists of mails and locked telephones may show it; put %d before it",
             at, PREVIEW_LINE);
    check_tell(a->c, "preview-line", where, true, words);
    return 0;
}

static int try_mail(struct attempt *a, const struct filling *about, const char *tag)
{
    struct document d = DOCUMENT;
    struct outcome trouble = { .code = "" };
    char where[FINDING_WHERE];
    int r = 0;

    for (enum mail_body part = 0; part < MAIL_BODIES; part++)
        if (!mail_part(a->mail, a->language, part))
            return 0;
    r = mail_message(a->mail, about, &d, &trouble);
    check_place(a->c, tag, a->c->name, where);
    if (r > 0)
        add_trouble(a->c, where, &trouble);
    document_release(&d);
    outcome_release(&trouble);
    for (enum mail_body part = MAIL_TEXT; part < MAIL_BODIES && r == 0; part++)
        r = try_preview_line(a, about, tag, part);
    return r < 0 ? r : 0;
}

static int try_kinds(struct attempt *a, const json_t *event, const struct secret *secret, const char *tag,
                     bool is_first)
{
    int r = 0;

    for (enum secret_kind kind = 0; kind < SECRET_KINDS && r == 0; kind++) {
        struct filling about = { .event = event,
                                 .kind = kind,
                                 .secret = secret,
                                 .delivery_id = "00000000-0000-7000-8000-000000000000",
                                 .created = INT64_C(1790000000) * MICROSECONDS_PER_SECOND,
                                 .from = "PIN <pin@example.com>",
                                 .message_id = "check@example.com" };

        r = a->letter ? check_fill(a, &about, tag) : try_mail(a, &about, tag);
        if (r == 0 && a->letter && is_first)
            r = check_secrets(a, &about, tag);
    }
    return r;
}

/* It has the secret, but in no letter: all that prints it has display="none". */
static void tell_hidden(struct attempt *a, const char *tag)
{
    char where[FINDING_WHERE];

    check_place(a->c, tag, a->c->name, where);
    check_tell(a->c, "no-secret", where, false, "no letter would show its secret: what prints it is not displayed");
}

static int try_language(struct attempt *a, const struct secret *secret, const char *tag)
{
    int r = 0;

    a->prints_secret = false;
    for (size_t i = 0; r == 0; i++) {
        CLEANUP(json_cleanup) json_t *event = NULL;

        r = template_torture(i, tag, &a->c->torture, &event);
        if (r == 0)
            r = try_kinds(a, event, secret, tag, i == 0);
    }
    if (r == -ENOENT && a->letter && !a->prints_secret)
        tell_hidden(a, tag);
    return r == -ENOENT ? 0 : r;
}

/* Eight sevens: the longest digits in most languages' words. They are nobody's. */
static int try_all(struct attempt *a)
{
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    int r = secret_new("77777777", SECRET_SIGNS, &secret);

    for (a->language = 0; r == 0; a->language++) {
        const char *tag = a->letter ? letter_language(a->letter, a->language) : mail_language(a->mail, a->language);

        if (!tag)
            break;
        r = try_language(a, secret, tag);
    }
    return r;
}

/* --- the whole --- */

static int check_letter(struct check *c)
{
    CLEANUP(letter_cleanup) struct letter *l = NULL;
    struct findings f = { .each = tell_error, .warn = tell_warning, .userdata = c };
    int r = letter_read(c->dir, c->name, c->rules, &l, &f);

    if (r != 0)
        return r < 0 ? r : 0;
    compare_letters(c, l);
    check_fonts(c, l);
    return try_all(&(struct attempt){ .c = c, .letter = l });
}

static int check_mail(struct check *c)
{
    CLEANUP(mail_cleanup) struct mail *m = NULL;
    struct findings f = { .each = tell_error, .warn = tell_warning, .userdata = c };
    int r = mail_read(c->dir, c->name, c->rules, &m, &f);

    if (r != 0)
        return r < 0 ? r : 0;
    compare_mails(c, m);
    return try_all(&(struct attempt){ .c = c, .mail = m });
}

int template_check(const char *dir, const char *name, const struct template_rules *rules, template_finding *each,
                   void *userdata)
{
    struct check c = {
        .dir = dir, .name = name, .rules = rules, .each = each, .userdata = userdata, .told = BUFFER(TOLD_MOST)
    };
    int r = g_str_has_suffix(name, ".svg") ? check_letter(&c) : check_mail(&c);

    buffer_release(&c.told);
    return r < 0 ? r : c.errors > 0;
}

/* "letter-2.svg" where there is a letter.svg. */
static bool is_further_page(const char *dir, const char *name)
{
    const char *dash = strrchr(name, '-');
    g_autofree char *first = dash ? g_strdup_printf("%s/%.*s.svg", dir, (int)(dash - name), name) : NULL;

    return dash && dash[1 + strspn(dash + 1, "0123456789")] == '.' && g_file_test(first, G_FILE_TEST_EXISTS);
}

static int list_entry(const char *dir, const char *name, template_each *each, void *userdata)
{
    if (g_str_has_suffix(name, ".svg"))
        return is_further_page(dir, name) ? 0 : each(userdata, name, true);
    if (g_str_has_suffix(name, ".subject")) {
        g_autofree char *mail = g_strndup(name, strlen(name) - strlen(".subject"));

        return each(userdata, mail, false);
    }
    return 0;
}

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int template_list(const char *dir, template_each *each, void *userdata)
{
    CLEANUP(dir_close_cleanup) DIR *d = opendir(dir);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    struct dirent *entry;
    int r = 0;

    if (!d)
        return -errno;
    while ((entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.')
            g_ptr_array_add(names, g_strdup(entry->d_name));
    g_ptr_array_sort(names, order);
    for (guint i = 0; i < names->len && r == 0; i++)
        r = list_entry(dir, names->pdata[i], each, userdata);
    return r;
}

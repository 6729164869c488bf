#include "mail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gmime/gmime.h>

#include "fields.h"
#include "language.h"
#include "message.h"
#include "secrecy.h"
#include "source.h"

enum { SUBJECT_MOST = 998, BODY_MOST = 1024 * 1024 };

/* The subject is read by every relay and shown on locked telephones: there the secret is a condition at most. */
static const struct {
    const char *suffix;
    const struct mustache_name *names;
    enum mustache_escape escape;
    size_t most;
    bool prints_secret;
} kinds[MAIL_BODIES] = {
    [MAIL_SUBJECT] = { ".subject", fields_without_secret, MUSTACHE_LINE, SUBJECT_MOST, false },
    [MAIL_TEXT] = { ".txt", fields_all, MUSTACHE_BODY, BODY_MOST, true },
    [MAIL_HTML] = { ".html", fields_all, MUSTACHE_HTML, BODY_MOST, true },
};

struct version {
    char tag[LANGUAGE_TAG];      /* first: see language_best() */
    char hash[SOURCE_HASH];      /* over the hashes of the three files, a line each */
    char language[LANGUAGE_TAG]; /* as mails tell it */
    struct mustache *parts[MAIL_BODIES];
};

struct mail {
    bool is_cover;
    char *dir;
    char *names[MAIL_BODIES + 1]; /* the files; ends with NULL */
    struct sender sender;         /* of the last mail */
    struct version versions[LANGUAGES_MOST];
    size_t n;
};

struct loading {
    struct mail *m;
    bool full_card_number;
    struct findings *f;
};

static const struct mustache_name *names_for(const struct mail *m, enum mail_body part)
{
    return m->is_cover ? fields_without_secret : kinds[part].names;
}

static bool prints_secret(const struct mail *m, enum mail_body part)
{
    return kinds[part].prints_secret && !m->is_cover;
}

static int is_words(void *userdata, const struct mustache_name *name)
{
    (void)userdata;
    return fields_is_words(name);
}

static int check_words(const struct mustache *m, const char *path, const char *tag, struct findings *f)
{
    if (language_is_known(tag) || mustache_each_printed(m, is_words, NULL) == 0)
        return 0;
    return findings_add(f, "template", path, "there are no words for digits in the language \"%s\"", tag);
}

/* Goes through all rules when all findings are wanted. */
static int check_part(const struct mail *mail, const struct mustache *m, enum mail_body part,
                      const struct mustache_source *s, const char *tag, struct secrecy *x, struct findings *f)
{
    int bad = secrecy_check(m, s, x, f), r;

    if (!findings_go_on(f, bad))
        return bad;
    r = secrecy_check_lines(m, s, f);
    if (!findings_go_on(f, r))
        return r;
    bad |= r;
    r = part == MAIL_HTML ? secrecy_check_html(m, s, f) : 0;
    if (!findings_go_on(f, r))
        return r;
    bad |= r;
    r = check_words(m, s->file, tag, f);
    if (!findings_go_on(f, r))
        return r;
    bad |= r;
    if (prints_secret(mail, part) && !mustache_prints_secret(m))
        bad |= findings_add(f, "no-secret", s->file, "a mail must print {{secret}}, or {{pin}} and {{puk}}");
    return bad;
}

static int parse_part(const struct mail *m, struct mustache **ret, enum mail_body part, const struct source *s,
                      const char *tag, struct secrecy *x, struct findings *f)
{
    const struct mustache_source source = {
        .text = buffer_bytes(&s->text),
        .size = buffer_size(&s->text),
        .file = s->path,
        .line = 1,
        .names = names_for(m, part),
    };
    int bad = mustache_parse(&source, ret, f), r;

    if (!findings_go_on(f, bad))
        return bad;
    r = check_part(m, *ret, part, &source, tag, x, f);
    return r < 0 ? r : r | bad;
}

/* A folder's name is a language. The default ones say theirs themselves: <html lang="en">. */
static void note_language(struct version *v, const struct source *html)
{
    const char *tag = v->tag;

    if (!tag[0] && (tag = strcasestr(buffer_bytes(&html->text), "<html")) != NULL) {
        const char *end = strchr(tag, '>');

        tag = strcasestr(tag, " lang=");
        tag = tag && end && tag < end ? tag + strlen(" lang=") : NULL;
    }
    language_header(tag ? tag : "", v->language);
}

static int load_part(const struct mail *m, struct version *v, enum mail_body part, struct buffer *hashes,
                     struct secrecy *x, struct findings *f)
{
    struct source s = { .path = NULL };
    int r = source_read(m->dir, v->tag, m->names[part], &s, f);

    if (r != 0)
        return r;
    r = parse_part(m, &v->parts[part], part, &s, v->tag, x, f);
    if (part == MAIL_HTML)
        note_language(v, &s);
    if (r == 0)
        r = buffer_addf(hashes, "%s\n", s.hash);
    source_release(&s);
    return r;
}

static int load_version(void *userdata, const char *tag)
{
    struct loading *loading = userdata;
    struct mail *m = loading->m;
    struct version *v = &m->versions[m->n];
    struct buffer hashes = BUFFER(MAIL_BODIES * SOURCE_HASH);
    struct secrecy x = { .full_card_number = loading->full_card_number };
    int r = 0, bad = 0;

    if (m->n == LANGUAGES_MOST)
        return findings_add(loading->f, "template", m->dir, "there are more than %d languages", LANGUAGES_MOST);
    m->n++;
    memcpy(v->tag, tag, strlen(tag) + 1);
    for (enum mail_body part = 0; part < MAIL_BODIES && findings_go_on(loading->f, r); part++) {
        r = load_part(m, v, part, &hashes, &x, loading->f);
        bad |= r > 0;
    }
    if (r >= 0 && bad) /* the other languages are looked at, too, when all findings are wanted */
        r = loading->f->each ? 0 : 1;
    else if (r == 0)
        r = source_hash(buffer_bytes(&hashes), buffer_size(&hashes), v->hash);
    buffer_release(&hashes);
    return r;
}

static int name_files(struct mail *m, const char *dir, const char *name)
{
    CLEANUP(free_cleanup) char *base = NULL;
    int r = source_place(dir, name, &m->dir, &base);

    for (enum mail_body part = 0; part < MAIL_BODIES && r == 0; part++)
        if (asprintf(&m->names[part], "%s%s", base, kinds[part].suffix) < 0) {
            m->names[part] = NULL;
            r = -ENOMEM;
        }
    return r;
}

bool mail_is_cover(const char *name)
{
    return g_str_has_suffix(name, "-cover");
}

int mail_read(const char *dir, const char *name, const struct template_rules *rules, struct mail **ret,
              struct findings *f)
{
    CLEANUP(mail_cleanup) struct mail *m = calloc(1, sizeof(*m));
    struct loading loading = { .m = m, .f = f, .full_card_number = rules && rules->full_card_number };
    int r = m ? name_files(m, dir, name) : -ENOMEM;

    if (r < 0)
        return r;
    m->sender = SENDER;
    m->is_cover = mail_is_cover(name);
    g_mime_init(); /* counts its calls */
    r = language_each(m->dir, (const char *const *)m->names, load_version, &loading);
    if (r < 0 && r != -ENOMEM)
        return findings_add(f, "template", m->dir, "cannot be read: %s", strerror(-r));
    if (r == 0)
        *ret = TAKE(m);
    return r;
}

int mail_load(const char *dir, const char *name, const struct template_rules *rules, struct mail **ret,
              struct problem *p)
{
    return mail_read(dir, name, rules, ret, &(struct findings){ .first = p });
}

const char *mail_language(const struct mail *m, size_t i)
{
    return i < m->n ? m->versions[i].tag : NULL;
}

const struct mustache *mail_part(const struct mail *m, size_t i, enum mail_body part)
{
    return m->versions[i].parts[part];
}

const char *mail_file(const struct mail *m, enum mail_body part)
{
    return m->names[part];
}

struct mail *mail_free(struct mail *m)
{
    if (!m)
        return NULL;
    for (size_t i = 0; i < m->n; i++)
        for (enum mail_body part = 0; part < MAIL_BODIES; part++)
            mustache_free(m->versions[i].parts[part]);
    for (enum mail_body part = 0; part < MAIL_BODIES; part++)
        free(m->names[part]);
    sender_release(&m->sender);
    free(m->dir);
    free(m);
    return NULL;
}

/* A test says so by itself, before anything that the template says. */
static int mark_test(enum mail_body part, const char *word, struct buffer *b)
{
    switch (part) {
    case MAIL_SUBJECT:
        return buffer_addf(b, "[%s] ", word);
    case MAIL_TEXT:
        return buffer_addf(b, "*** %s ***\n\n", word);
    default:
        return buffer_addf(b,
                           "<div style=\"padding:8px;background:#b00020;color:#ffffff;font:bold 18px sans-serif;"
                           "text-align:center\">%s</div>\n",
                           word);
    }
}

/* The mark goes where the body begins. */
static int mark_html(const char *word, struct buffer *b)
{
    struct buffer rest = BUFFER(b->most);
    const char *body, *end;
    size_t head;
    int r = buffer_terminate(b);

    body = r == 0 ? strcasestr(buffer_bytes(b), "<body") : NULL;
    end = body ? strchr(body, '>') : NULL;
    head = end ? (size_t)(end + 1 - buffer_bytes(b)) : 0;
    if (r == 0)
        r = buffer_add(&rest, buffer_bytes(b) + head, buffer_size(b) - head);
    if (r == 0) {
        secret_wipe(buffer_bytes(b) + head, buffer_size(b) - head);
        b->end -= buffer_size(b) - head;
        r = mark_test(MAIL_HTML, word, b);
    }
    if (r == 0)
        r = buffer_add(b, buffer_bytes(&rest), buffer_size(&rest));
    buffer_release(&rest);
    return r;
}

static int render_marked(const struct version *v, enum mail_body part, const struct fields *f, struct buffer *b,
                         struct mustache_result *result)
{
    bool is_test = fields_is_test(f->about);
    int r = is_test && part != MAIL_HTML ? mark_test(part, language_test(v->tag), b) : 0;

    if (r == 0)
        r = mustache_render(v->parts[part], &f->data, kinds[part].escape, b, result);
    return r == 0 && is_test && part == MAIL_HTML ? mark_html(language_test(v->tag), b) : r;
}

static int render_part(const struct mail *m, const struct version *v, enum mail_body part, const struct fields *f,
                       struct buffer *b, struct outcome *trouble)
{
    struct mustache_result result = { .empty = NULL };
    int r = render_marked(v, part, f, b, &result);

    if (r == MUSTACHE_EMPTY)
        outcome_set(trouble, OUTCOME_FAILED, "field-missing", "%s is missing (%s)", result.empty, m->names[part]);
    else if (r == -ENOBUFS)
        outcome_set(trouble, OUTCOME_FAILED, "overflow", "the mail is too long (%s)", m->names[part]);
    else if (r == 0 && prints_secret(m, part) && result.overlay_uses == 0)
        outcome_set(trouble, OUTCOME_FAILED, "field-missing", "the template %s does not print the %s", m->names[part],
                    fields_kind(f->about));
    else
        return r == 0 ? buffer_terminate(b) : r;
    return 1;
}

static void cut_final_blanks(struct buffer *b)
{
    char *text = buffer_bytes(b);
    size_t size = buffer_size(b);

    while (size > 0 && strchr(" \t\r\n", text[size - 1]))
        size--;
    text[size] = '\0';
}

static void release_parts(struct buffer parts[MAIL_BODIES])
{
    for (enum mail_body part = 0; part < MAIL_BODIES; part++)
        buffer_release(&parts[part]);
}

static int render_parts(const struct mail *m, const struct version *v, const struct fields *f,
                        struct buffer parts[MAIL_BODIES], struct outcome *trouble)
{
    int r = 0;

    for (enum mail_body part = 0; part < MAIL_BODIES; part++)
        parts[part] = BUFFER(kinds[part].most);
    for (enum mail_body part = 0; part < MAIL_BODIES && r == 0; part++)
        r = render_part(m, v, part, f, &parts[part], trouble);
    if (r == 0)
        cut_final_blanks(&parts[MAIL_SUBJECT]);
    return r;
}

static const struct version *choose(const struct mail *m, const struct filling *f)
{
    return &m->versions[language_best(m->versions, sizeof(m->versions[0]), m->n, fields_locale(f))];
}

int mail_message(struct mail *m, const struct filling *f, struct document *ret, struct outcome *trouble)
{
    const struct version *v = choose(m, f);
    struct buffer parts[MAIL_BODIES] = { 0 };
    struct message message = { .about = f,
                               .sender = &m->sender,
                               .language = v->language,
                               .text = &parts[MAIL_TEXT],
                               .html = &parts[MAIL_HTML] };
    struct fields fields;
    int r = fields_fill(&fields, f, v->tag, trouble);

    if (r == 0)
        r = render_parts(m, v, &fields, parts, trouble);
    if (r == 0) {
        message.subject = buffer_bytes(&parts[MAIL_SUBJECT]);
        r = message_write(&message, ret, trouble);
    }
    release_parts(parts);
    fields_release(&fields);
    if (r != 0) {
        buffer_clear(&ret->bytes);
        return r;
    }
    ret->media_type = "message/rfc822";
    ret->pages = 0;
    memcpy(ret->template_hash, v->hash, sizeof(ret->template_hash));
    return 0;
}

int mail_body(struct mail *m, const struct filling *f, enum mail_body body, struct document *ret,
              struct outcome *trouble)
{
    const struct version *v = choose(m, f);
    struct buffer parts[MAIL_BODIES] = { 0 };
    struct fields fields;
    int r = fields_fill(&fields, f, v->tag, trouble);

    if (r == 0)
        r = render_parts(m, v, &fields, parts, trouble);
    if (r == 0)
        r = buffer_add_text(&ret->bytes, buffer_bytes(&parts[body]));
    release_parts(parts);
    fields_release(&fields);
    ret->media_type = body == MAIL_HTML ? "text/html" : "text/plain";
    return r;
}

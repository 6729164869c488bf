#include "gallery.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/file.h>
#include <pindispatch/template.h>

#include "ctl.h"

enum { GALLERY_DPI = 75, INDEX_MOST = 16 * 1024 * 1024, NAME_BYTES = 256 };

struct gallery {
    const char *dir, *output;
    struct secret *secret; /* masked: it never was one */
    struct buffer index;
    unsigned pictures, failures, unreadable;
    /* The template at hand. */
    const char *name;
    struct letter *letter;
    struct mail *mail;
};

static const char index_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Templates</title>\n"
    "<style>body{font:15px sans-serif;margin:24px;background:#eef1f4}h2{margin-top:40px}"
    ".cases{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0;padding:8px;background:#fff;"
    "box-shadow:0 1px 3px #0004}figcaption{margin-bottom:6px;font-weight:bold}img{max-width:420px}"
    "iframe{width:420px;height:560px;border:1px solid #ccc}.bad{border:3px solid #b00020;max-width:420px}"
    "</style></head><body>\n<h1>Templates</h1>\n<p>All languages and cases; the secrets are masked. A red frame is a "
    "document that would not be delivered, with the reason.</p>\n";

static int add_escaped(struct buffer *b, const char *text)
{
    int r = 0;

    for (; *text && r == 0; text++)
        switch (*text) {
        case '&':
            r = buffer_add_text(b, "&amp;");
            break;
        case '<':
            r = buffer_add_text(b, "&lt;");
            break;
        case '>':
            r = buffer_add_text(b, "&gt;");
            break;
        default:
            r = buffer_add(b, text, 1);
        }
    return r;
}

static int write_file(struct gallery *g, const char *name, const struct buffer *b)
{
    CLEANUP(free_cleanup) char *path = path_join(g->output, name);

    return path ? file_replace(path, buffer_bytes(b), buffer_size(b), 0644) : -ENOMEM;
}

static int add_failure(struct gallery *g, const char *title, const struct outcome *trouble)
{
    int r = buffer_addf(&g->index, "<figure class=\"bad\"><figcaption>%s</figcaption>%s: ", title, trouble->code);

    g->failures++;
    if (r == 0)
        r = add_escaped(&g->index, trouble->reason);
    return r == 0 ? buffer_add_text(&g->index, "</figure>\n") : r;
}

/* One file; 0, or 1 when a failure stands in its place. */
static int add_page(struct gallery *g, const char *stem, const char *title, const struct filling *f, unsigned page,
                    unsigned *ret_pages)
{
    CLEANUP(document_release) struct document d = DOCUMENT;
    CLEANUP(outcome_release) struct outcome trouble = { .code = "" };
    char name[NAME_BYTES];
    int r = letter_png(g->letter, f, page, GALLERY_DPI, &d, &trouble);

    *ret_pages = d.pages;
    if (r > 0)
        r = add_failure(g, title, &trouble);
    else if (r == 0) {
        snprintf(name, sizeof(name), "%s-%u.png", stem, page + 1);
        r = write_file(g, name, &d.bytes);
        if (r == 0)
            r = buffer_addf(&g->index,
                            "<figure><figcaption>%s</figcaption><a href=\"%s\"><img loading=\"lazy\" alt=\"%s\" "
                            "src=\"%s\"></a></figure>\n",
                            title, name, title, name);
        g->pictures++;
    }
    return r;
}

static int add_letter(struct gallery *g, const char *stem, const char *title, const struct filling *f)
{
    unsigned pages = 1;
    int r = 0;

    for (unsigned page = 0; page < pages && r == 0; page++)
        r = add_page(g, stem, title, f, page, &pages);
    return r;
}

static int write_body(struct gallery *g, const char *stem, const struct filling *f, enum mail_body body,
                      struct outcome *trouble)
{
    CLEANUP(document_release) struct document d = DOCUMENT;
    char name[NAME_BYTES];
    int r = mail_body(g->mail, f, body, &d, trouble);

    snprintf(name, sizeof(name), "%s.%s", stem, body == MAIL_HTML ? "html" : "txt");
    return r == 0 ? write_file(g, name, &d.bytes) : r;
}

static int add_subject(struct gallery *g, const struct filling *f, struct outcome *trouble)
{
    CLEANUP(document_release) struct document d = DOCUMENT;
    int r = mail_body(g->mail, f, MAIL_SUBJECT, &d, trouble);

    if (r == 0)
        r = buffer_terminate(&d.bytes);
    return r == 0 ? add_escaped(&g->index, buffer_bytes(&d.bytes)) : r;
}

static int add_mail(struct gallery *g, const char *stem, const char *title, const struct filling *f)
{
    CLEANUP(outcome_release) struct outcome trouble = { .code = "" };
    int r = write_body(g, stem, f, MAIL_HTML, &trouble);

    if (r == 0)
        r = write_body(g, stem, f, MAIL_TEXT, &trouble);
    if (r > 0)
        return add_failure(g, title, &trouble);
    if (r == 0)
        r = buffer_addf(&g->index, "<figure><figcaption>%s: ", title);
    if (r == 0)
        r = add_subject(g, f, &trouble);
    if (r == 0)
        r = buffer_addf(&g->index,
                        "</figcaption><iframe loading=\"lazy\" sandbox src=\"%s.html\"></iframe> "
                        "<iframe loading=\"lazy\" sandbox src=\"%s.txt\"></iframe></figure>\n",
                        stem, stem);
    g->pictures++;
    return r;
}

static int add_kind(struct gallery *g, const char *tag, const char *torture, const json_t *event,
                    enum secret_kind kind)
{
    const char *language = tag[0] ? tag : "default";
    char stem[NAME_BYTES - 16], title[NAME_BYTES];
    const struct filling f = { .event = event,
                               .kind = kind,
                               .secret = g->secret,
                               .delivery_id = "00000000-0000-7000-8000-000000000000",
                               .created = clock_now(&clock_real),
                               .from = "PIN <pin@example.com>",
                               .message_id = "gallery@example.com" };

    snprintf(stem, sizeof(stem), "%.100s-%s-%s-%s", g->name, language, torture, secret_kind_name(kind));
    snprintf(title, sizeof(title), "%s, %s", torture, secret_kind_name(kind));
    return g->letter ? add_letter(g, stem, title, &f) : add_mail(g, stem, title, &f);
}

static int add_case(struct gallery *g, const char *tag, size_t i)
{
    CLEANUP(json_cleanup) json_t *event = NULL;
    const char *torture;
    int r = template_torture(i, tag, &torture, &event);

    for (enum secret_kind kind = 0; kind < SECRET_KINDS && r == 0; kind++)
        r = add_kind(g, tag, torture, event, kind);
    return r;
}

static int add_language(struct gallery *g, const char *tag)
{
    int r = buffer_addf(&g->index, "<h2>%s, %s</h2>\n<div class=\"cases\">\n", g->name,
                        tag[0] ? tag : "default language");

    for (size_t i = 0; r == 0; i++)
        r = add_case(g, tag, i);
    return r == -ENOENT ? buffer_add_text(&g->index, "</div>\n") : r;
}

static int add_languages(struct gallery *g)
{
    int r = 0;

    for (size_t i = 0; r == 0; i++) {
        const char *tag = g->letter ? letter_language(g->letter, i) : mail_language(g->mail, i);

        if (!tag)
            break;
        r = add_language(g, tag);
    }
    return r;
}

static int add_template(void *userdata, const char *name, bool is_letter)
{
    struct gallery *g = userdata;
    const struct template_rules any = { .full_card_number = true };
    CLEANUP(letter_cleanup) struct letter *letter = NULL;
    CLEANUP(mail_cleanup) struct mail *mail = NULL;
    struct problem p = { .code = "" };
    int r = is_letter ? letter_load(g->dir, name, &any, &letter, &p) : mail_load(g->dir, name, &any, &mail, &p);

    if (r > 0) {
        g->unreadable++;
        ctl_failed("%s: %s", p.where, p.message);
        return 0;
    }
    g->name = name;
    g->letter = letter;
    g->mail = mail;
    return r == 0 ? add_languages(g) : r;
}

static int write_all(struct gallery *g)
{
    int r = folder_make(g->output, 0755);

    if (r == 0)
        r = secret_new("********", 8, &g->secret);
    if (r == 0)
        r = buffer_add_text(&g->index, index_head);
    if (r == 0)
        r = template_list(g->dir, add_template, g);
    if (r == 0)
        r = buffer_add_text(&g->index, "</body></html>\n");
    return r == 0 ? write_file(g, "index.html", &g->index) : r;
}

int gallery_write(struct ctl *c, const char *dir, const char *output)
{
    struct gallery g = { .dir = dir, .output = output, .index = BUFFER(INDEX_MOST) };
    int r = write_all(&g);

    secret_free(g.secret);
    buffer_release(&g.index);
    if (r < 0)
        return ctl_failed("%s → %s: %s", dir, output, strerror(-r));
    if (!c->json)
        printf("%s/index.html: %u documents, %u that would not be delivered\n", output, g.pictures, g.failures);
    return g.unreadable > 0 ? CTL_UNDONE : CTL_DONE;
}

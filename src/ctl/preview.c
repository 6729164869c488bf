#include "ctl.h"

#include <errno.h>
#include <string.h>

#include "show.h"
#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/event.h>
#include <pindispatch/file.h>
#include <pindispatch/lines.h>
#include <pindispatch/method.h>
#include <pindispatch/protect.h>
#include <pindispatch/secret.h>
#include <pindispatch/template.h>
#include <pindispatch/uuid.h>

enum { PREVIEW_DPI = 150 };

struct preview {
    const struct settings *settings;
    const struct method *method;
    enum secret_kind kind;
    bool reveal;
    unsigned page, dpi;
    const char *output;
    const char *suffix;    /* "pdf", "png", "eml" */
    struct event *event;   /* owned */
    struct secret *secret; /* owned: masked unless revealed */
};

static int tell_problem(const char *name, const struct problem *p)
{
    return ctl_failed("%s: %s%s%s", name, p->where, p->where[0] ? ": " : "", p->message);
}

/* The file may hold a PIN: it is read into memory that is wiped. */
static int read_event(struct preview *v, const char *name)
{
    struct buffer b = BUFFER(EVENT_MOST);
    struct problem p = { 0 };
    int r = ctl_read(name, &b);

    if (r == 0)
        r = event_parse(buffer_bytes(&b), buffer_size(&b), settings_list(v->settings, "accept_types"), &v->event, &p);
    buffer_release(&b);
    if (r > 0)
        return tell_problem(name, &p);
    return r < 0 ? ctl_failed("%s: %s", name, strerror(-r)) : CTL_DONE;
}

/* What stands in the letter: the secret itself only when it was asked for. */
static int take_secret(struct preview *v)
{
    struct secret *clear = v->event->secrets[v->kind];
    int r;

    if (!clear && !v->event->brings[v->kind])
        return ctl_failed("the event brings no %s", secret_kind_name(v->kind));
    if (!clear && v->reveal)
        return ctl_failed("the event is sealed: only a worker can open it, so there is nothing to reveal");
    if (!clear)
        r = secret_new("******", 6, &v->secret);
    else if (v->reveal)
        r = secret_new(secret_reveal(clear), secret_size(clear), &v->secret);
    else
        r = secret_masked(clear, '*', &v->secret);
    return r < 0 ? ctl_failed("%s", strerror(-r)) : CTL_DONE;
}

static int check_event(const struct preview *v)
{
    struct problem p = { 0 };

    return v->method->check && v->method->check(v->event, v->settings, &p) > 0 ? tell_problem("the event", &p)
                                                                               : CTL_DONE;
}

static int render_letter(const struct preview *v, const struct filling *f, struct document *d,
                         struct outcome *trouble)
{
    const struct template_rules rules = template_rules_of(v->settings, false);
    CLEANUP(letter_cleanup) struct letter *letter = NULL;
    struct problem p = { 0 };
    int r = letter_load(settings_text(v->settings, "templates.directory"),
                        settings_text(v->settings, "print.template"), &rules, &letter, &p);

    if (r > 0)
        outcome_set(trouble, OUTCOME_FAILED, p.code, "%s: %s", p.where, p.message);
    if (r != 0)
        return r;
    if (strcmp(v->suffix, "png") == 0)
        return letter_png(letter, f, v->page, v->dpi, d, trouble);
    return letter_pdf(letter, f, d, trouble);
}

static int render_mail(const struct preview *v, const struct filling *f, struct document *d, struct outcome *trouble)
{
    CLEANUP(mailer_cleanup) struct mailer *mailer = NULL;
    struct problem p = { 0 };
    int r = mailer_new(v->settings, &mailer, &p);

    if (r > 0)
        outcome_set(trouble, OUTCOME_FAILED, p.code, "%s: %s", p.where, p.message);
    if (r != 0)
        return r;
    return mailer_compose(mailer, f, v->event->secrets[SECRET_PASSWORD], clock_now(&clock_real), d, trouble);
}

static int render(const struct preview *v, struct document *d, struct outcome *trouble)
{
    static const struct uuid nobody;
    char id[UUID_TEXT], message_id[UUID_TEXT + 16];
    struct filling f = { .event = v->event->body,
                         .kind = v->kind,
                         .secret = v->secret,
                         .delivery_id = uuid_format(&nobody, id),
                         .created = clock_now(&clock_real),
                         .from = settings_text(v->settings, "email.from"),
                         .message_id = message_id };

    snprintf(message_id, sizeof(message_id), "%s@preview.invalid", id);
    if (v->method->document == DOCUMENT_MAIL)
        return render_mail(v, &f, d, trouble);
    return render_letter(v, &f, d, trouble);
}

static int write_document(const struct preview *v, const struct document *d)
{
    const char *bytes = buffer_bytes(&d->bytes);
    int r;

    if (strcmp(v->output, "-") == 0)
        r = lines_write(STDOUT_FILENO, bytes, buffer_size(&d->bytes));
    else
        r = file_write_private(v->output, bytes, buffer_size(&d->bytes));
    return r < 0 ? ctl_failed("%s: %s", v->output, strerror(-r)) : CTL_DONE;
}

static void tell_document(const struct ctl *c, const struct preview *v, const struct document *d)
{
    CLEANUP(json_cleanup) json_t *j = NULL;

    if (strcmp(v->output, "-") == 0)
        return;
    if (!c->json) {
        printf("%s: %s%s", v->output, d->media_type, v->reveal ? ", with the secret" : ", the secret is masked");
        if (d->pages > 0)
            printf(", %u page%s", d->pages, d->pages == 1 ? "" : "s");
        putchar('\n');
        return;
    }
    j = json_pack("{s:s, s:s, s:i, s:b, s:s}", "file", v->output, "media_type", d->media_type, "pages", (int)d->pages,
                  "revealed", (int)v->reveal, "template", d->template_hash);
    show_json(j);
}

static int make_document(const struct ctl *c, const struct preview *v)
{
    CLEANUP(document_release) struct document d = DOCUMENT;
    CLEANUP(outcome_release) struct outcome trouble = { .code = "" };
    int r = render(v, &d, &trouble);
    int status;

    if (r > 0)
        return ctl_failed("%s: %s", trouble.code, trouble.reason);
    if (r < 0)
        return ctl_failed("it could not be rendered: %s", strerror(-r));
    status = write_document(v, &d);
    if (status == CTL_DONE)
        tell_document(c, v, &d);
    return status;
}

/* The file's ending chooses the form; it must be one that the method makes. */
static int choose_form(const struct ctl *c, struct preview *v)
{
    const char *dot = strrchr(v->output, '.');
    bool to_output = strcmp(v->output, "-") == 0;
    const char *suffix = dot && !strchr(dot, '/') ? dot + 1 : "";

    if (v->method->document == DOCUMENT_MAIL) {
        v->suffix = "eml";
        if (!to_output && strcmp(suffix, "eml") != 0)
            return ctl_misused(c, "a mail is written to a file that ends with .eml");
        return CTL_DONE;
    }
    v->suffix = strcmp(suffix, "png") == 0 ? "png" : "pdf";
    if (!to_output && strcmp(suffix, v->suffix) != 0)
        return ctl_misused(c, "a letter is written to a file that ends with .pdf or .png");
    return CTL_DONE;
}

static int choose_method(const struct ctl *c, struct preview *v, const char *method, const char *secret)
{
    if (!method || !v->output)
        return ctl_misused(c, "preview needs --method and --output");
    if (secret_kind_parse(secret, &v->kind) < 0)
        return ctl_misused(c, "--secret is pin or puk");
    v->method = method_find(v->kind, method);
    if (!v->method)
        return ctl_misused(c, "there is no method \"%s\" for a %s", method, secret);
    if (v->method->document == DOCUMENT_NONE)
        return ctl_misused(c, "%s makes no document", method);
    return choose_form(c, v);
}

static int preview_event(const struct ctl *c, struct preview *v, const char *name)
{
    int status = read_event(v, name);

    if (status == CTL_DONE)
        status = check_event(v);
    if (status == CTL_DONE)
        status = take_secret(v);
    return status == CTL_DONE ? make_document(c, v) : status;
}

int ctl_preview(struct ctl *c, int argc, char **argv)
{
    struct preview v = { .page = 0, .dpi = PREVIEW_DPI };
    const char *method = NULL;
    const char *secret = "pin";
    const struct ctl_option options[] = {
        { "method", 'm', CTL_TEXT, &method, "METHOD", "print or email" },
        { "secret", 's', CTL_TEXT, &secret, "KIND", "pin (standard) or puk" },
        { "output", 'o', CTL_TEXT, &v.output, "FILE", "a letter: .pdf or .png; a mail: .eml; - is standard output" },
        { "reveal", 0, CTL_FLAG, &v.reveal, NULL, "with the secret itself; else it is masked" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc != 1)
        return ctl_misused(c, "preview takes one file with one event, or -");
    status = choose_method(c, &v, method, secret);
    if (status == CTL_DONE) {
        v.settings = ctl_settings(c);
        status = v.settings ? preview_event(c, &v, argv[0]) : CTL_USAGE;
    }
    event_free(v.event);
    secret_free(v.secret);
    return status;
}

/* The command template: check and gallery. */
#include "ctl.h"

#include <errno.h>
#include <string.h>

#include <pindispatch/template.h>

#include "gallery.h"
#include "show.h"

struct checking {
    const struct ctl *ctl;
    const struct settings *settings; /* NULL: a folder of its own */
    const char *dir;
    unsigned templates, errors, warnings;
};

static void tell_finding(void *userdata, const struct problem *p, bool is_warning)
{
    struct checking *c = userdata;
    const char *severity = is_warning ? "warning" : "error";
    CLEANUP(json_cleanup) json_t *j = NULL;

    c->errors += !is_warning;
    c->warnings += is_warning;
    if (c->ctl->json) {
        j = json_pack("{s:s, s:s, s:s, s:s}", "severity", severity, "where", p->where, "code", p->code, "message",
                      p->message);
        show_json(j);
        return;
    }
    printf("%s: %s%s%s: %s [%s]\n", p->where, show_begin(is_warning ? SHOW_YELLOW : SHOW_RED), severity,
           show_begin(SHOW_PLAIN), p->message, p->code);
}

static int check_one(void *userdata, const char *name, bool is_letter)
{
    struct checking *c = userdata;
    const bool printed = c->settings && is_letter && strcmp(name, settings_text(c->settings, "print.template")) == 0;
    const struct template_rules rules =
        c->settings ? template_rules_of(c->settings, printed) : (struct template_rules){ .full_card_number = false };
    int r = template_check(c->dir, name, &rules, tell_finding, c);

    c->templates++;
    return r < 0 ? r : 0;
}

static int check(struct ctl *c, const char *dir)
{
    struct checking x = { .ctl = c, .settings = c->settings, .dir = dir };
    int r = template_list(dir, check_one, &x);

    if (r < 0)
        return ctl_failed("%s: %s", dir, strerror(-r));
    if (x.templates == 0)
        return ctl_failed("%s: there are no templates", dir);
    fflush(stdout);
    if (!c->json)
        fprintf(stderr, "%u template%s: %u error%s, %u warning%s\n", x.templates, x.templates == 1 ? "" : "s",
                x.errors, x.errors == 1 ? "" : "s", x.warnings, x.warnings == 1 ? "" : "s");
    return x.errors > 0 ? CTL_UNDONE : CTL_DONE;
}

int ctl_template(struct ctl *c, int argc, char **argv)
{
    const char *output = NULL, *dir;
    const struct ctl_option options[] = {
        { "output", 'o', CTL_TEXT, &output, "DIR", "gallery: the folder that the pictures are written to" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc < 1 || argc > 2)
        return ctl_misused(c, "template takes check or gallery, and a folder of templates");
    if ((argc == 1 || c->config_file) && !ctl_settings(c))
        return CTL_USAGE;
    dir = argc == 2 ? argv[1] : settings_text(c->settings, "templates.directory");
    if (strcmp(argv[0], "check") == 0)
        return check(c, dir);
    if (strcmp(argv[0], "gallery") != 0)
        return ctl_misused(c, "template takes check or gallery, not \"%s\"", argv[0]);
    return output ? gallery_write(c, dir, output) : ctl_misused(c, "gallery needs --output");
}

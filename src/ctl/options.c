#include "ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

enum { OPTIONS_MOST = 24, FIRST_NAMELESS = 256 };

int ctl_failed(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("pindispatchctl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return CTL_UNDONE;
}

int ctl_misused(const struct ctl *c, const char *format, ...)
{
    const char *name = c && c->command ? c->command->name : "";
    va_list arguments;

    fputs("pindispatchctl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nTry 'pindispatchctl%s%s --help'.\n", name[0] ? " " : "", name);
    return CTL_USAGE;
}

static const struct ctl_option common[] = {
    { "config", 'c', CTL_TEXT, NULL, "FILE", "the configuration file" },
    { "json", 'j', CTL_FLAG, NULL, NULL, "one JSON object, or one a line for lists" },
    { "help", 'h', CTL_FLAG, NULL, NULL, "this" },
};

static void show_option(const struct ctl_option *o)
{
    char left[64];
    int n = snprintf(left, sizeof(left), "%c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                     o->letter ? ',' : ' ', o->name, o->value ? " " : "", o->value ? o->value : "");

    printf("  %s%*s  %s\n", left, n < 24 ? 24 - n : 0, "", o->help);
}

static void show_help(const struct ctl *c, const struct ctl_option *options)
{
    printf("Usage: pindispatchctl %s [OPTION…] %s\n\n%s\n\nOptions:\n", c->command->name, c->command->arguments,
           c->command->summary);
    for (const struct ctl_option *o = options; o->name; o++)
        show_option(o);
    for (size_t i = 0; i < ARRAY_SIZE(common); i++)
        show_option(&common[i]);
}

/* What getopt_long() wants, from our tables. */
struct parser {
    const struct ctl_option *known[OPTIONS_MOST];
    struct option long_options[OPTIONS_MOST + 1];
    char letters[2 * OPTIONS_MOST + 2];
    size_t n;
};

static void add_option(struct parser *p, const struct ctl_option *o)
{
    bool takes = o->kind != CTL_FLAG;
    char *end = p->letters + strlen(p->letters);

    p->known[p->n] = o;
    p->long_options[p->n] = (struct option){ .name = o->name,
                                             .has_arg = takes ? required_argument : no_argument,
                                             .val = FIRST_NAMELESS + (int)p->n };
    p->n++;
    if (o->letter) {
        *end++ = o->letter;
        if (takes)
            *end = ':';
    }
}

static const struct ctl_option *find_option(const struct parser *p, int found)
{
    if (found >= FIRST_NAMELESS)
        return p->known[found - FIRST_NAMELESS];
    for (size_t i = 0; i < p->n; i++)
        if (p->known[i]->letter == found)
            return p->known[i];
    return NULL;
}

static bool take_text(const struct ctl_option *o, const char *text)
{
    struct ctl_texts *list = o->target;

    if (o->kind == CTL_TEXT)
        *(const char **)o->target = text;
    else if (list->n == CTL_TEXTS_MOST)
        return false;
    else
        list->items[list->n++] = text;
    return true;
}

/* True: go on. */
static bool take_option(struct ctl *c, const struct ctl_option *o, const struct ctl_option *options, int *ret_status)
{
    if (o == &common[0]) {
        c->config_file = optarg;
    } else if (o == &common[1]) {
        c->json = true;
    } else if (o == &common[2]) {
        show_help(c, options);
        *ret_status = CTL_DONE;
        return false;
    } else if (o->kind == CTL_FLAG) {
        *(bool *)o->target = true;
    } else if (!take_text(o, optarg)) {
        *ret_status = ctl_misused(c, "--%s is given too often", o->name);
        return false;
    }
    return true;
}

bool ctl_options(struct ctl *c, int *argc, char ***argv, const struct ctl_option *options, int *ret_status)
{
    struct parser p = { .n = 0 };
    int found;

    for (const struct ctl_option *o = options; o->name; o++)
        add_option(&p, o);
    for (size_t i = 0; i < ARRAY_SIZE(common); i++)
        add_option(&p, &common[i]);
    optind = 0; /* glibc: a new scan */
    opterr = 0;
    while ((found = getopt_long(*argc, *argv, p.letters, p.long_options, NULL)) != -1) {
        const struct ctl_option *o = find_option(&p, found);

        if (!o) {
            const char *what = (*argv)[optind - 1];

            *ret_status = ctl_misused(c, "%s: there is no such option here, or it lacks its value", what);
            return false;
        }
        if (!take_option(c, o, options, ret_status))
            return false;
    }
    *argc -= optind;
    *argv += optind;
    return true;
}

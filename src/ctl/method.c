#include "ctl.h"

#include <errno.h>
#include <string.h>

#include "dialogue.h"
#include "show.h"
#include <pindispatch/config.h>
#include <pindispatch/method.h>

static const char *const option_names[SECRET_KINDS] = { "CardsPINDeliveryMethod", "CardsPUKDeliveryMethod" };

/* What the running daemon uses; NULL when there is none. It may differ from the file until the next reload. */
static json_t *methods_in_force(const struct settings *settings)
{
    CLEANUP(dialogue_close) struct dialogue d = DIALOGUE;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct problem p;

    if (dialogue_open(&d, settings_text(settings, "control.socket")) < 0 ||
        dialogue_ask(&d, json_pack("{s:s}", "command", "status"), NULL, NULL, &answer, &p) != 0)
        return NULL;
    return json_incref(json_object_get(json_object_get(answer, "status"), "methods"));
}

static int show_methods(struct ctl *c)
{
    const struct settings *settings = ctl_settings(c);
    CLEANUP(json_cleanup) json_t *in_force = NULL;

    if (!settings)
        return CTL_USAGE;
    in_force = methods_in_force(settings);
    if (c->json) {
        CLEANUP(json_cleanup)
        json_t *j = json_pack("{s:s, s:s, s:O?}", "pin", settings_text(settings, option_names[SECRET_PIN]), "puk",
                              settings_text(settings, option_names[SECRET_PUK]), "in_force", in_force);

        show_json(j);
        return CTL_DONE;
    }
    for (int kind = 0; kind < SECRET_KINDS; kind++) {
        const char *file = settings_text(settings, option_names[kind]);
        const char *running = json_text(in_force, secret_kind_name((enum secret_kind)kind));

        printf("%s = \"%s\"", option_names[kind], file);
        if (running && strcmp(running, file) != 0)
            printf("   (the daemon still uses \"%s\": reload it)", running);
        putchar('\n');
    }
    if (!in_force)
        puts("(no daemon is running)");
    return CTL_DONE;
}

static int unknown_method(struct ctl *c, enum secret_kind kind, const char *name)
{
    char known[256] = "";
    size_t n = 0;

    for (const char *const *m = method_names(kind); *m && n < sizeof(known); m++)
        n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n > 0 ? ", " : "", *m);
    return ctl_misused(c, "there is no method \"%s\" for a %s; there are %s", name,
                       kind == SECRET_PIN ? "PIN" : "PUK", known);
}

static int write_method(const char *file, const char *option, const char *name)
{
    struct problem p = { 0 };
    int r = config_set_text(file, option, name, &p);

    if (r == 0)
        return CTL_DONE;
    if (r < 0)
        return ctl_failed("%s: %s; nothing was changed", file, strerror(-r));
    ctl_failed("%s%s%s; nothing was changed", p.where, p.where[0] ? ": " : "", p.message);
    return CTL_USAGE;
}

static void tell_set(const struct ctl *c, const char *option, const char *name, bool reloaded)
{
    if (c->json) {
        CLEANUP(json_cleanup)
        json_t *j = json_pack("{s:s, s:s, s:b}", "option", option, "value", name, "reloaded", (int)reloaded);

        show_json(j);
        return;
    }
    printf("%s = \"%s\" is set in %s", option, name, ctl_config_file(c));
    puts(reloaded ? "; events accepted from now on are delivered so"
                  : "; no daemon is running: it counts from the next start");
}

static int reload(struct ctl *c, const char *option, const char *name)
{
    CLEANUP(dialogue_close) struct dialogue d = DIALOGUE;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    const struct settings *settings = ctl_settings(c);
    struct problem p = { 0 };
    const char *socket;
    int r;

    if (!settings) {
        ctl_failed("%s is set, but the file has the errors above", option);
        return CTL_USAGE;
    }
    socket = settings_text(settings, "control.socket");
    r = dialogue_open(&d, socket);
    if (r == -ENOENT || r == -ECONNREFUSED) {
        tell_set(c, option, name, false);
        return CTL_DONE;
    }
    if (r < 0)
        return ctl_no_daemon(socket, r);
    r = dialogue_ask(&d, json_pack("{s:s}", "command", "reload"), NULL, NULL, &answer, &p);
    if (r > 0)
        return ctl_refused(&p);
    if (r < 0)
        return ctl_failed("%s is set, but the daemon did not answer: %s", option, strerror(-r));
    tell_set(c, option, name, true);
    return CTL_DONE;
}

int ctl_method(struct ctl *c, int argc, char **argv)
{
    bool puk = false;
    const struct ctl_option options[] = {
        { "puk", 0, CTL_FLAG, &puk, NULL, "set how the PUK is delivered instead of the PIN" },
        { 0 },
    };
    enum secret_kind kind;
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    kind = puk ? SECRET_PUK : SECRET_PIN;
    if (argc == 0 && !puk)
        return show_methods(c);
    if (argc != 1)
        return ctl_misused(c, "method takes one name");
    if (!method_find(kind, argv[0]))
        return unknown_method(c, kind, argv[0]);
    status = write_method(ctl_config_file(c), option_names[kind], argv[0]);
    return status == CTL_DONE ? reload(c, option_names[kind], argv[0]) : status;
}

#include "ctl.h"

#include <getopt.h>
#include <locale.h>
#include <string.h>

#include <pindispatch/problem.h>
#include <pindispatch/secret.h>

/* Every command there is. */
static const struct ctl_command commands[] = {
    { "submit", "[FILE…|-]", "hand in card events, one JSON object a line", ctl_submit },
    { "status", "", "the daemon, its methods, workers and destinations, and counts by state", ctl_status },
    { "list", "", "deliveries, newest first", ctl_list },
    { "show", "ID", "one delivery: its event without secrets, evidence, audit rows", ctl_show },
    { "retry", "ID…", "try a failed or deferred delivery again, now", ctl_operate },
    { "cancel", "ID…", "take a delivery back; its secret is erased", ctl_operate },
    { "hold", "ID…", "keep a delivery from being tried", ctl_operate },
    { "release", "ID…", "let a held delivery go on", ctl_operate },
    { "resolve", "ID delivered|failed", "settle a delivery that is in doubt", ctl_resolve },
    { "method", "[NAME]", "show how secrets are delivered, or set it and reload", ctl_method },
    { "preview", "EVENT", "write the letter or mail of an event to a file", ctl_preview },
    { "template", "check|gallery [DIR]", "check all templates, or write them all as pictures", ctl_template },
    { "test-print", "", "print a test letter, and wait for it", ctl_test },
    { "test-mail", "ADDRESS", "send a test mail, and wait for it", ctl_test },
    { "keygen", "", "make the sealing key pair", ctl_keygen },
    { "seal", "", "seal the {\"pin\":…} on standard input, as an issuer would", ctl_seal },
    { "audit", "verify|export", "check the audit trail's chain, or write it as NDJSON", ctl_audit },
    { "metrics", "", "numbers in Prometheus text format", ctl_metrics },
};

static void show_help(void)
{
    puts("Usage: pindispatchctl [--config FILE] [--json] COMMAND …\n\n"
         "Commands:");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        /* "…" is three bytes and one column. */
        int width = 20 + (strstr(commands[i].arguments, "…") ? 2 : 0);

        printf("  %-10s %-*s  %s\n", commands[i].name, width, commands[i].arguments, commands[i].summary);
    }
    puts("\nOptions:\n"
         "  -c, --config FILE  the configuration file (/etc/pindispatch/pindispatch.conf)\n"
         "  -j, --json         one JSON object, or one a line for lists\n"
         "  -h, --help         this; after a command: its own options\n"
         "  -V, --version      the version\n\n"
         "Exit status: 0 done, 1 the thing asked for did not succeed, 2 wrong usage or configuration.");
}

static const struct ctl_command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[ARRAY_SIZE(commands) + 1] = { NULL };
    const char *near;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        names[i] = commands[i].name;
    near = nearest_name(name, names);
    if (near)
        return ctl_misused(NULL, "there is no command \"%s\"; the nearest is \"%s\"", name, near);
    return ctl_misused(NULL, "there is no command \"%s\"", name);
}

/* The options before the command. -1: go on with optind. */
static int take_options(struct ctl *c, int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "help", no_argument, NULL, 'h' },
                                             { "version", no_argument, NULL, 'V' },
                                             { NULL, 0, NULL, 0 } };
    int option;

    while ((option = getopt_long(argc, argv, "+c:jhV", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            c->config_file = optarg;
            break;
        case 'j':
            c->json = true;
            break;
        case 'h':
            show_help();
            return CTL_DONE;
        case 'V':
            puts("pindispatchctl " PINDISPATCH_VERSION);
            return CTL_DONE;
        default:
            return ctl_misused(NULL, "see the options that exist");
        }
    }
    return -1;
}

static int run(struct ctl *c, int argc, char **argv)
{
    int status = take_options(c, argc, argv);

    if (status >= 0)
        return status;
    if (optind == argc)
        return ctl_misused(NULL, "which command?");
    c->command = find_command(argv[optind]);
    if (!c->command)
        return unknown_command(argv[optind]);
    return c->command->run(c, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
    struct ctl c = { 0 };
    int status;

    secret_harden_process();
    setlocale(LC_ALL, "");
    status = run(&c, argc, argv);
    settings_free(c.settings);
    if (fflush(stdout) == EOF || ferror(stdout))
        status = ctl_failed("standard output cannot be written");
    return status;
}

/* pindispatchd: the dispatcher. */
#include <getopt.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pindispatch/config.h>
#include <pindispatch/log.h>
#include <pindispatch/schemas.h>
#include <pindispatch/secret.h>

#include "daemon.h"

static const char usage[] =
    "Usage: pindispatchd [--config FILE] [--check-config] [--dry-run] [--once]\n"
    "Delivers the PINs of issued cards: prints letters, mails them, or records that none is wanted.\n\n"
    "  -c, --config FILE   the configuration (" CONFIG_FILE ")\n"
    "      --check-config  report everything that is wrong or unsafe in the configuration, then exit\n"
    "      --dry-run       render letters and mails with masked secrets into dry-run/ beside the store;\n"
    "                      talk to no printer and no mail server, leave the real store alone\n"
    "      --once          deliver what is due, then exit (0: all final; 1: something is deferred,\n"
    "                      failed or in doubt); the drop directory is read, no socket is opened\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n\n"
    "Exit status: 0 done, 1 it did not succeed, 2 wrong usage or configuration.\n"
    "See pindispatchd(8), pindispatch.conf(5), pindispatchctl(1).\n";

enum { SLICE = 100000 }; /* nanoseconds: the shortest there is */

enum { OPTION_CHECK = 256, OPTION_DRY_RUN, OPTION_ONCE };

/* -1: go on; else the exit status. */
static int parse_arguments(int argc, char **argv, struct daemon_options *o, bool *ret_check)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "check-config", no_argument, NULL, OPTION_CHECK },
        { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
        { "once", no_argument, NULL, OPTION_ONCE },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case OPTION_CHECK:
            *ret_check = true;
            break;
        case OPTION_DRY_RUN:
            o->dry_run = true;
            break;
        case OPTION_ONCE:
            o->once = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'V':
            puts("pindispatchd " PINDISPATCH_VERSION);
            return 0;
        default:
            fputs("Try 'pindispatchd --help'.\n", stderr);
            return 2;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "pindispatchd: unexpected argument: %s\nTry 'pindispatchd --help'.\n", argv[optind]);
    return 2;
}

static void show_warning(void *userdata, const struct problem *p)
{
    (void)userdata;
    fprintf(stderr, "warning: %s: %s\n", p->where, p->message);
}

static int check_config(const struct daemon_options *o)
{
    CLEANUP(settings_cleanup) struct settings *s = NULL;

    bool good;

    if (daemon_load_settings(o, &s) != 0)
        return 2;
    good = daemon_check_keys(s) == 0;
    if (good)
        printf("%s: no errors; PIN by %s, PUK by %s\n", o->config, settings_text(s, "CardsPINDeliveryMethod"),
               settings_text(s, "CardsPUKDeliveryMethod"));
    site_warnings(s, show_warning, NULL);
    return good ? 0 : 2;
}

static int serve(const struct daemon_options *o)
{
    struct daemon d;
    int r = daemon_start(&d, o);
    int status = r == 0 ? daemon_run(&d) : d.settings ? 1 : 2;

    daemon_release(&d);
    return status;
}

/* What the dispatcher does takes microseconds, and workers, spoolers and clients wait for it: it goes before those
 * who work longer, its workers too. As the administrator has it otherwise; Linux before 6.12 passes over it. */
static void ask_for_short_slices(void)
{
    struct sched_attr a = { .size = sizeof(a) };

    if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0 || a.sched_policy != SCHED_NORMAL)
        return;
    a.sched_flags |= SCHED_FLAG_RESET_ON_FORK;
    a.sched_runtime = SLICE;
    syscall(SYS_sched_setattr, 0, &a, 0);
}

int main(int argc, char **argv)
{
    struct daemon_options o = { .config = CONFIG_FILE };
    bool check = false;
    int r = parse_arguments(argc, argv, &o, &check);

    if (r >= 0)
        return r;
    log_set_program("pindispatchd");
    if (check)
        return check_config(&o);
    secret_harden_process();
    ask_for_short_slices();
    return serve(&o);
}

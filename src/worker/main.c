/* pindispatch-worker: whoever is at the other end of standard input (a connected socket) gives it work. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <pindispatch/log.h>
#include <pindispatch/schemas.h>
#include <pindispatch/secret.h>

#include "worker.h"

static const char usage[] =
    "Usage: pindispatch-worker < SOCKET\n"
    "Started by pindispatchd or systemd with a connected socket as standard input; not for use by hand.\n"
    "  -h, --help     this text\n"
    "  -V, --version  the version\n";

static int parse_arguments(int argc, char **argv)
{
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { "version", no_argument, NULL, 'V' },
                                             { NULL, 0, NULL, 0 } };

    switch (getopt_long(argc, argv, "hV", options, NULL)) {
    case 'h':
        fputs(usage, stdout);
        return 0;
    case 'V':
        puts("pindispatch-worker " PINDISPATCH_VERSION);
        return 0;
    case -1:
        break;
    default:
        return 2;
    }
    return optind < argc ? 2 : -1;
}

static int is_socket(int fd)
{
    int type;
    socklen_t size = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int main(int argc, char **argv)
{
    int r = parse_arguments(argc, argv);

    if (r >= 0)
        return r;
    log_set_program("pindispatch-worker");
    if (!is_socket(STDIN_FILENO)) {
        fputs(usage, stderr);
        return 2;
    }
    secret_harden_process();
    signal(SIGPIPE, SIG_IGN);
    r = worker_run(STDIN_FILENO, &clock_real, site_schemas());
    if (r < 0 && r != -EPIPE && r != -ENOTCONN)
        log_plain(LOG_ERR, "the worker ends: %s", strerror(-r));
    return r != 0;
}

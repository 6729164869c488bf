/* A worker's process, where the dispatcher starts it itself. */
#include "lane.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <pindispatch/cleanup.h>

extern char **environ;

/* GLib would keep what it frees in small pieces, without overwriting it. */
static char *const worker_environment[] = { "G_SLICE=always-malloc" };

static bool is_overridden(const char *variable)
{
    for (size_t i = 0; i < ARRAY_SIZE(worker_environment); i++) {
        size_t n = strcspn(worker_environment[i], "=") + 1;

        if (strncmp(variable, worker_environment[i], n) == 0)
            return true;
    }
    return false;
}

/* The daemon's environment with the worker's additions; the strings are borrowed. */
static char **make_environment(void)
{
    size_t n = 0, m = 0;
    char **list;

    while (environ[n])
        n++;
    list = calloc(n + ARRAY_SIZE(worker_environment) + 1, sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!is_overridden(environ[i]))
            list[m++] = environ[i];
    memcpy(list + m, worker_environment, sizeof(worker_environment));
    return list;
}

static int spawn(const char *program, int socket, pid_t *ret)
{
    CLEANUP(free_cleanup) char **environment = make_environment();
    char *const arguments[] = { (char *)program, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int r;

    if (!environment)
        return -ENOMEM;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    r = -posix_spawn(ret, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    struct link *k = userdata;

    (void)source;
    (void)info;
    k->pid = 0;
    link_ended(k);
    return 0;
}

int process_start(struct link *k, int *ret_fd)
{
    struct dispatch *d = k->lane->dispatch;
    CLEANUP(fd_cleanup) int ours = -1;
    CLEANUP(fd_cleanup) int theirs = -1;
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    ours = pair[0];
    theirs = pair[1];
    r = spawn(d->worker_program, theirs, &k->pid);
    if (r == 0)
        r = sd_event_add_child(d->site->loop, &k->child, k->pid, WEXITED, on_child, k);
    if (r < 0)
        return r;
    *ret_fd = fd_take(&ours);
    return 0;
}

void process_kill(const struct link *k)
{
    if (k->pid > 0)
        kill(k->pid, SIGKILL);
}

void process_free(struct link *k)
{
    sd_event_source_disable_unref(k->child);
    process_kill(k);
    if (k->pid > 0)
        waitpid(k->pid, NULL, 0);
}

/* A worker's process, where the dispatcher starts it itself. */
#include "lane.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <pindispatch/cleanup.h>

extern char **environ;

static int spawn(const char *program, int socket, pid_t *ret)
{
    char *const arguments[] = { (char *)program, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int r;

    /* GLib would keep what it frees in small pieces, without overwriting it. */
    if (setenv("G_SLICE", "always-malloc", 1) < 0)
        return -ENOMEM;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    r = -posix_spawn(ret, program, &actions, &attributes, arguments, environ);
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

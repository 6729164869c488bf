#include "cups.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "private cupsd: %s: %s\n", what, strerror(errno));
    abort();
}

static pid_t spawn(const char *const *arguments, int in, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    must(posix_spawn_file_actions_init(&actions) == 0, "no memory");
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    int e = posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    errno = e;
    must(e == 0, arguments[0]);
    return pid;
}

/* A port that was free a moment ago. */
static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, size) == 0, "a port");
    must(getsockname(fd, (struct sockaddr *)&a, &size) == 0, "a port");
    close(fd);
    return ntohs(a.sin_port);
}

void private_cups_start(struct private_cups *c, const char *max_jobs)
{
    const char *script = TEST_SOURCE_DIR "/tests/support/cups.py";
    int in[2], out[2];
    snprintf(c->dir, sizeof(c->dir), "/tmp/pindispatch-cups-XXXXXX");
    must(mkdtemp(c->dir), "a folder");
    must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipes");
    char port[16];
    snprintf(port, sizeof(port), "%d", free_port());
    snprintf(c->tcp, sizeof(c->tcp), "127.0.0.1:%s", port);
    snprintf(c->relay, sizeof(c->relay), "%s/relay.sock", c->dir);
    const char *arguments[] = { "python3", script,   "serve", c->dir,       "pin",
                                "other",   "--port", port,    "--max-jobs", max_jobs ? max_jobs : "150",
                                NULL };
    c->pid = spawn(arguments, in[0], out[1]);
    c->leash = in[1];
    close(in[0]);
    close(out[1]);
    FILE *answer = fdopen(out[0], "r");
    must(answer && fgets(c->server, sizeof(c->server), answer), "it did not start");
    c->server[strcspn(c->server, "\n")] = '\0';
    fclose(answer);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s, (void)type, (void)where;
    return remove(path);
}

void private_cups_stop(struct private_cups *c)
{
    close(c->leash);
    waitpid(c->pid, NULL, 0);
    nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void private_cups_run(const struct private_cups *c, const char *command, const char *argument)
{
    const char *arguments[] = { command, "-h", c->server, argument, NULL };
    int status = 0;
    waitpid(spawn(arguments, -1, -1), &status, 0);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0, command);
}

static void put_file(const char *path, const char *words)
{
    FILE *f = fopen(path, "we");
    must(f && fputs(words, f) >= 0 && fclose(f) == 0, path);
}

void private_cups_fault(const struct private_cups *c, const char *words)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/printed/pin/fault", c->dir);
    if (words)
        put_file(path, words);
    else
        unlink(path);
}

void private_cups_reload(const struct private_cups *c)
{
    char path[128];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/cupsd.pid", c->dir);
    FILE *f = fopen(path, "re");
    must(f && fscanf(f, "%d", &pid) == 1 && pid > 1, "cupsd.pid");
    fclose(f);
    must(kill(pid, SIGHUP) == 0, "SIGHUP");
    usleep(300 * 1000);
}

void private_cups_lose(const struct private_cups *c, unsigned operation, bool before)
{
    char path[128], words[32];
    snprintf(path, sizeof(path), "%s/lose", c->dir);
    snprintf(words, sizeof(words), "0x%04x %s", operation, before ? "before" : "");
    put_file(path, words);
}

bool private_cups_has_lost(const struct private_cups *c)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/lose", c->dir);
    return access(path, F_OK) < 0;
}

unsigned private_cups_printed(const struct private_cups *c, const char *uuid, char path[160])
{
    unsigned n = 0;
    for (char one[160];; n++) {
        snprintf(one, sizeof(one), "%s/printed/pin/%s.%u.pdf", c->dir, uuid, n + 1);
        if (access(one, R_OK) < 0)
            return n;
        if (path)
            memcpy(path, one, sizeof(one));
    }
}

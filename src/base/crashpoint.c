#include <pindispatch/crashpoint.h>

#ifdef PINDISPATCH_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The passage at which LIST wants an end at NAME; 0: none. */
static unsigned wanted_passage(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, n) != 0 || (at[n] && at[n] != ',' && at[n] != ':'))
            continue;
        return at[n] == ':' ? (unsigned)strtoul(at + n + 1, NULL, 10) : 1;
    }
    return 0;
}

/* Whoever makes the file is the one that ends here. */
static bool is_first(const char *name)
{
    const char *folder = getenv("PINDISPATCH_CRASH_ONCE");
    char path[4096];
    int fd;

    if (!folder)
        return true;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

/* An orphan's parent is somebody else's process. */
static void end_parent(void)
{
    char path[64], name[32] = "";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)getppid());
    f = fopen(path, "re");
    if (f && fgets(name, sizeof(name), f) && strcmp(name, "pindispatchd\n") == 0)
        kill(getppid(), SIGKILL);
    if (f)
        fclose(f);
}

static void end(void)
{
    const char *whom = getenv("PINDISPATCH_CRASH_WHOM");
    bool parent = whom && (strcmp(whom, "parent") == 0 || strcmp(whom, "both") == 0);

    if (parent)
        end_parent();
    if (!whom || strcmp(whom, "parent") != 0)
        kill(getpid(), SIGKILL);
}

void crash_point(const char *name, unsigned passage)
{
    const char *list = getenv("PINDISPATCH_CRASH");

    if (list && wanted_passage(list, name) == passage && is_first(name))
        end();
}

#else

/* A source must not be empty. */
extern int crash_points_are_not_built;

#endif

#include "daemon.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include <pindispatch/control.h>
#include <pindispatch/file.h>
#include <pindispatch/intake.h>
#include <pindispatch/log.h>

enum { SOCKET_MODE = 0660, FOLDER_MODE = 0755 };

/* The descriptor that systemd passed under this FileDescriptorName=, or -1. */
static int find_passed(char **names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return SD_LISTEN_FDS_START + i;
    return -1;
}

static int open_socket(const struct daemon *d, const char *setting, int passed)
{
    const char *path = settings_text(d->settings, setting);
    CLEANUP(free_cleanup) char *folder = path_folder(path);
    int fd;

    if (passed >= 0)
        return passed;
    if (folder)
        (void)folder_make(folder, FOLDER_MODE); /* where it cannot be made, the socket says so */
    fd = socket_listen(path, SOCKET_MODE);
    if (fd < 0)
        log_plain(LOG_ERR, "%s: the socket (%s) cannot be made: %s", path, setting,
                  fd == -EADDRINUSE ? "another process answers there" : strerror(-fd));
    return fd;
}

static int open_both(struct daemon *d, char **names, int n)
{
    int fd = open_socket(d, "submit.socket", find_passed(names, n, "submit"));
    int r = fd < 0 ? fd : intake_listen(d->intake, fd);

    if (r < 0)
        return r;
    fd = open_socket(d, "control.socket", find_passed(names, n, "control"));
    return fd < 0 ? fd : control_listen(d->control, fd);
}

int sockets_open(struct daemon *d)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);
    int r = open_both(d, names, n < 0 ? 0 : n);

    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return r;
}

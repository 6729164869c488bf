#include <pindispatch/peer.h>

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD = 64 * 1024 }; /* bytes of one group with all its members' names */

static bool read_number(const char *text, gid_t *ret)
{
    char *end;
    unsigned long number;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno != 0 || *end || number >= (gid_t)-1)
        return false;
    *ret = (gid_t)number;
    return true;
}

gid_t peer_group(const char *group)
{
    struct group record, *found = NULL;
    char *bytes;
    gid_t gid = (gid_t)-1;

    if (read_number(group, &gid))
        return gid;
    bytes = malloc(RECORD);
    if (bytes && getgrnam_r(group, &record, bytes, RECORD, &found) == 0 && found)
        gid = found->gr_gid;
    free(bytes);
    return gid;
}

/* The groups at the time of connect(): what the user database says now may be otherwise, and is slow to ask. */
static bool has_supplementary(int fd, gid_t gid)
{
    gid_t groups[PEER_GROUPS];
    socklen_t size = sizeof(groups);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(groups[0]); i++)
        if (groups[i] == gid)
            return true;
    return false;
}

bool peer_may(int fd, const char *group)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    gid_t gid;

    if (!*group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid == (uid_t)-1)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    gid = peer_group(group);
    return gid != (gid_t)-1 && (peer.gid == gid || has_supplementary(fd, gid));
}

/* Who is at the other end of a unix socket, as the kernel noted it when it was connected. */
#ifndef PINDISPATCH_PEER_H
#define PINDISPATCH_PEER_H

#include <stdbool.h>
#include <sys/types.h>

enum { PEER_GROUPS = 1024 }; /* a peer with more supplementary groups counts as a member of none of them */

/* May this peer come in where members of GROUP (a name, or a number) may? An empty GROUP: everybody may, which leaves
 * it to the socket's mode. Root and the user of this process always may. A group that does not exist has no members,
 * and a peer that the kernel does not name is nobody. */
bool peer_may(int fd, const char *group);

/* The group's number; -1: there is none of this name. */
gid_t peer_group(const char *group);

#endif

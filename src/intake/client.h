/* One client of the submit socket. */
#ifndef PINDISPATCH_INTAKE_CLIENT_H
#define PINDISPATCH_INTAKE_CLIENT_H

#include <stdbool.h>

struct admit;
struct client;

/* The clients of a socket: a client takes itself out when it is gone. */
struct clients {
    struct admit *admit;
    struct client *first;
    unsigned n;
};

/* Takes FD over. 0 or -errno. */
int client_new(struct clients *all, int fd);
/* Closes at once; answers that are not out yet are lost. */
void client_close(struct client *c);
/* No more lines; closes once all answers are on their way. */
void client_stop(struct client *c);
/* Closes the client that has been silent for the longest time, if that is a minute or more: who says nothing, or does
 * not read, must not keep others out. */
bool clients_make_room(struct clients *all);
struct client *client_next(const struct client *c);

#endif

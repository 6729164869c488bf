/* A connection to the control socket: one request at a time, answered in order. */
#ifndef PINDISPATCH_CONTROL_CLIENT_H
#define PINDISPATCH_CONTROL_CLIENT_H

#include <pindispatch/control.h>

struct client;
struct site;

struct client_owner {
    const struct site *site;
    const struct control_host *host;
    void (*gone)(void *userdata, struct client *c); /* C is freed after it */
    void *userdata;
};

/* Takes FD over, whether it fails or not. OWNER is borrowed. 0 or -errno. */
int control_client_new(const struct client_owner *owner, int fd, struct client **ret);
/* Closes at once; gone() is not called. */
struct client *control_client_free(struct client *c);

/* Control's own list. */
struct client *control_client_next(const struct client *c);
void control_client_set_next(struct client *c, struct client *next);

#endif

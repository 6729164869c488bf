/* The submit socket: clients that send lines and get an answer a line, in order. */
#ifndef PINDISPATCH_INTAKE_SUBMIT_H
#define PINDISPATCH_INTAKE_SUBMIT_H

#include <pindispatch/cleanup.h>

#include <systemd/sd-event.h>

struct admit;
struct submit;

enum {
    SUBMIT_CLIENTS_MOST = 128,
    SUBMIT_WAITING_MOST = 512, /* lines of one client without an answer; then it waits */
};

/* Takes FD over. */
int submit_new(struct admit *a, int fd, struct submit **ret);
struct submit *submit_free(struct submit *s);
DEFINE_CLEANUP(struct submit, submit, submit_free)
void submit_stop(struct submit *s);

#endif

/* A conversation with the daemon over its control socket (control.h). */
#ifndef PINDISPATCH_CTL_DIALOGUE_H
#define PINDISPATCH_CTL_DIALOGUE_H

#include <pindispatch/lines.h>
#include <pindispatch/problem.h>

#include <jansson.h>

struct ctl;

struct dialogue {
    int fd;
    struct lines lines;
};

#define DIALOGUE ((struct dialogue){ .fd = -1 })

/* 0 or -errno; nothing is printed. */
int dialogue_open(struct dialogue *d, const char *socket);
void dialogue_close(struct dialogue *d);

/* ITEM is borrowed; non-zero stops and is returned. */
typedef int dialogue_item(void *userdata, const json_t *item);
/* Sends REQUEST (given away; NULL: out of memory) and reads its answer. 0 with *RET (owned by the caller); 1 with P:
 * the daemon answered with an error; -errno, -EPROTO, -ECONNRESET when the daemon left; what ITEM returned. */
int dialogue_ask(struct dialogue *d, json_t *request, dialogue_item *item, void *userdata, json_t **ret,
                 struct problem *p);

/* All of it for one question: connects, asks, tells errors. A CTL_ status. ITEM may be NULL. */
int ctl_ask(struct ctl *c, json_t *request, dialogue_item *item, void *userdata, json_t **ret);
/* Tells that nobody answers at SOCKET. CTL_UNDONE. */
int ctl_no_daemon(const char *socket, int r);
/* Tells what the daemon answered. CTL_USAGE or CTL_UNDONE. */
int ctl_refused(const struct problem *p);

#endif

/* How card events arrive: the submit socket and the drop directory (pindispatch-event(5)).
 *
 * Submit socket: NDJSON in, one NDJSON answer a line out, in order, after the commit:
 *   {"result":"accepted","source":…,"id":…,"deliveries":[{"id","secret","method","state"}…]}
 *   {"result":"duplicate", … the deliveries that exist}
 *   {"result":"rejected","source":…,"id":…,"code":…,"path":"$.data.holder.email","message":…,"retry_after":seconds}
 * (source and id where they could be read; retry_after only with code "busy" or "store"). */
#ifndef PINDISPATCH_INTAKE_H
#define PINDISPATCH_INTAKE_H

#include <pindispatch/cleanup.h>

#include <stdbool.h>
#include <stdint.h>

struct intake;
struct site;

struct intake_stat {
    uint64_t accepted, duplicates, rejected, clients;
};

int intake_new(const struct site *site, struct intake **ret);
struct intake *intake_free(struct intake *i);
DEFINE_CLEANUP(struct intake, intake, intake_free)

/* Serves a listening unix stream socket; takes FD over. 0 or -errno. */
int intake_listen(struct intake *i, int fd);
/* Watches DIR (inotify): whole files that were renamed into it, "*.json" or "*.ndjson", oldest first. Taken files are
 * removed after the commit, refused lines go to DIR/rejected/NAME beside NAME.reason. 0 or -errno. NULL: no more. */
int intake_watch(struct intake *i, const char *dir);
/* No new clients, no new lines; answers that are due still go out. */
void intake_stop(struct intake *i);
/* Is anything taken and not answered yet (or a dropped file not done)? */
bool intake_is_busy(const struct intake *i);
void intake_stat(const struct intake *i, struct intake_stat *ret);

#endif

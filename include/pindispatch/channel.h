/* A channel: lines over a non-blocking stream socket in an sd-event loop, with bounds everywhere.
 *
 * Fair: a turn of the loop takes at most CHANNEL_TURN lines of one channel, then others come first.
 * Bounded: reading stops while more than CHANNEL_OUTPUT bytes wait to be read by the peer, or while the
 * owner holds it back; a line longer than the limit ends the conversation after what is already answered. */
#ifndef PINDISPATCH_CHANNEL_H
#define PINDISPATCH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

enum {
    CHANNEL_TURN = 64,
    CHANNEL_OUTPUT = 256 * 1024,
};

struct channel;

struct channel_owner {
    /* One line without its newline, NUL-terminated, wiped after the call. The owner may call channel_close(). */
    void (*line)(void *userdata, char *line, size_t size);
    /* A line of more than the limit came; its bytes are dropped up to the next newline. */
    void (*too_long)(void *userdata);
    /* The peer said all it will say (end of file) or is gone (R < 0). Called once; what was sent before may
     * still be on its way out: channel_finish() lets it go, channel_close() does not. */
    void (*end)(void *userdata, int r);
    void *userdata;
};

/* Takes FD over (it is made non-blocking), whether it fails or not. MOST: bytes of the longest line taken.
 * PRIORITY: sd-event's. 0, -ENOMEM, -errno. */
int channel_new(sd_event *loop, int fd, size_t most, int64_t priority, const struct channel_owner *owner,
                struct channel **ret);
/* Closes at once. No callback comes after it, also when called from within one. */
struct channel *channel_close(struct channel *c);
/* Sends what waits, then closes by itself; bounded to SECONDS. The owner's callbacks come no more. */
void channel_finish(struct channel *c, unsigned seconds);

/* Queues bytes (whole lines). 0, -ENOMEM, -ENOBUFS when far too much waits already: the peer does not read. */
int channel_send(struct channel *c, const char *bytes, size_t size);
/* Sends what is queued now, not at the end of this turn, as far as the peer takes it; what is wrong is told then. */
void channel_push(struct channel *c);
/* Stops or resumes taking lines. */
void channel_hold(struct channel *c, bool hold);

/* Who is at the other end (SO_PEERCRED); -1 where the kernel cannot tell. */
uid_t channel_peer_uid(const struct channel *c);
gid_t channel_peer_gid(const struct channel *c);
pid_t channel_peer_pid(const struct channel *c);
bool channel_peer_may(const struct channel *c, const char *group); /* as peer_may() */

#endif

/* What intake needs around it: a loop, a store in a folder of its own, a key, settings. */
#ifndef HOUSE_H
#define HOUSE_H

#include <pindispatch/buffer.h>
#include <pindispatch/clock.h>
#include <pindispatch/commit.h>
#include <pindispatch/intake.h>
#include <pindispatch/json.h>
#include <pindispatch/seal.h>
#include <pindispatch/settings.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PIN      "Zx9-canary-31"
#define PUK      "Qw7-canary-88"
#define PASSWORD "Hj4-canary-password"

struct house {
    char folder[64];
    char socket[96], drop[96], database[96];
    struct site site;
    struct seal_ring *pair; /* what opens; the site has its public part */
    struct intake *intake;
    struct clock clock;
    int64_t ahead; /* microseconds that the house's clock is ahead of the real one */
    struct settings *settings;
};

/* cmocka's setup and teardown; *STATE is the house. */
int house_build(void **state);
int house_tear(void **state);
/* The same as house_build() with its folder in PARENT (of at most 24 bytes). */
struct house *house_build_in(const char *parent);

void house_set(struct house *h, const char *name, const char *value);
/* One turn of the loop, waiting at most MILLISECONDS. */
void house_turn(struct house *h, unsigned milliseconds);
/* Turns until nothing is taken and unanswered, at least a few. */
void house_settle(struct house *h);
/* From now on each write of a file that grows past BYTES fails (RLIMIT_FSIZE); 0: no more. */
void house_limit_files(size_t bytes);
void house_write(const struct house *h, const char *name, const char *text);
/* Appends; asserts that it is there. */
void house_read(const struct house *h, const char *name, struct buffer *b);
bool house_has(const struct house *h, const char *name);

/* A client of the submit socket. */
int house_connect(struct house *h);
void house_say(int fd, const char *text);
/* The next answer, or NULL when the other side closed; fails the test when none comes. */
json_t *house_hear(struct house *h, int fd);
/* The same without the turns: NULL when none is there. */
char *house_peek(int fd, char *line, size_t most);

/* An event of id ID with these members of data beside the card. *TEXT of SIZE bytes; ends with a newline. */
const char *event_line(char *text, size_t size, const char *id, const char *members);

#endif

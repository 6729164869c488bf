/* A house for the tests of control: a loop, a real store, group commit, and a control socket with clients. */
#ifndef TESTS_CONTROL_HOUSE_H
#define TESTS_CONTROL_HOUSE_H

#include "../../support/unit.h"

#include <pindispatch/buffer.h>
#include <pindispatch/commit.h>
#include <pindispatch/control.h>
#include <pindispatch/json.h>
#include <pindispatch/site.h>
#include <pindispatch/store.h>

struct house {
    char dir[64];
    sd_event *loop;
    struct store *store;
    struct commit *commit;
    struct settings *settings;
    struct control *control;
    struct site site;
    unsigned nudges, reloads;
    int64_t withdrawn_by; /* uid of who asked a letter back */
    int withdraw_result;
    bool refuses_reload;
    enum control_privilege privilege; /* CONTROL_OPERATE at first */
    const char *destination;          /* of the channel in `status` */
};

struct caller {
    int fd;
    struct buffer input;
};

int house_setup(void **state);
int house_teardown(void **state);
/* The same as house_setup() with its folder in PARENT (of at most 40 bytes). */
struct house *house_build_in(const char *parent);

/* One accepted event with a PIN for METHOD, committed. */
struct uuid house_put(struct house *h, const char *event_id, enum delivery_state state);
/* Moves it along the way that STATE needs, committed. */
void house_move(struct house *h, const struct uuid *id, enum delivery_state state, enum stage stage);
enum delivery_state house_state(struct house *h, const struct uuid *id, struct record *ret);
/* Turns the loop for as long as something is ready, at most so many times. */
void house_turn(struct house *h, unsigned most);

struct caller house_call(struct house *h);
void caller_hang_up(struct caller *c);
void caller_say(struct caller *c, const char *line); /* adds the newline */
bool caller_has_bytes(const struct caller *c);
/* The next line of the answer; turns the loop meanwhile. NULL: end of file. */
json_t *caller_hear(struct house *h, struct caller *c);
/* Says a line and hears one. */
json_t *house_ask(struct house *h, struct caller *c, const char *line);
json_t *house_ask_about(struct house *h, struct caller *c, const char *command, const struct uuid *id,
                        const char *more);
void assert_error(json_t *answer, const char *code); /* takes ANSWER */
void assert_ok(json_t *answer);                      /* takes ANSWER */

#endif

#include "ctl.h"

#include <string.h>
#include <time.h>

#include <pindispatch/delivery.h>

#include "dialogue.h"
#include "show.h"

enum { AWAIT_TENTHS = 100 };

static bool was_so(const json_t *answer)
{
    return !json_is_true(json_object_get(answer, "changed")) && !json_is_true(json_object_get(answer, "asked"));
}

static void tell(const struct ctl *c, const json_t *answer)
{
    const char *state = json_text(answer, "state");
    const char *note = json_text(answer, "note");

    if (c->json) {
        show_json(answer);
        return;
    }
    printf("%s  %s%s%s%s\n", json_text(answer, "id"), show_begin(show_state_colour(state)), state,
           show_begin(SHOW_PLAIN), was_so(answer) ? " (it was so already)" : "");
    if (note)
        printf("  note: %s\n", note);
}

/* The daemon asked the printer for a letter: how that ended shows in the delivery's state. */
static const char *state_now(struct ctl *c, const char *id, json_t **ret_answer)
{
    json_t *request = json_pack("{s:s, s:[s]}", "command", "states", "ids", id);

    if (ctl_ask(c, request, NULL, NULL, ret_answer) != CTL_DONE)
        return NULL;
    return json_text(json_object_get(*ret_answer, "states"), id);
}

static int await_letter(struct ctl *c, const char *id)
{
    const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

    for (unsigned i = 0; i < AWAIT_TENTHS; i++) {
        CLEANUP(json_cleanup) json_t *answer = NULL;
        const char *state = state_now(c, id, &answer);

        if (!state)
            return CTL_UNDONE;
        if (strcmp(state, state_name(STATE_SPOOLED)) != 0) {
            if (!c->json)
                printf("%s  %s%s%s\n", id, show_begin(show_state_colour(state)), state, show_begin(SHOW_PLAIN));
            return strcmp(state, state_name(STATE_CANCELLED)) == 0 ? CTL_DONE : CTL_UNDONE;
        }
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "pindispatchctl: %s: the printer has not given the letter back: it may be printing it\n", id);
    return CTL_UNDONE;
}

static int ask_one(struct ctl *c, const char *id, const char *as, const char *reason)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    json_t *request = json_pack("{s:s, s:s}", "command", c->command->name, "id", id);
    int status;

    if (!request || json_put_text(request, "as", as) < 0 || json_put_text(request, "reason", reason) < 0)
        request = json_free(request);
    status = ctl_ask(c, request, NULL, NULL, &answer);
    if (status == CTL_DONE)
        tell(c, answer);
    if (status == CTL_DONE && json_is_true(json_object_get(answer, "asked")))
        status = await_letter(c, id);
    return status;
}

int ctl_operate(struct ctl *c, int argc, char **argv)
{
    const char *reason = NULL;
    const struct ctl_option options[] = {
        { "reason", 'r', CTL_TEXT, &reason, "TEXT", "why; it is kept in the audit trail" },
        { 0 },
    };
    int status, worst = CTL_DONE;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc == 0)
        return ctl_misused(c, "%s takes the id of a delivery", c->command->name);
    for (int i = 0; i < argc; i++) {
        status = ask_one(c, argv[i], NULL, reason);
        if (status > worst)
            worst = status;
    }
    return worst;
}

int ctl_resolve(struct ctl *c, int argc, char **argv)
{
    const char *reason = NULL;
    const struct ctl_option options[] = {
        { "reason", 'r', CTL_TEXT, &reason, "TEXT", "how it was found out; it is kept in the audit trail" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc != 2 || (strcmp(argv[1], "delivered") != 0 && strcmp(argv[1], "failed") != 0))
        return ctl_misused(c, "resolve takes the id of one delivery, and delivered or failed");
    return ask_one(c, argv[0], argv[1], reason);
}

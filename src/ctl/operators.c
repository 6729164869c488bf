#include "ctl.h"

#include <string.h>

#include "dialogue.h"
#include "show.h"

static void tell(const struct ctl *c, const json_t *answer)
{
    const char *state = json_text(answer, "state");
    const char *note = json_text(answer, "note");

    if (c->json) {
        show_json(answer);
        return;
    }
    printf("%s  %s%s%s%s\n", json_text(answer, "id"), show_begin(show_state_colour(state)), state,
           show_begin(SHOW_PLAIN), json_is_true(json_object_get(answer, "changed")) ? "" : " (it was so already)");
    if (note)
        printf("  note: %s\n", note);
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

#include "ctl.h"

#include "dialogue.h"
#include "show.h"
#include <pindispatch/clock.h>
#include <pindispatch/delivery.h>

static void show_daemon(const json_t *s)
{
    const json_t *started = json_object_get(s, "started");
    const json_t *methods = json_object_get(s, "methods");
    char time[SHOW_TIME], span[SHOW_SPAN];

    printf("pindispatchd %s, pid %lld, up %s (since %s)\n", json_text(s, "version"),
           (long long)json_number(s, "pid", 0), show_span(clock_now(&clock_real) - show_moment(started), span),
           show_time(started, time));
    printf("configuration %s, generation %lld\n", json_text(s, "config"), (long long)json_number(s, "generation", 0));
    printf("PIN by %s%s%s, PUK by %s%s%s\n", show_begin(SHOW_BOLD), json_text(methods, "pin"), show_begin(SHOW_PLAIN),
           show_begin(SHOW_BOLD), json_text(methods, "puk"), show_begin(SHOW_PLAIN));
    if (json_is_true(json_object_get(s, "dry_run")))
        printf("%sdry run: nothing is really delivered%s\n", show_begin(SHOW_YELLOW), show_begin(SHOW_PLAIN));
}

/* What is in the file and not in force. */
static void show_file(const json_t *s)
{
    const json_t *refused = json_object_get(s, "reload_refused"), *row;
    CLEANUP(free_cleanup) char *message = show_clean(json_is_object(refused) ? json_text(refused, "message") : "");
    char time[SHOW_TIME];
    size_t i;

    if (json_is_object(refused))
        printf("%sthe last reload was refused%s at %s: %s: %s\n", show_begin(SHOW_RED), show_begin(SHOW_PLAIN),
               show_time(json_object_get(refused, "time"), time), json_text(refused, "where"),
               message ? message : "");
    json_array_foreach (json_object_get(s, "restart"), i, row)
        printf("%swaits for a restart%s: %s: %s -> %s\n", show_begin(SHOW_YELLOW), show_begin(SHOW_PLAIN),
               json_text(row, "setting"), json_text(row, "in_force"), json_text(row, "waiting"));
}

static void show_warnings(const json_t *warnings)
{
    const json_t *warning;
    size_t i;

    json_array_foreach (warnings, i, warning) {
        CLEANUP(free_cleanup) char *clean = show_clean(json_text(warning, "message"));

        printf("%swarning%s: %s: %s\n", show_begin(SHOW_YELLOW), show_begin(SHOW_PLAIN),
               json_text(warning, "setting"), clean ? clean : "");
    }
}

static void show_channel(struct table *t, const json_t *channel)
{
    const json_t *workers = json_object_get(channel, "workers");
    const json_t *trouble = json_object_get(channel, "trouble");
    const char *code = json_text(trouble, "code");
    char text[64];

    table_set(t, 0, json_text(channel, "method"), SHOW_PLAIN);
    snprintf(text, sizeof(text), "%lld of %lld, %lld busy", (long long)json_number(workers, "running", 0),
             (long long)json_number(workers, "wanted", 0), (long long)json_number(workers, "busy", 0));
    table_set(t, 1, text, SHOW_PLAIN);
    snprintf(text, sizeof(text), "%lld", (long long)json_number(channel, "in_hand", 0));
    table_set(t, 2, text, SHOW_PLAIN);
    snprintf(text, sizeof(text), "%lld", (long long)json_number(channel, "spooled", 0));
    table_set(t, 3, text, SHOW_PLAIN);
    table_set(t, 4, json_text(channel, "destination"), SHOW_PLAIN);
    table_set(t, 5, code ? code : "well", code ? SHOW_RED : SHOW_GREEN);
    table_end_row(t);
}

/* Of a channel or of the store. */
static void show_trouble(const json_t *of, const char *name)
{
    const json_t *trouble = json_object_get(of, "trouble");
    const char *reason = json_text(trouble, "reason");
    CLEANUP(free_cleanup) char *clean = reason ? show_clean(reason) : NULL;
    char since[SHOW_TIME], next[SHOW_TIME];

    if (!json_is_object(trouble))
        return;
    printf("  %s%s%s since %s: %s\n", show_begin(SHOW_RED), name, show_begin(SHOW_PLAIN),
           show_time(json_object_get(trouble, "since"), since), clean ? clean : "no reason is known");
    if (show_moment(json_object_get(trouble, "next_try")) > 0)
        printf("    next try at %s\n", show_time(json_object_get(trouble, "next_try"), next));
}

static void show_findings(const json_t *channel)
{
    const json_t *finding;
    size_t i;

    json_array_foreach (json_object_get(channel, "findings"), i, finding) {
        const char *reason = json_text(finding, "reason");
        CLEANUP(free_cleanup) char *clean = reason ? show_clean(reason) : NULL;

        printf("  %s%s is unsafe%s: %s\n", show_begin(SHOW_YELLOW), json_text(channel, "method"),
               show_begin(SHOW_PLAIN), clean ? clean : "");
    }
}

static void show_channels(const json_t *channels)
{
    static const char *const heads[] = { "METHOD", "WORKERS", "IN HAND", "SPOOLED", "DESTINATION", "IS" };
    const json_t *channel;
    struct table t;
    size_t i;

    if (json_array_size(channels) == 0)
        return;
    putchar('\n');
    table_begin(&t, heads, ARRAY_SIZE(heads));
    json_array_foreach (channels, i, channel)
        show_channel(&t, channel);
    table_end(&t);
    json_array_foreach (channels, i, channel)
        show_trouble(channel, json_text(channel, "method"));
    json_array_foreach (channels, i, channel)
        show_findings(channel);
}

static void show_store(const json_t *store)
{
    const json_t *counts = json_object_get(store, "deliveries");
    struct table t;

    show_trouble(store, "store");
    putchar('\n');
    if (!json_is_object(counts)) {
        printf("%sthe store cannot be read%s\n", show_begin(SHOW_RED), show_begin(SHOW_PLAIN));
        return;
    }
    table_begin(&t, NULL, 2);
    for (const char *const *state = state_names(); *state; state++) {
        json_int_t n = json_number(counts, *state, 0);
        char text[24];

        snprintf(text, sizeof(text), "%lld", (long long)n);
        table_set(&t, 0, *state, n > 0 ? show_state_colour(*state) : SHOW_DIM);
        table_set(&t, 1, text, n > 0 ? SHOW_PLAIN : SHOW_DIM);
        table_end_row(&t);
    }
    table_end(&t);
    printf("\n%lld events and %lld audit rows in the store\n", (long long)json_number(store, "events", 0),
           (long long)json_number(store, "audit_rows", 0));
}

static void show_intake(const json_t *intake)
{
    printf("since the start: %lld accepted, %lld duplicates, %lld rejected; %lld connections submit\n",
           (long long)json_number(intake, "accepted", 0), (long long)json_number(intake, "duplicates", 0),
           (long long)json_number(intake, "rejected", 0), (long long)json_number(intake, "clients", 0));
}

int ctl_status(struct ctl *c, int argc, char **argv)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    const struct ctl_option options[] = { { 0 } };
    const json_t *s;
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "status takes no arguments");
    status = ctl_ask(c, json_pack("{s:s}", "command", "status"), NULL, NULL, &answer);
    s = json_object_get(answer, "status");
    if (status != CTL_DONE)
        return status;
    if (c->json) {
        show_json(s);
        return CTL_DONE;
    }
    show_daemon(s);
    show_file(s);
    show_warnings(json_object_get(s, "warnings"));
    show_channels(json_object_get(s, "channels"));
    show_trouble(json_object_get(s, "clock"), "clock");
    show_store(json_object_get(s, "store"));
    show_intake(json_object_get(s, "intake"));
    return CTL_DONE;
}

int ctl_metrics(struct ctl *c, int argc, char **argv)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    const struct ctl_option options[] = { { 0 } };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "metrics takes no arguments");
    status = ctl_ask(c, json_pack("{s:s}", "command", "metrics"), NULL, NULL, &answer);
    if (status != CTL_DONE)
        return status;
    if (c->json)
        show_json(answer);
    else
        fputs(json_text(answer, "text") ? json_text(answer, "text") : "", stdout);
    return CTL_DONE;
}

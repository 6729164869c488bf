#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "show.h"
#include <pindispatch/buffer.h>

enum {
    COLUMN_ID,
    COLUMN_CREATED,
    COLUMN_SECRET,
    COLUMN_METHOD,
    COLUMN_STATE,
    COLUMN_TRIES,
    COLUMN_EVENT,
    COLUMN_WHY
};

enum { BLOCK_MOST = 1024 * 1024 };

static const char *const list_heads[] = { "ID",    "CREATED", "SECRET", "METHOD",
                                          "STATE", "TRIES",   "EVENT",  "LAST OUTCOME" };

/* A whole number, or -1. */
static long long parse_count(const char *text)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    return errno || end == text || *end || n < 0 ? -1 : n;
}

/* "--state failed --state held,deferred" */
static json_t *states_to_json(const struct ctl_texts *texts)
{
    CLEANUP(json_cleanup) json_t *states = json_array();

    for (size_t i = 0; states && i < texts->n; i++) {
        for (const char *at = texts->items[i]; *at;) {
            size_t n = strcspn(at, ",");

            if (n > 0 && json_array_append_new(states, json_stringn(at, n)) < 0)
                return NULL;
            at += n + (at[n] == ',');
        }
    }
    return TAKE(states);
}

static int list_item_json(void *userdata, const json_t *item)
{
    (void)userdata;
    show_json(item);
    return 0;
}

/* "tls-name: The certificate …"; the operator wants the reason, programs the code. */
static void set_outcome(struct table *t, const json_t *outcome)
{
    CLEANUP(free_cleanup) char *text = NULL;
    const char *code = json_text(outcome, "code");
    const char *reason = json_text(outcome, "reason");

    if (code && reason && asprintf(&text, "%s: %s", code, reason) < 0)
        text = NULL;
    table_set(t, COLUMN_WHY, text, SHOW_PLAIN);
}

static int list_item(void *userdata, const json_t *item)
{
    struct table *t = userdata;
    char created[SHOW_TIME], tries[24];

    snprintf(tries, sizeof(tries), "%lld", (long long)json_number(item, "attempts", 0));
    table_set(t, COLUMN_ID, json_text(item, "id"), SHOW_PLAIN);
    table_set(t, COLUMN_CREATED, show_time(json_object_get(item, "created"), created), SHOW_PLAIN);
    table_set(t, COLUMN_SECRET, json_text(item, "secret"), SHOW_PLAIN);
    table_set(t, COLUMN_METHOD, json_text(item, "method"), SHOW_PLAIN);
    table_set(t, COLUMN_STATE, json_text(item, "state"), show_state_colour(json_text(item, "state")));
    table_set(t, COLUMN_TRIES, tries, SHOW_PLAIN);
    table_set(t, COLUMN_EVENT, json_text(item, "event_id"), SHOW_PLAIN);
    set_outcome(t, json_object_get(item, "outcome"));
    table_end_row(t);
    return 0;
}

static int list(struct ctl *c, const struct ctl_texts *states, long long limit)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    json_t *request = json_pack("{s:s, s:I}", "command", "list", "limit", (json_int_t)limit);
    struct table t;
    int status;

    if (request && states->n > 0 && json_object_set_new(request, "states", states_to_json(states)) < 0)
        request = json_free(request);
    if (c->json)
        return ctl_ask(c, request, list_item_json, NULL, &answer);
    table_begin(&t, list_heads, ARRAY_SIZE(list_heads));
    status = ctl_ask(c, request, list_item, &t, &answer);
    table_end(&t);
    return status;
}

int ctl_list(struct ctl *c, int argc, char **argv)
{
    struct ctl_texts states = { .n = 0 };
    const char *limit = "100";
    const struct ctl_option options[] = {
        { "state", 's', CTL_LIST, &states, "STATE", "only these (may be repeated, or separated by commas)" },
        { "limit", 'n', CTL_TEXT, &limit, "N", "at most this many (100)" },
        { 0 },
    };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc > 0)
        return ctl_misused(c, "list takes no arguments");
    if (parse_count(limit) < 1)
        return ctl_misused(c, "--limit is a whole number from 1 on");
    return list(c, &states, parse_count(limit));
}

/* One "name  value" line; nothing for a value that is not there. */
static void show_line(const char *name, const char *value)
{
    CLEANUP(free_cleanup) char *clean = value ? show_clean(value) : NULL;

    if (clean)
        printf("%-12s %s\n", name, clean);
}

static void show_moment_line(const char *name, const json_t *time)
{
    char text[SHOW_TIME];

    if (time)
        show_line(name, show_time(time, text));
}

static void show_number_line(const char *name, json_int_t number)
{
    printf("%-12s %lld\n", name, (long long)number);
}

static void show_state(const json_t *d)
{
    const char *state = json_text(d, "state");

    printf("%-12s %s%s%s (stage %s, sealed secret %s)\n", "state", show_begin(show_state_colour(state)), state,
           show_begin(SHOW_PLAIN), json_text(d, "stage"),
           json_is_true(json_object_get(d, "sealed")) ? "kept" : "not kept");
}

static int add_piece(const char *bytes, size_t size, void *userdata)
{
    return buffer_add(userdata, bytes, size);
}

/* JSON strings escape C0 controls; the rest is for show_clean(). */
static void show_block(const char *name, const json_t *j)
{
    CLEANUP(buffer_release) struct buffer text = BUFFER(BLOCK_MOST);

    if (!json_is_object(j) || json_object_size(j) == 0 ||
        json_dump_callback(j, add_piece, &text, JSON_INDENT(2)) < 0 || buffer_terminate(&text) < 0)
        return;
    printf("%s\n", name);
    for (char *line = buffer_bytes(&text), *next; line; line = next) {
        CLEANUP(free_cleanup) char *clean = NULL;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        clean = show_clean(line);
        printf("  %s\n", clean ? clean : "");
    }
}

static void show_outcome(const json_t *outcome)
{
    if (!outcome)
        return;
    show_line("outcome", json_text(outcome, "kind"));
    show_line("  code", json_text(outcome, "code"));
    show_line("  reason", json_text(outcome, "reason"));
    show_block("evidence", json_object_get(outcome, "evidence"));
}

/* An audit row's detail in few words: the code of its outcome, or what a mark noted. */
static const char *row_detail(const json_t *row)
{
    const json_t *detail = json_object_get(row, "detail");
    const char *words = json_text(row, "words");
    const char *code = json_text(detail, "code");

    return words ? words : code;
}

static void show_audit(const json_t *rows)
{
    static const char *const heads[] = { "TIME", "FROM", "TO", "CAUSE", "UID", "DETAIL" };
    struct table t;
    const json_t *row;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    puts("audit");
    table_begin(&t, heads, ARRAY_SIZE(heads));
    json_array_foreach (rows, i, row) {
        char time[SHOW_TIME], uid[24];
        json_int_t who = json_number(row, "uid", -1);

        snprintf(uid, sizeof(uid), "%lld", (long long)who);
        table_set(&t, 0, show_time(json_object_get(row, "time"), time), SHOW_PLAIN);
        table_set(&t, 1, json_text(row, "from"), SHOW_PLAIN);
        table_set(&t, 2, json_text(row, "to"), show_state_colour(json_text(row, "to")));
        table_set(&t, 3, json_text(row, "cause"), SHOW_PLAIN);
        table_set(&t, 4, who >= 0 ? uid : NULL, SHOW_PLAIN);
        table_set(&t, 5, row_detail(row), SHOW_PLAIN);
        table_end_row(&t);
    }
    table_end(&t);
}

static void show_delivery(const json_t *d)
{
    show_line("delivery", json_text(d, "id"));
    show_state(d);
    show_line("secret", json_text(d, "secret"));
    show_line("method", json_text(d, "method"));
    show_number_line("attempts", json_number(d, "attempts", 0));
    show_number_line("copy", json_number(d, "copy", 1));
    show_line("job uuid", json_text(d, "job_uuid"));
    show_moment_line("created", json_object_get(d, "created"));
    show_moment_line("updated", json_object_get(d, "updated"));
    show_moment_line("due", json_object_get(d, "due"));
    show_line("source", json_text(d, "source"));
    show_line("event", json_text(d, "event_id"));
    show_outcome(json_object_get(d, "outcome"));
    show_block("event without its secrets", json_object_get(d, "event"));
    show_audit(json_object_get(d, "audit"));
}

int ctl_show(struct ctl *c, int argc, char **argv)
{
    CLEANUP(json_cleanup) json_t *answer = NULL;
    const struct ctl_option options[] = { { 0 } };
    int status;

    if (!ctl_options(c, &argc, &argv, options, &status))
        return status;
    if (argc != 1)
        return ctl_misused(c, "show takes the id of one delivery");
    status = ctl_ask(c, json_pack("{s:s, s:s}", "command", "show", "id", argv[0]), NULL, NULL, &answer);
    if (status != CTL_DONE)
        return status;
    if (c->json)
        show_json(json_object_get(answer, "delivery"));
    else
        show_delivery(json_object_get(answer, "delivery"));
    return CTL_DONE;
}

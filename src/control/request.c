#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/clock.h>

enum { NAMES_MOST = 32 };

static const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int unknown_command(const char *name, struct problem *p)
{
    const char *names[NAMES_MOST] = { NULL };
    const char *near;
    size_t n = 0;

    for (const struct command *c = commands; c->name && n < NAMES_MOST - 1; c++)
        names[n++] = c->name;
    near = nearest_name(name, names);
    if (near)
        return problem_set(p, "usage", "command", "there is no such command; the nearest is \"%s\"", near);
    return problem_set(p, "usage", "command", "there is no such command");
}

static bool takes(const struct command *c, const char *name)
{
    if (strcmp(name, "command") == 0)
        return true;
    for (const char *const *known = c->arguments; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

/* A member that is not known is an error: a misspelt "states" must not list everything. */
static int check_members(const struct command *c, json_t *arguments, struct problem *p)
{
    const char *name;
    json_t *value;

    json_object_foreach (arguments, name, value) {
        const char *near;

        if (takes(c, name))
            continue;
        near = nearest_name(name, c->arguments);
        return problem_set(p, "usage", c->name, "\"%s\" does not take this member%s%s%s", c->name,
                           near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return 0;
}

int request_parse(const char *line, size_t size, const struct command **ret_command, json_t **ret_arguments,
                  struct problem *p)
{
    CLEANUP(json_cleanup) json_t *arguments = NULL;
    const struct command *c;
    const char *name;

    if (size > REQUEST_MOST)
        return problem_set(p, "usage", "", "a request has at most %d bytes", REQUEST_MOST);
    arguments = json_parse_line(line, size);
    if (!json_is_object(arguments))
        return problem_set(p, "usage", "", "a request is one JSON object a line");
    name = json_text(arguments, "command");
    if (!name)
        return problem_set(p, "usage", "command", "the request has no \"command\"");
    c = command_find(name);
    if (!c)
        return unknown_command(name, p);
    if (check_members(c, arguments, p) != 0)
        return 1;
    *ret_command = c;
    *ret_arguments = TAKE(arguments);
    return 0;
}

void request_release(struct request *q)
{
    json_decref(q->arguments);
    json_decref(q->answer);
    q->arguments = q->answer = NULL;
    q->check = audit_check_free(q->check);
    q->key = audit_key_free(q->key);
    buffer_release(&q->items);
}

int request_id(struct request *q, struct uuid *ret)
{
    const char *text = json_text(q->arguments, "id");

    if (!text)
        return request_refuse(q, "usage", "\"%s\" needs the \"id\" of a delivery", q->command->name);
    if (uuid_parse(text, ret) < 0)
        return request_refuse(q, "usage", "this is not the id of a delivery: an id is a UUID");
    return 0;
}

int request_states(struct request *q, unsigned *ret_mask)
{
    const json_t *states = json_object_get(q->arguments, "states");
    const json_t *item;
    size_t i;

    *ret_mask = STATES_ALL;
    if (!states)
        return 0;
    if (!json_is_array(states))
        return request_refuse(q, "usage", "\"states\" is a list of names");
    *ret_mask = 0;
    json_array_foreach (states, i, item) {
        const char *name = json_string_value(item);
        enum delivery_state state;
        const char *near;

        if (!name)
            return request_refuse(q, "usage", "\"states\" is a list of names");
        if (state_parse(name, &state) < 0) {
            near = nearest_name(name, state_names());
            return request_refuse(q, "usage", "there is no such state%s%s", near ? "; the nearest is " : "",
                                  near ? near : "");
        }
        *ret_mask |= STATE_BIT(state);
    }
    return 0;
}

int request_number(struct request *q, const char *name, json_int_t least, json_int_t most, json_int_t standard,
                   json_int_t *ret)
{
    const json_t *value = json_object_get(q->arguments, name);

    *ret = standard;
    if (!value)
        return 0;
    *ret = json_integer_value(value);
    if (!json_is_integer(value) || *ret < least || *ret > most)
        return request_refuse(q, "usage", "\"%s\" is a whole number from %lld to %lld", name, (long long)least,
                              (long long)most);
    return 0;
}

int request_reason(struct request *q, const char **ret)
{
    const json_t *value = json_object_get(q->arguments, "reason");
    const unsigned char *c;

    *ret = NULL;
    if (!value)
        return 0;
    if (!json_is_string(value) || json_string_length(value) > REQUEST_REASON_MOST)
        return request_refuse(q, "usage", "\"reason\" is a text of at most %d bytes", REQUEST_REASON_MOST);
    /* It is shown on terminals and written to audit files: no control characters. */
    for (c = (const unsigned char *)json_string_value(value); *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return request_refuse(q, "usage", "\"reason\" is one line of text");
    if (json_string_length(value) > 0)
        *ret = json_string_value(value);
    return 0;
}

int request_refuse(struct request *q, const char *code, const char *format, ...)
{
    char message[sizeof(q->problem.message)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    problem_set(&q->problem, code, q->command->name, "%s", message);
    return STEP_REFUSED;
}

int request_answer(struct request *q, json_t *answer)
{
    json_decref(q->answer);
    q->answer = answer;
    if (!answer || json_object_set_new(answer, "ok", json_true()) < 0)
        return -ENOMEM;
    return STEP_DONE;
}

int request_item(struct request *q, json_t *item)
{
    CLEANUP(json_cleanup) json_t *line = NULL;
    int r;

    if (!item)
        return -ENOMEM;
    line = json_pack("{s:o}", "item", item);
    if (!line)
        return -ENOMEM;
    r = json_add_line(&q->items, line);
    if (r == -ENOBUFS)
        return buffer_size(&q->items) > 0 ? 1 : -EMSGSIZE;
    return r;
}

int put_time(json_t *object, const char *key, int64_t microseconds)
{
    char text[CLOCK_TEXT];

    if (microseconds == 0)
        return 0;
    return json_put_text(object, key, clock_format(microseconds, text));
}

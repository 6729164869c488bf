#include <pindispatch/event.h>

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include <pindispatch/json.h>

#include "form.h"
#include "rules.h"

enum { DEPTH_MOST = 8 }; /* an event itself has four levels */

static int refuse_json(json_error_t *error, struct problem *p)
{
    enum json_error_code code = json_error_code(error);
    int position = error->position;

    /* Its text quotes the input. */
    secret_wipe(error, sizeof(*error));
    switch (code) {
    case json_error_unknown: /* jansson says nothing at all when memory runs out in the middle */
    case json_error_out_of_memory:
        return -ENOMEM;
    case json_error_invalid_utf8:
        return problem_set(p, "utf-8", "$", "the line is not UTF-8, at byte %d", position);
    case json_error_duplicate_key:
        return problem_set(p, "repeated", "$", "an object has a member twice, at byte %d", position);
    default:
        return problem_set(p, "json", "$", "the line is not one JSON object, at byte %d", position);
    }
}

/* Within the bounds of size and depth, JSON without double members. */
static int read_line(const char *line, size_t size, json_t **ret, struct problem *p)
{
    json_error_t error = { .line = 0 };

    if (size > EVENT_MOST)
        return problem_set(p, "size", "$", "an event must have at most %d bytes", EVENT_MOST);
    if (form_is_deep(line, size, DEPTH_MOST))
        return problem_set(p, "depth", "$", "an event must have at most %d levels", DEPTH_MOST);
    *ret = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    return *ret ? 0 : refuse_json(&error, p);
}

/* The body's one spelling, however the members were ordered and spaced, is what is stored and compared. MOST: bytes
 * of the line that it came from. Compact, and without control characters to escape, it never becomes longer. */
static int write_text(struct event *e, size_t most)
{
    size_t size;

    e->text = malloc(most + 1);
    if (!e->text)
        return -ENOMEM;
    size = json_dumpb(e->body, e->text, most, JSON_COMPACT | JSON_SORT_KEYS);
    if (size == 0 || size > most)
        return size == 0 ? -ENOMEM : -EINVAL;
    e->text[size] = '\0';
    return EVP_Digest(e->text, size, e->digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int event_parse(const char *line, size_t size, const char *const *accept_types, struct event **ret, struct problem *p)
{
    CLEANUP(event_cleanup) struct event *e = calloc(1, sizeof(*e));
    int r;

    if (!e)
        return -ENOMEM;
    r = read_line(line, size, &e->body, p);
    if (r == 0)
        r = rules_check(e, accept_types, p);
    if (r == 0)
        r = write_text(e, size);
    if (r == 0)
        *ret = TAKE(e);
    return r;
}

int event_identify(const char *line, size_t size, struct event **ret)
{
    CLEANUP(event_cleanup) struct event *e = calloc(1, sizeof(*e));
    CLEANUP(json_cleanup) json_t *all = NULL;
    int r;

    if (!e)
        return -ENOMEM;
    r = read_line(line, size, &all, NULL);
    if (r != 0)
        return r;
    if (!json_is_object(all))
        return 1;
    e->body = json_object();
    if (!e->body)
        return -ENOMEM;
    /* A value that is not there cannot be set, and need not be. */
    (void)json_object_set(e->body, "id", json_object_get(all, "id"));
    (void)json_object_set(e->body, "source", json_object_get(all, "source"));
    rules_identify(e);
    *ret = TAKE(e);
    return 0;
}

int event_restore(const char *text, size_t size, struct event **ret)
{
    CLEANUP(event_cleanup) struct event *e = calloc(1, sizeof(*e));
    json_error_t error = { .line = 0 };
    int r;

    if (!e)
        return -ENOMEM;
    e->body = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!e->body)
        return refuse_json(&error, NULL) < 0 ? -ENOMEM : -EINVAL;
    if (!json_is_object(e->body))
        return -EINVAL;
    rules_borrow(e);
    r = write_text(e, size);
    if (r < 0)
        return r;
    *ret = TAKE(e);
    return 0;
}

const char *event_test_method(const struct event *e)
{
    size_t n = strlen(EVENT_TEST_TYPE);

    return e->type && strncmp(e->type, EVENT_TEST_TYPE, n) == 0 ? e->type + n : NULL;
}

struct event *event_free(struct event *e)
{
    if (!e)
        return NULL;
    json_decref(e->body);
    free(e->text);
    free(e->sealed);
    for (size_t k = 0; k < SECRET_PARTS; k++)
        secret_free(e->secrets[k]);
    free(e);
    return NULL;
}

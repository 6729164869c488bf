#include "content.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <pindispatch/json.h>

static bool is_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    }
    return size >= 1 && size <= CONTENT_SECRET_MOST;
}

static char *add_text(char *at, const char *text)
{
    size_t size = strlen(text);

    memcpy(at, text, size);
    return at + size;
}

/* Written by hand and not by jansson, so that the clear text is in the caller's buffer and nowhere else; printable
 * ASCII has only two characters to escape. */
static char *add_secret(char *at, const struct secret *s)
{
    const char *bytes = secret_reveal(s);

    *at++ = '"';
    for (size_t i = 0; i < secret_size(s); i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            *at++ = '\\';
        *at++ = bytes[i];
    }
    *at++ = '"';
    return at;
}

_Static_assert(SECRET_KINDS *(2 * CONTENT_SECRET_MOST + 16) < CONTENT_MOST, "all secrets fit, all escaped");

int content_write(struct secret *const secrets[SECRET_KINDS], char text[CONTENT_MOST], size_t *ret_size)
{
    char *at = text;

    for (unsigned kind = 0; kind < SECRET_KINDS; kind++) {
        const struct secret *s = secrets[kind];

        if (!s)
            continue;
        if (!is_printable(secret_reveal(s), secret_size(s)))
            return -EINVAL;
        *at = at == text ? '{' : ',';
        at = add_text(at + 1, "\"");
        at = add_text(at, secret_kind_name((enum secret_kind)kind));
        at = add_text(at, "\":");
        at = add_secret(at, s);
    }
    if (at == text)
        return -EINVAL;
    *at++ = '}';
    *ret_size = (size_t)(at - text);
    return 0;
}

static int refuse(struct problem *p)
{
    return problem_set(p, "content", "",
                       "the sealed content must be {\"pin\":…,\"puk\":…} with at least one of them, each of 1 to "
                       "%d printable ASCII characters without blanks",
                       CONTENT_SECRET_MOST);
}

/* 0 or 1: there, 0 or not; RET stays NULL where the member is missing. */
static int read_secret(const json_t *content, enum secret_kind kind, struct secret **ret, struct problem *p)
{
    const json_t *j = json_object_get(content, secret_kind_name(kind));

    if (!j)
        return 0;
    if (!json_is_string(j) || !is_printable(json_string_value(j), json_string_length(j)))
        return refuse(p);
    return secret_new(json_string_value(j), json_string_length(j), ret);
}

int content_read(const char *text, size_t size, struct secret *ret[SECRET_KINDS], struct problem *p)
{
    CLEANUP(json_cleanup) json_t *content = json_parse_line(text, size);
    struct secret *found[SECRET_KINDS] = { NULL };
    size_t n = 0;
    int r = json_is_object(content) ? 0 : refuse(p);

    for (unsigned kind = 0; r == 0 && kind < SECRET_KINDS; kind++) {
        r = read_secret(content, (enum secret_kind)kind, &found[kind], p);
        n += found[kind] != NULL;
    }
    /* A member of another name would be a secret that nobody gets: a slip like "PUK" must not pass unseen. */
    if (r == 0 && (n == 0 || n != json_object_size(content)))
        r = refuse(p);
    for (unsigned kind = 0; kind < SECRET_KINDS; kind++) {
        if (r == 0)
            ret[kind] = found[kind];
        else
            secret_free(found[kind]);
    }
    return r;
}

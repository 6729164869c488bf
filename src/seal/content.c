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

_Static_assert(SECRET_PARTS *(2 * CONTENT_SECRET_MOST + 16) < CONTENT_MOST, "all secrets fit, all escaped");

int content_write(struct secret *const secrets[SECRET_PARTS], char text[CONTENT_MOST], size_t *ret_size)
{
    char *at = text;

    for (unsigned part = 0; part < SECRET_PARTS; part++) {
        const struct secret *s = secrets[part];

        if (!s)
            continue;
        if (!is_printable(secret_reveal(s), secret_size(s)))
            return -EINVAL;
        *at = at == text ? '{' : ',';
        at = add_text(at + 1, "\"");
        at = add_text(at, secret_part_name(part));
        at = add_text(at, "\":");
        at = add_secret(at, s);
    }
    if (!secrets[SECRET_PIN] && !secrets[SECRET_PUK])
        return -EINVAL;
    *at++ = '}';
    *ret_size = (size_t)(at - text);
    return 0;
}

static int refuse(struct problem *p)
{
    return problem_set(
        p, "content", "",
        "the sealed content must be {\"pin\":…,\"puk\":…,\"password\":…} with at least one of the first "
        "two, each of 1 to %d printable ASCII characters without blanks",
        CONTENT_SECRET_MOST);
}

/* 0 or 1: there, 0 or not; RET stays NULL where the member is missing. */
static int read_secret(const json_t *content, unsigned part, struct secret **ret, struct problem *p)
{
    const json_t *j = json_object_get(content, secret_part_name(part));

    if (!j)
        return 0;
    if (!json_is_string(j) || !is_printable(json_string_value(j), json_string_length(j)))
        return refuse(p);
    return secret_new(json_string_value(j), json_string_length(j), ret);
}

int content_read(const char *text, size_t size, struct secret *ret[SECRET_PARTS], struct problem *p)
{
    CLEANUP(json_cleanup) json_t *content = json_parse_line(text, size);
    struct secret *found[SECRET_PARTS] = { NULL };
    size_t n = 0;
    int r = json_is_object(content) ? 0 : refuse(p);

    for (unsigned part = 0; r == 0 && part < SECRET_PARTS; part++) {
        r = read_secret(content, part, &found[part], p);
        n += found[part] != NULL;
    }
    /* A member of another name would be a secret that nobody gets: a slip like "PUK" must not pass unseen. */
    if (r == 0 && ((!found[SECRET_PIN] && !found[SECRET_PUK]) || n != json_object_size(content)))
        r = refuse(p);
    for (unsigned part = 0; part < SECRET_PARTS; part++) {
        if (r == 0)
            ret[part] = found[part];
        else
            secret_free(found[part]);
    }
    return r;
}

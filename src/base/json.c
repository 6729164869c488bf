#include <pindispatch/json.h>

#include <errno.h>

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

json_int_t json_number(const json_t *object, const char *key, json_int_t otherwise)
{
    const json_t *j = json_object_get(object, key);

    return json_is_integer(j) ? json_integer_value(j) : otherwise;
}

int json_put_text(json_t *object, const char *key, const char *text)
{
    json_t *j = text ? json_string(text) : NULL;

    if (!j)
        return 0;
    return json_object_set_new(object, key, j) < 0 ? -ENOMEM : 0;
}

static int add_piece(const char *bytes, size_t size, void *userdata)
{
    return buffer_add(userdata, bytes, size) < 0 ? -1 : 0;
}

int json_add_line(struct buffer *b, const json_t *j)
{
    size_t before = buffer_size(b);

    if (!j)
        return -ENOMEM;
    if (json_dump_callback(j, add_piece, b, JSON_COMPACT | JSON_ENCODE_ANY) == 0 && buffer_add(b, "\n", 1) == 0)
        return 0;
    /* Half a line must not stay. */
    buffer_cut(b, before);
    return -ENOBUFS;
}

char *json_to_text(const json_t *j)
{
    return j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
}

json_t *json_parse_line(const char *line, size_t size)
{
    return json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

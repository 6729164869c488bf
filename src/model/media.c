#include <pindispatch/media.h>

#include <string.h>

/* Digits, with a point among them at most. Independent of the process's locale. */
static bool read_number(const char **at, double *ret)
{
    const char *start = *at;
    double value = 0, part = 0;

    for (; (**at >= '0' && **at <= '9') || (**at == '.' && part == 0 && *at > start); ++*at) {
        if (**at == '.') {
            part = 1;
        } else if (part == 0) {
            value = 10 * value + (**at - '0');
        } else {
            part /= 10;
            value += part * (**at - '0');
        }
    }
    *ret = value;
    return *at > start && value > 0 && value < 100000;
}

bool media_size(const char *name, double *ret_width, double *ret_height)
{
    static const char signs[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    const char *first = strchr(name, '_'), *at = strrchr(name, '_');
    double unit;

    /* class_name_WIDTHxHEIGHTunit */
    if (!first || first == name || at <= first + 1 || name[strspn(name, signs)] != '\0')
        return false;
    at++;
    if (!read_number(&at, ret_width) || *at++ != 'x' || !read_number(&at, ret_height))
        return false;
    unit = strcmp(at, "mm") == 0 ? 1 : strcmp(at, "in") == 0 ? 25.4 : 0;
    *ret_width *= unit;
    *ret_height *= unit;
    return unit > 0;
}

/* Mustache: any bytes as a template, with and without the table of names, rendered for each target. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/buffer.h>

#include "fields.h"
#include "mustache.h"
#include "secrecy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_secret(const void *userdata, const char *name, size_t size, const char **ret_bytes, size_t *ret_size)
{
    *ret_bytes = userdata;
    *ret_size = strlen(userdata);
    return size == 6 && memcmp(name, "secret", 6) == 0;
}

static void render(const struct mustache *m, const struct mustache_data *d)
{
    for (int escape = MUSTACHE_RAW; escape <= MUSTACHE_SET; escape++) {
        struct buffer b = BUFFER(65536);
        struct mustache_result result = { .empty = NULL };
        int r = mustache_render(m, d, (enum mustache_escape)escape, &b, &result);

        if (r == MUSTACHE_EMPTY && !result.empty)
            abort();
        buffer_release(&b);
    }
}

static void count(void *userdata, const struct problem *p)
{
    if (!p->code[0] || !p->where[0])
        abort();
    ++*(unsigned *)userdata;
}

/* Whether the first finding is wanted or each: the verdict is the same. */
static void check_secrecy(const struct mustache *m, const struct mustache_source *s)
{
    unsigned n = 0;
    struct findings first = { .n = 0 }, each = { .each = count, .userdata = &n };
    struct secrecy x = { .bare = 0 }, y = { .bare = 0 };

    if (secrecy_check(m, s, &x, &first) != secrecy_check(m, s, &y, &each) ||
        secrecy_check_lines(m, s, &first) != secrecy_check_lines(m, s, &each) ||
        secrecy_check_html(m, s, &first) != secrecy_check_html(m, s, &each) || each.n != n)
        abort();
}

static void run(const uint8_t *data, size_t size, const struct mustache_name *names, const struct mustache_data *d)
{
    const struct mustache_source s = {
        .text = (const char *)data, .size = size, .file = "t", .line = 1, .names = names
    };
    struct problem p;
    struct mustache *m = NULL;
    char prints[64];

    if (mustache_parse(&s, &m, &(struct findings){ .first = &p }) != 0)
        return;
    mustache_prints(m, prints, sizeof(prints));
    check_secrecy(m, &s);
    render(m, d);
    mustache_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *root =
        json_pack("{s:{s:s,s:s,s:[s,s]},s:{s:s},s:[[i,i],[f]],s:n,s:b}", "holder", "name", "{{a}} <&>\"'", "email",
                  "", "address", "a", "b", "card", "id", "1", "list", 1, 2, 1.5, "null", "flag", 1);
    struct mustache_data d = { .root = root, .overlay = find_secret, .userdata = "0000" };

    if (!root)
        abort();
    run(data, size, NULL, &d);
    run(data, size, fields_all, &d);
    run(data, size, fields_without_secret, &d);
    json_decref(root);
    return 0;
}

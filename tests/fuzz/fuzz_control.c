/* The control socket's request parser and what handlers read from a request. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/control/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_arguments(struct request *q)
{
    struct uuid id;
    unsigned mask = 0;
    json_int_t n = 0;
    const char *reason = NULL;

    assert(request_id(q, &id) == 0 || q->problem.message[0]);
    if (request_states(q, &mask) == 0)
        assert((mask & ~STATES_ALL) == 0);
    if (request_number(q, "limit", 1, REQUEST_LIMIT_MOST, 100, &n) == 0)
        assert(n >= 1 && n <= REQUEST_LIMIT_MOST);
    if (request_reason(q, &reason) == 0 && reason)
        assert(strlen(reason) <= REQUEST_REASON_MOST && !strpbrk(reason, "\n\r\033"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request q = { .items = BUFFER(1024) };
    struct problem p = { .code = "" };
    char *line = malloc(size + 1);
    int r;

    if (!line)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    r = request_parse(line, size, &q.command, &q.arguments, &p);
    if (r == 0)
        read_arguments(&q);
    else
        assert(r == 1 && p.code[0] && p.message[0]);
    request_release(&q);
    free(line);
    return 0;
}

/* The worker wire, both ways. */
#include <stdint.h>
#include <stdlib.h>

#include <pindispatch/protocol.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_order(const char *line, size_t size)
{
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct order o;

    if (order_parse(line, size, &o) < 0)
        return;
    if ((o.kind == ORDER_DELIVER || o.kind == ORDER_PREPARE) &&
        order_add_parcel(&b, o.kind, &o.parcel, NULL, NULL) < 0)
        abort();
    order_release(&o);
    buffer_release(&b);
}

static void try_word(const char *line, size_t size)
{
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct word w;

    if (word_parse(line, size, &w) < 0)
        return;
    if (w.kind == WORD_OUTCOME && word_add_outcome(&b, &w.id, &w.outcome, w.template_hash) < 0)
        abort();
    word_release(&w);
    buffer_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > PROTOCOL_LINE / 8)
        return 0;
    try_order((const char *)data, size);
    try_word((const char *)data, size);
    return 0;
}

#include "rows.h"

/* Nothing to do: the flag says it all, and whoever accepts an event records it. */
const struct method method_nopin = {
    .names = { "nopin", "nopuk" },
    .flags = METHOD_KEEPS_NOTHING,
};

#include <pindispatch/delivery.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const names_of_states[STATE_COUNT + 1] = {
    [STATE_QUEUED] = "queued",       [STATE_SENDING] = "sending",     [STATE_SPOOLED] = "spooled",
    [STATE_DEFERRED] = "deferred",   [STATE_HELD] = "held",           [STATE_IN_DOUBT] = "in-doubt",
    [STATE_FAILED] = "failed",       [STATE_DELIVERED] = "delivered", [STATE_NOPIN] = "nopin",
    [STATE_CANCELLED] = "cancelled", [STATE_EXPIRED] = "expired",     [STATE_DRY_RUN] = "dry-run",
};

static const char *const names_of_parts[SECRET_PARTS + 1] = {
    [SECRET_PIN] = "pin", [SECRET_PUK] = "puk", [SECRET_PASSWORD] = "password"
};

static const char *const names_of_stages[STAGE_COUNT + 1] = {
    [STAGE_FRESH] = "fresh",
    [STAGE_BEGUN] = "begun",
    [STAGE_RELEASING] = "releasing",
    [STAGE_SPOOLED] = "spooled",
};

/* What each state may become. Final states become nothing. A worker's outcome ends `sending` and `spooled`;
 * recovery takes `sending` back to a waiting state; the rest are an operator's and time's. */
static const unsigned successors[STATE_COUNT] = {
    [STATE_QUEUED] = STATE_BIT(STATE_SENDING) | STATE_BIT(STATE_HELD) | STATE_BIT(STATE_CANCELLED) |
                     STATE_BIT(STATE_EXPIRED) | STATE_BIT(STATE_FAILED),
    [STATE_SENDING] = STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_SPOOLED) | STATE_BIT(STATE_DELIVERED) |
                      STATE_BIT(STATE_DEFERRED) | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_IN_DOUBT) |
                      STATE_BIT(STATE_CANCELLED) | STATE_BIT(STATE_HELD) | STATE_BIT(STATE_DRY_RUN),
    [STATE_SPOOLED] = /* followed, with news */
    STATE_BIT(STATE_SPOOLED) | STATE_BIT(STATE_DELIVERED) | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_IN_DOUBT) |
    STATE_BIT(STATE_CANCELLED) | STATE_BIT(STATE_EXPIRED),
    [STATE_DEFERRED] = STATE_BIT(STATE_SENDING) | STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_HELD) |
                       STATE_BIT(STATE_CANCELLED) | STATE_BIT(STATE_EXPIRED) | STATE_BIT(STATE_FAILED),
    [STATE_HELD] = STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_CANCELLED) | STATE_BIT(STATE_EXPIRED),
    [STATE_IN_DOUBT] = STATE_BIT(STATE_DELIVERED) | STATE_BIT(STATE_FAILED) | STATE_BIT(STATE_EXPIRED),
    [STATE_FAILED] = STATE_BIT(STATE_QUEUED) | STATE_BIT(STATE_CANCELLED) | STATE_BIT(STATE_EXPIRED),
};

static int find_name(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -EINVAL;
}

const char *state_name(enum delivery_state s)
{
    return names_of_states[s];
}

int state_parse(const char *name, enum delivery_state *ret)
{
    int i = find_name(names_of_states, name);

    if (i >= 0)
        *ret = (enum delivery_state)i;
    return i < 0 ? i : 0;
}

const char *const *state_names(void)
{
    return names_of_states;
}

bool state_may_become(enum delivery_state from, enum delivery_state to)
{
    return (successors[from] & STATE_BIT(to)) != 0;
}

const char *secret_kind_name(enum secret_kind k)
{
    return names_of_parts[k];
}

int secret_kind_parse(const char *name, enum secret_kind *ret)
{
    unsigned part = SECRET_PARTS;
    int r = secret_part_parse(name, &part);

    if (r < 0 || part >= SECRET_KINDS)
        return -EINVAL;
    *ret = (enum secret_kind)part;
    return 0;
}

const char *secret_part_name(unsigned part)
{
    return names_of_parts[part];
}

int secret_part_parse(const char *name, unsigned *ret)
{
    int i = find_name(names_of_parts, name);

    if (i >= 0)
        *ret = (unsigned)i;
    return i < 0 ? i : 0;
}

const char *stage_name(enum stage s)
{
    return names_of_stages[s];
}

int stage_parse(const char *name, enum stage *ret)
{
    int i = find_name(names_of_stages, name);

    if (i >= 0)
        *ret = (enum stage)i;
    return i < 0 ? i : 0;
}

#include "print_life.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/clock.h>

#include "print_connection.h"

/* Nobody takes the subscription away when nobody prints here any more. */
enum { LEASE_SECONDS = 30 * 86400 };

static const char mark[] = "pindispatch2-"; /* the number goes with the events */
static const char server[] = "ipp://localhost/";

static ipp_t *request_new(ipp_op_t operation, const char *user)
{
    ipp_t *r = ippNewRequest(operation);
    if (!r)
        return NULL;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, server);
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, user);
    return r;
}

/* A server that wants to know who subscribes still prints: no answer is none. */
static int ask(struct connection *c, ipp_t *request, ipp_t **ret, struct outcome *trouble)
{
    int e = connection_ask(c, request, "/", NULL, ret, trouble);
    if (e <= 0 || strcmp(trouble->code, CONNECTION_REFUSED) != 0)
        return e;
    outcome_release(trouble);
    *trouble = (struct outcome){ .code = "" };
    return 0;
}

/* Others may have subscriptions under our name: ours says so. */
static bool read_token(ipp_attribute_t *a, char token[LIFE_NAME])
{
    int size = 0;
    const char *data = ippGetOctetString(a, 0, &size);
    char digits[16 + 1];
    if (!data || (size_t)size != strlen(mark) + 16 || memcmp(data, mark, strlen(mark)) != 0)
        return false;
    snprintf(digits, sizeof(digits), "%.16s", data + strlen(mark));
    if (strspn(digits, "0123456789abcdef") != 16)
        return false;
    memcpy(token, digits, sizeof(digits));
    return true;
}

/* The oldest one, should two workers have made one each. */
int life_read_watch(ipp_t *answer, char token[LIFE_NAME])
{
    int id = 0;
    bool ours = false;
    for (ipp_attribute_t *a = ippFirstAttribute(answer); a && !(id && ours); a = ippNextAttribute(answer)) {
        const char *name = ippGetName(a);
        if (!name)
            id = 0, ours = false; /* between two of them */
        else if (ippGetGroupTag(a) == IPP_TAG_SUBSCRIPTION && strcmp(name, "notify-subscription-id") == 0)
            id = ippGetInteger(a, 0);
        else if (ippGetGroupTag(a) == IPP_TAG_SUBSCRIPTION && strcmp(name, "notify-user-data") == 0)
            ours = read_token(a, token);
    }
    return ours ? id : 0;
}

/* The time is in the name as well: a server that is killed may forget that it counted. */
void life_read_starts(ipp_t *answer, const char *token, struct print_life *ret)
{
    ret->count = ret->started = 0;
    for (ipp_attribute_t *a = ippFirstAttribute(answer); a; a = ippNextAttribute(answer)) {
        const char *name = ippGetName(a);
        if (!name || ippGetGroupTag(a) != IPP_TAG_EVENT_NOTIFICATION)
            continue;
        if (strcmp(name, "notify-sequence-number") == 0)
            ret->count = ippGetInteger(a, 0);
        else if (strcmp(name, "printer-up-time") == 0)
            ret->started = ippGetInteger(a, 0);
    }
    snprintf(ret->name, sizeof(ret->name), "%.16s/%d/%d", token, ret->count, ret->started);
}

int life_follows(const struct print_life *now, const char *name)
{
    char before[LIFE_NAME];
    if (now->count <= 0)
        return 0;
    snprintf(before, sizeof(before), "%.16s/%d/", now->name, now->count - 1);
    return strncmp(name, before, strlen(before)) == 0 ? now->started : 0;
}

static int find_watch(struct connection *c, const char *user, int *ret_id, char token[LIFE_NAME],
                      struct outcome *trouble)
{
    static const char *const wanted[] = { "notify-subscription-id", "notify-user-data" };
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(IPP_OP_GET_SUBSCRIPTIONS, user);
    if (!r)
        return -ENOMEM;
    ippAddBoolean(r, IPP_TAG_OPERATION, "my-subscriptions", 1);
    ippAddStrings(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", ARRAY_SIZE(wanted), NULL, wanted);
    int e = ask(c, r, &answer, trouble);
    *ret_id = e ? 0 : life_read_watch(answer, token);
    return e;
}

static int add_watch(struct connection *c, const char *user, struct outcome *trouble)
{
    /* A job that is held or released is told by no event but those that each letter makes: that is seen when it is
     * looked at. */
    static const char *const events[] = { "server-started", "server-restarted", "printer-stopped", "printer-modified",
                                          "job-stopped" };
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    char data[sizeof(mark) + 16];
    uint64_t token;
    ipp_t *r = request_new(IPP_OP_CREATE_PRINTER_SUBSCRIPTIONS, user);
    if (!r)
        return -ENOMEM;
    random_bytes(&token, sizeof(token));
    snprintf(data, sizeof(data), "%s%016llx", mark, (unsigned long long)token);
    ippAddStrings(r, IPP_TAG_SUBSCRIPTION, IPP_TAG_KEYWORD, "notify-events", ARRAY_SIZE(events), NULL, events);
    ippAddString(r, IPP_TAG_SUBSCRIPTION, IPP_TAG_KEYWORD, "notify-pull-method", NULL, "ippget");
    ippAddOctetString(r, IPP_TAG_SUBSCRIPTION, "notify-user-data", data, (int)strlen(data));
    ippAddInteger(r, IPP_TAG_SUBSCRIPTION, IPP_TAG_INTEGER, "notify-lease-duration", LEASE_SECONDS);
    return ask(c, r, &answer, trouble);
}

/* Found again after it was made: another worker may have made one at the same time, and all must take the same. */
static int have_watch(struct connection *c, const char *user, int *ret_id, char token[LIFE_NAME],
                      struct outcome *trouble)
{
    int e = find_watch(c, user, ret_id, token, trouble);
    if (e || *ret_id)
        return e;
    e = add_watch(c, user, trouble);
    return e ? e : find_watch(c, user, ret_id, token, trouble);
}

/* From the last one on that is known: it is told again, and everything before it is not. */
static int ask_starts(struct connection *c, const char *user, int from, struct print_life *ret,
                      struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(IPP_OP_GET_NOTIFICATIONS, user);
    if (!r)
        return -ENOMEM;
    ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "notify-subscription-ids", ret->watch);
    if (from)
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "notify-sequence-numbers", from);
    int e = ask(c, r, &answer, trouble);
    if (!e && ippGetStatusCode(answer) < IPP_STATUS_REDIRECTION_OTHER_SITE)
        life_read_starts(answer, ret->token, ret);
    return e;
}

int life_ask(struct print_life *l, struct connection *c, const char *user, struct outcome *trouble)
{
    struct print_life found = { .watch = l->watch };
    if (l->untold)
        return 0;
    memcpy(found.token, l->token, sizeof(found.token));
    int e = 0;
    if (!found.watch || l->since != connection_since(c))
        e = have_watch(c, user, &found.watch, found.token, trouble);
    if (!e && found.watch)
        e = ask_starts(c, user, l->since == connection_since(c) ? l->count : 0, &found, trouble);
    if (e)
        return e;
    found.since = connection_since(c);
    found.untold = !found.name[0];
    *l = found;
    return 0;
}

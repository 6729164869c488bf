/* The event's parser: whatever comes in, what it lets through obeys its own rules and comes back from the store. */
#include <pindispatch/event.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_taken(const struct event *e)
{
    CLEANUP(event_cleanup) struct event *again = NULL;
    size_t size = strlen(e->text);

    require(e->id && e->source && e->type && e->card_id);
    require(e->brings[SECRET_PIN] || e->brings[SECRET_PUK]);
    require(!e->holder_email || email_is_safe(e->holder_email));
    require(!json_object_get(json_object_get(e->body, "data"), "pin"));
    require(event_restore(e->text, size, &again) == 0);
    require(memcmp(again->digest, e->digest, EVENT_DIGEST) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "card.issued", NULL };
    CLEANUP(event_cleanup) struct event *e = NULL;
    CLEANUP(event_cleanup) struct event *identity = NULL;
    CLEANUP(event_cleanup) struct event *stored = NULL;
    struct problem p = { .code = "" };
    int r = event_parse((const char *)data, size, types, &e, &p);

    require(r == 0 || (r == 1 && !e && p.code[0] && p.message[0]));
    if (e)
        check_taken(e);
    (void)event_identify((const char *)data, size, &identity);
    (void)event_restore((const char *)data, size, &stored);
    return 0;
}

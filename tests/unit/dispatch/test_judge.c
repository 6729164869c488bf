/* Workers that say what they may not. */
#include "yard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 200 * 1024 };

struct fixture {
    struct yard *yard;
    struct played print, email;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->yard = yard_open();
    yard_workers(f->yard, &f->print, &f->email);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    yard_close(f->yard);
    free(f);
    return 0;
}

/* Writes FORMAT with the delivery's id for each '@', without a turn of the loop. */
static void write_line(struct played *w, const char *format, const struct uuid *id)
{
    struct buffer b = BUFFER(LINE);
    char text[UUID_TEXT];

    uuid_format(id, text);
    for (const char *c = format; *c; c++)
        assert_int_equal(*c == '@' ? buffer_add_text(&b, text) : buffer_add(&b, c, 1), 0);
    assert_int_equal(buffer_add(&b, "\n", 1), 0);
    assert_int_equal(lines_write(w->fd, buffer_bytes(&b), buffer_size(&b)), 0);
    buffer_release(&b);
}

#define OUTCOME(members) "{\"say\":\"outcome\",\"id\":\"@\",\"outcome\":{" members "}}"
#define MARK             "{\"say\":\"mark\",\"marks\":[{\"id\":\"@\"}]}"

static const struct breach {
    const char *method, *line;
    bool spooled; /* said at a look */
} breaches[] = {
    { "email", OUTCOME("\"kind\":\"spooled\",\"code\":\"c\""), false },
    { "email", OUTCOME("\"kind\":\"dry-run\",\"code\":\"c\""), false },
    { "print", OUTCOME("\"kind\":\"dry-run\",\"code\":\"c\""), false },
    { "print", OUTCOME("\"kind\":\"expired\",\"code\":\"c\""), false },
    { "print", OUTCOME("\"kind\":\"failed\",\"code\":\"two words\""), false },
    { "print", OUTCOME("\"kind\":\"failed\",\"code\":\"c\",\"reason\":\"\\u001b[2J\""), false },
    { "print", OUTCOME("\"kind\":\"failed\",\"code\":\"c\",\"evidence\":[]"), false },
    { "print", OUTCOME("\"kind\":\"held\",\"code\":\"c\""), true },
    { "print", OUTCOME("\"kind\":\"cancelled\",\"code\":\"c\""), true },
    { "print", OUTCOME("\"kind\":\"dry-run\",\"code\":\"c\""), true },
    { "print", MARK, true },
    { "print", MARK "\n" MARK, false },
    { "print", MARK "\n" OUTCOME("\"kind\":\"failed\",\"code\":\"c\""), false },
    { "print", "{\"say\":\"mark\",\"marks\":[{\"id\":\"@\"},{\"id\":\"@\"}]}", false },
    { "print", "{\"say\":\"mark\",\"marks\":[]}", false },
    { "print", "{\"say\":\"mark\",\"marks\":[{\"id\":\"0192ab00-0000-7000-8000-00000000000f\"}]}", false },
    { "print", "{\"say\":\"begin\",\"id\":\"0192ab00-0000-7000-8000-00000000000f\"}", false },
    { "print", "{\"say\":\"ready\"}", false },
    { "print", "{\"say\":\"unfit\",\"code\":\"key\",\"reason\":\"none\"}", false },
    { "email", "{\"say\":\"tidied\",\"clean\":true}", false },
    { "email", "{\"say\":\"waiting\",\"jobs\":[]}", false },
    { "print", "{\"say\":\"sing\"}", false },
    { "print", "not json", false },
};

static void spool(struct fixture *f, const struct uuid *id)
{
    played_report(f->yard, &f->print, id, OUTCOME_SPOOLED, "waiting", false);
    yard_wait(f->yard, id, STATE_SPOOLED);
    played_take(f->yard, &f->print, STAGE_SPOOLED);
}

/* Whoever breaks the protocol is ended; its delivery goes its way, and what others put into the same transaction is
 * on disk. */
static void a_breach_is_the_end_of_one_worker(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(breaches); i++) {
        const struct breach *b = &breaches[i];
        bool letter = strcmp(b->method, "print") == 0;
        struct played *liar = letter ? &f->print : &f->email;
        struct uuid id = yard_put(f->yard, b->method), other;

        played_take(f->yard, liar, STAGE_FRESH);
        if (b->spooled)
            spool(f, &id);
        write_line(liar, b->line, &id);
        other = yard_put(f->yard, "nopin"); /* with no worker */
        if (!played_is_ended(f->yard, liar))
            fail_msg("not ended: %s", b->line);
        assert_int_equal(yard_look(f->yard, &other).state, STATE_QUEUED);
        assert_false(commit_is_in_trouble(f->yard->commit));
        played_die(f->yard, liar);
        *liar = yard_worker(f->yard, true);
        for (bool done = false; !done;) {
            struct order o = played_hear(f->yard, liar);

            done = uuid_equal(&o.parcel.id, &id);
            assert_int_equal(o.kind, ORDER_DELIVER);
            order_release(&o);
        }
        played_report(f->yard, liar, &id, OUTCOME_DELIVERED, "honest", false);
        assert_string_equal(yard_wait(f->yard, &id, STATE_DELIVERED).code, "honest");
    }
}

/* Within its bound it is taken, beyond it not; and what is in the store all the same holds nobody up. */
static void evidence_has_a_bound(void **state)
{
    struct fixture *f = *state;
    char *line = calloc(1, LINE), *much = calloc(1, LINE);
    struct uuid id = yard_put(f->yard, "print"), other;

    memset(much, 'x', 100 * 1024);
    snprintf(line, LINE, OUTCOME("\"kind\":\"delivered\",\"code\":\"c\",\"evidence\":{\"x\":\"%s\"}"), much);
    played_take(f->yard, &f->print, STAGE_FRESH);
    write_line(&f->print, line, &id);
    assert_true(played_is_ended(f->yard, &f->print));
    assert_string_equal(yard_wait(f->yard, &id, STATE_DEFERRED).code, "protocol");
    played_die(f->yard, &f->print);
    f->print = yard_worker(f->yard, true);
    played_take(f->yard, &f->print, STAGE_BEGUN);
    memset(much, 0, LINE);
    memset(much, 'x', 12 * 1024);
    snprintf(line, LINE, OUTCOME("\"kind\":\"deferred\",\"code\":\"c\",\"evidence\":{\"x\":\"%s\"}"), much);
    write_line(&f->print, line, &id);
    yard_wait(f->yard, &id, STATE_DEFERRED);
    other = yard_put(f->yard, "print");
    for (unsigned n = 0; n < 2; n++) {
        struct order o = played_hear(f->yard, &f->print);

        played_report(f->yard, &f->print, &o.parcel.id, OUTCOME_DELIVERED, "printed", false);
        order_release(&o);
    }
    yard_wait(f->yard, &other, STATE_DELIVERED);
    yard_wait(f->yard, &id, STATE_DELIVERED);
    free(line);
    free(much);
}

/* An order that is too long for the wire, of an older store: the next one is not held up. */
static void a_large_mark_in_the_store_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    struct uuid id = yard_put(f->yard, "print"), other;
    struct cause cause = { .what = "worker", .uid = -1, .generation = 1, .now = clock_now(&clock_real) };
    char *much = calloc(1, 300 * 1024);

    played_take(f->yard, &f->print, STAGE_FRESH);
    memset(much, 'x', 280 * 1024);
    memcpy(much, "{\"x\":\"", 6);
    memcpy(much + 280 * 1024 - 2, "\"}", 3);
    assert_int_equal(store_mark(f->yard->store, &id, STAGE_RELEASING, much, &cause), 0);
    assert_int_equal(store_commit(f->yard->store), 0);
    free(much);
    yard_restart(f->yard);
    played_die(f->yard, &f->print);
    played_die(f->yard, &f->email);
    yard_workers(f->yard, &f->print, &f->email);
    other = yard_put(f->yard, "print");
    for (unsigned n = 0; n < 2; n++) {
        struct order o = played_hear(f->yard, &f->print);

        played_report(f->yard, &f->print, &o.parcel.id, OUTCOME_DELIVERED, "printed", false);
        order_release(&o);
    }
    yard_wait(f->yard, &other, STATE_DELIVERED);
    yard_wait(f->yard, &id, STATE_DELIVERED);
}

/* Talk is no progress: the deadline is that of the delivery in hand. */
static void a_worker_that_only_talks_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct uuid id;
    int64_t end = clock_monotonic() + 8 * MICROSECONDS_PER_SECOND;

    yard_set(f->yard, "workers.deadline", "1s");
    id = yard_put(f->yard, "email");
    played_take(f->yard, &f->email, STAGE_FRESH);
    while (yard_look(f->yard, &id).state == STATE_SENDING && clock_monotonic() < end) {
        struct buffer line = BUFFER(PROTOCOL_LINE);

        assert_int_equal(word_add_begin(&line, &id), 0);
        if (lines_write(f->email.fd, buffer_bytes(&line), buffer_size(&line)) == 0)
            write_line(&f->email, "{\"say\":\"findings\",\"findings\":[]}", &id);
        buffer_release(&line);
        assert_true(sd_event_run(f->yard->site.loop, 50000) >= 0);
    }
    assert_string_equal(yard_wait(f->yard, &id, STATE_DEFERRED).code, "deadline");
}

/* Cut within a letter of two bytes it would be no text any more, and `status` no JSON. */
static void status_stands_whatever_a_worker_says(void **state)
{
    struct fixture *f = *state;
    char reason[600] = "x";

    for (size_t i = 1; i + 2 < sizeof(reason); i += 2)
        memcpy(reason + i, "é", 3);
    for (size_t skip = 0; skip < 2; skip++) {
        struct buffer line = BUFFER(PROTOCOL_LINE);
        CLEANUP(json_cleanup) json_t *status = NULL;
        struct outcome o = { .destination = true };
        struct uuid id = yard_put(f->yard, "email");

        yard_set(f->yard, "retry.first", "10s");
        yard_set(f->yard, "retry.max", "10s");
        dispatch_nudge(f->yard->dispatch);
        yard_turn(f->yard);
        played_take(f->yard, &f->email, STAGE_FRESH);
        outcome_set(&o, OUTCOME_DEFERRED, "connect", "%s", reason + skip);
        assert_int_equal(word_add_outcome(&line, &id, &o, ""), 0);
        played_say(f->yard, &f->email, &line);
        status = dispatch_status(f->yard->dispatch);
        assert_non_null(status);
        assert_string_equal(json_text(json_object_get(json_array_get(status, 1), "trouble"), "code"), "connect");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_breach_is_the_end_of_one_worker),         TEST(evidence_has_a_bound),
        TEST(a_large_mark_in_the_store_holds_nobody_up), TEST(a_worker_that_only_talks_is_given_up),
        TEST(status_stands_whatever_a_worker_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

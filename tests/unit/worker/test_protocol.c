#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/json.h>
#include <pindispatch/protocol.h>

static const char id_text[] = "0192ab00-0000-7000-8000-00000000000f";

static struct uuid id(void)
{
    struct uuid u;

    assert_int_equal(uuid_parse(id_text, &u), 0);
    return u;
}

static int parse_order(struct buffer *b, struct order *ret)
{
    assert_int_equal(buffer_bytes(b)[buffer_size(b) - 1], '\n');
    return order_parse(buffer_bytes(b), buffer_size(b), ret);
}

static int parse_word(struct buffer *b, struct word *ret)
{
    assert_int_equal(buffer_bytes(b)[buffer_size(b) - 1], '\n');
    return word_parse(buffer_bytes(b), buffer_size(b), ret);
}

static void carries_a_parcel(void **state)
{
    struct parcel p = { .id = id(),
                        .job_uuid = id(),
                        .copy = 2,
                        .attempt = 3,
                        .secret = SECRET_PUK,
                        .stage = STAGE_RELEASING,
                        .stated = true,
                        .created = 1234567,
                        .sealed = strdup("a.b.c.d.e") };
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct order o;

    (void)state;
    assert_int_equal(order_add_parcel(&b, ORDER_PREPARE, &p, "{\"id\":\"e1\"}", "{\"job_id\":7}"), 0);
    assert_int_equal(parse_order(&b, &o), 0);
    assert_int_equal(o.kind, ORDER_PREPARE);
    assert_true(uuid_equal(&o.parcel.id, &p.id));
    assert_int_equal(o.parcel.copy, 2);
    assert_int_equal(o.parcel.attempt, 3);
    assert_int_equal(o.parcel.secret, SECRET_PUK);
    assert_int_equal(o.parcel.stage, STAGE_RELEASING);
    assert_true(o.parcel.stated);
    assert_int_equal(o.parcel.created, 1234567);
    assert_string_equal(o.parcel.sealed, "a.b.c.d.e");
    assert_string_equal(json_text(o.parcel.event, "id"), "e1");
    assert_int_equal(json_number(o.parcel.evidence, "job_id", 0), 7);
    order_release(&o);
    parcel_release(&p);
    buffer_release(&b);
}

static void leaves_no_half_line(void **state)
{
    struct parcel p = { .id = id(), .job_uuid = id(), .copy = 1 };
    struct buffer b = BUFFER(250);

    (void)state;
    assert_int_equal(buffer_add_text(&b, "x"), 0);
    assert_int_equal(order_add_parcel(&b, ORDER_DELIVER, &p,
                                      "{\"id\":\"a text that is longer than what the buffer may hold\"}", NULL),
                     -ENOBUFS);
    assert_int_equal(buffer_size(&b), 1);
    buffer_release(&b);
}

static void carries_ids(void **state)
{
    const struct uuid ids[2] = { id(), id() };
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct order o;

    (void)state;
    assert_int_equal(order_add_ids(&b, ORDER_STOP, ids, 2), 0);
    assert_int_equal(parse_order(&b, &o), 0);
    assert_int_equal(o.kind, ORDER_STOP);
    assert_int_equal(o.n_ids, 2);
    assert_true(uuid_equal(&o.ids[1], &ids[1]));
    order_release(&o);
    buffer_release(&b);
}

static void carries_settings(void **state)
{
    json_t *settings = json_pack("{s:s}", "print.printer", "pin");
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct order o;

    (void)state;
    assert_int_equal(order_add_setup(&b, "print", settings), 0);
    assert_int_equal(parse_order(&b, &o), 0);
    assert_int_equal(o.kind, ORDER_SETUP);
    assert_string_equal(o.method, "print");
    assert_string_equal(json_text(o.settings, "print.printer"), "pin");
    order_release(&o);
    buffer_release(&b);
    json_free(settings);
}

static void carries_an_outcome(void **state)
{
    struct outcome o = { .destination = true, .evidence = json_pack("{s:i}", "code", 451) };
    struct buffer b = BUFFER(PROTOCOL_LINE);
    const struct uuid u = id();
    struct word w;

    (void)state;
    outcome_set(&o, OUTCOME_DEFERRED, "smtp-451", "the server said: try later");
    assert_int_equal(word_add_outcome(&b, &u, &o, "abc"), 0);
    assert_int_equal(parse_word(&b, &w), 0);
    assert_int_equal(w.kind, WORD_OUTCOME);
    assert_true(uuid_equal(&w.id, &u));
    assert_int_equal(w.outcome.kind, OUTCOME_DEFERRED);
    assert_true(w.outcome.destination);
    assert_string_equal(w.outcome.code, "smtp-451");
    assert_string_equal(w.outcome.reason, "the server said: try later");
    assert_int_equal(json_number(w.outcome.evidence, "code", 0), 451);
    assert_string_equal(w.template_hash, "abc");
    word_release(&w);
    buffer_release(&b);
    outcome_release(&o);
}

static void carries_marks(void **state)
{
    struct parcel one = { .id = id() };
    struct parcel *const parcels[] = { &one, &one };
    json_t *evidence = json_pack("{s:i}", "job_id", 3);
    const json_t *const list[] = { evidence, NULL };
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct word w;

    (void)state;
    assert_int_equal(word_add_mark(&b, parcels, list, 2), 0);
    assert_int_equal(parse_word(&b, &w), 0);
    assert_int_equal(w.kind, WORD_MARK);
    assert_int_equal(w.n_marks, 2);
    assert_int_equal(json_number(w.marks[0].evidence, "job_id", 0), 3);
    assert_null(w.marks[1].evidence);
    word_release(&w);
    json_free(evidence);
    buffer_release(&b);
}

/* A long path with letters of two bytes: cut, it must still be a text. */
static void cuts_why_a_worker_is_unfit(void **state)
{
    char reason[512] = "x";

    (void)state;
    for (size_t i = 1; i + 2 < sizeof(reason); i += 2)
        memcpy(reason + i, "ö", 3);
    for (size_t skip = 0; skip < 2; skip++) {
        struct buffer b = BUFFER(PROTOCOL_LINE);
        struct word w;

        assert_int_equal(word_add_unfit(&b, "template", reason + skip), 0);
        assert_int_equal(parse_word(&b, &w), 0);
        assert_string_equal(w.outcome.code, "template");
        assert_memory_equal(w.outcome.reason, reason + skip, strlen(w.outcome.reason));
        assert_true(strlen(w.outcome.reason) > 250);
        word_release(&w);
        buffer_release(&b);
    }
}

static void refuses_what_is_beyond_its_bounds(void **state)
{
    static const struct {
        const char *before, *after;
    } lines[] = {
        { "{\"say\":\"mark\",\"marks\":[{\"id\":\"0192ab00-0000-7000-8000-00000000000f\",\"evidence\":{\"x\":\"",
          "\"}}]}" },
        { "{\"say\":\"outcome\",\"id\":\"0192ab00-0000-7000-8000-00000000000f\",\"outcome\":{\"kind\":\"failed\","
          "\"code\":\"c\",\"evidence\":{\"x\":\"",
          "\"}}}" },
        { "{\"say\":\"unfit\",\"code\":\"c\",\"reason\":\"", "\"}" },
        { "{\"say\":\"findings\",\"findings\":[{\"code\":\"c\",\"reason\":\"", "\"}]}" },
    };
    char *much = calloc(1, EVIDENCE_MOST + 1), *line = calloc(1, 2 * EVIDENCE_MOST);
    struct word w;

    (void)state;
    memset(much, 'x', EVIDENCE_MOST);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        snprintf(line, 2 * EVIDENCE_MOST, "%s%s%s", lines[i].before, "few", lines[i].after);
        assert_int_equal(word_parse(line, strlen(line), &w), 0);
        word_release(&w);
        snprintf(line, 2 * EVIDENCE_MOST, "%s%s%s", lines[i].before, much, lines[i].after);
        assert_int_equal(word_parse(line, strlen(line), &w), -EINVAL);
    }
    free(much);
    free(line);
}

static void carries_findings(void **state)
{
    json_t *findings = json_pack("[{s:s, s:s}]", "code", "queue-class", "reason", "It is a class.");
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct word w;

    (void)state;
    assert_int_equal(word_add_findings(&b, findings), 0);
    assert_int_equal(parse_word(&b, &w), 0);
    assert_int_equal(w.kind, WORD_FINDINGS);
    assert_true(json_equal(w.findings, findings));
    word_release(&w);
    assert_null(w.findings);
    json_free(findings);
    buffer_release(&b);
}

static void carries_what_waits(void **state)
{
    const struct waiting two[] = { { .id = id(), .job_uuid = id(), .job = 7 },
                                   { .id = id(), .job_uuid = id(), .job = 8, .left = true } };
    struct buffer b = BUFFER(PROTOCOL_LINE);
    struct order o;
    struct word w;

    (void)state;
    assert_int_equal(word_add_waiting(&b, two, 2), 0);
    assert_int_equal(parse_word(&b, &w), 0);
    assert_int_equal(w.kind, WORD_WAITING);
    assert_int_equal(w.n_waiting, 2);
    assert_true(uuid_equal(&w.waiting[1].id, &two[1].id));
    assert_true(uuid_equal(&w.waiting[1].job_uuid, &two[1].job_uuid));
    assert_int_equal(w.waiting[1].job, 8);
    word_release(&w);
    buffer_release(&b);
    assert_int_equal(order_add_clear(&b, two, 2), 0);
    assert_int_equal(parse_order(&b, &o), 0);
    assert_int_equal(o.kind, ORDER_CLEAR);
    assert_int_equal(o.n_left, 2);
    assert_false(o.left[0]);
    assert_true(o.left[1]);
    order_release(&o);
    buffer_release(&b);
    for (int clean = 0; clean < 2; clean++) {
        assert_int_equal(word_add_tidied(&b, clean), 0);
        assert_int_equal(parse_word(&b, &w), 0);
        assert_int_equal(w.kind, WORD_TIDIED);
        assert_int_equal(w.clean, clean);
        buffer_release(&b);
    }
}

static void refuses_what_is_none(void **state)
{
    static const char *const wrong[] = { "",
                                         "[]",
                                         "{}",
                                         "{\"do\":\"dance\"}",
                                         "{\"do\":\"deliver\"}",
                                         "{\"do\":\"deliver\",\"parcel\":{\"id\":\"x\"}}",
                                         "{\"do\":\"go\",\"ids\":[1]}",
                                         "{\"do\":\"setup\",\"method\":\"print\"}",
                                         "{\"say\":\"begin\"}",
                                         "{\"say\":\"mark\",\"marks\":[{}]}",
                                         "{\"say\":\"outcome\",\"id\":\"0192ab00-0000-7000-8000-00000000000f\"}",
                                         "{\"do\":\"clear\"}",
                                         "{\"do\":\"clear\",\"left\":[1]}",
                                         "{\"say\":\"waiting\"}",
                                         "{\"say\":\"waiting\",\"jobs\":[{}]}",
                                         "{\"say\":\"waiting\",\"jobs\":[{\"id\":"
                                         "\"0192ab00-0000-7000-8000-00000000000f\",\"job_uuid\":"
                                         "\"0192ab00-0000-7000-8000-00000000000f\",\"job\":0}]}",
                                         "{\"say\":\"tidied\"}",
                                         "{\"say\":\"tidied\",\"clean\":1}",
                                         "{\"say\":\"findings\"}",
                                         "{\"say\":\"findings\",\"findings\":[{\"code\":\"x\"}]}",
                                         "{\"say\":\"findings\",\"findings\":[{\"code\":\"x\",\"reason\":1}]}",
                                         "{\"say\":\"unfit\"}",
                                         "{\"say\":\"unfit\",\"code\":\"two words\",\"reason\":\"r\"}",
                                         "{\"say\":\"unfit\",\"code\":\"c\",\"reason\":\"a\\nb\"}",
                                         "{\"say\":\"mark\",\"marks\":[]}" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct order o;
        struct word w;

        assert_int_equal(order_parse(wrong[i], strlen(wrong[i]), &o), -EINVAL);
        assert_int_equal(word_parse(wrong[i], strlen(wrong[i]), &w), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_a_parcel),
        cmocka_unit_test(leaves_no_half_line),
        cmocka_unit_test(carries_ids),
        cmocka_unit_test(carries_settings),
        cmocka_unit_test(carries_an_outcome),
        cmocka_unit_test(carries_marks),
        cmocka_unit_test(carries_findings),
        cmocka_unit_test(carries_what_waits),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(cuts_why_a_worker_is_unfit),
        cmocka_unit_test(refuses_what_is_beyond_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "ticket.h"

#include <string.h>

#include "house.h"

static unsigned notified;

static void notify(void *owner)
{
    (void)owner;
    notified++;
}

static struct ticket *make(void)
{
    struct ticket *t = ticket_new(NULL, notify, NULL);

    assert_non_null(t);
    return t;
}

static void only_a_settled_first_one_leaves(void **state)
{
    struct tickets q = { .n = 0 };
    struct ticket *a = make(), *b = make();

    (void)state;
    tickets_push(&q, a);
    tickets_push(&q, b);
    b->settled = true;
    assert_null(tickets_pop(&q));
    a->settled = true;
    assert_ptr_equal(tickets_pop(&q), a);
    assert_ptr_equal(tickets_pop(&q), b);
    assert_null(tickets_pop(&q));
    assert_int_equal(q.n, 0);
    tickets_push(&q, a);
    assert_ptr_equal(tickets_pop(&q), a);
    ticket_free(a);
    ticket_free(b);
}

static void abandoned_ones_end_by_themselves(void **state)
{
    struct tickets q = { .n = 0 };
    struct ticket *waits = make(), *settled = make();

    (void)state;
    settled->settled = true;
    tickets_push(&q, waits);
    tickets_push(&q, settled);
    tickets_abandon(&q);
    assert_int_equal(q.n, 0);
    assert_null(waits->notify);
    assert_int_equal(notified, 0);
    ticket_free(waits);
}

/* As whoever reads the line finds it. */
static json_t *answer_of(const struct ticket *t)
{
    CLEANUP(buffer_release) struct buffer b = BUFFER(4096);
    json_t *j;

    assert_int_equal(ticket_answer(t, 7, &b), 0);
    j = json_parse_line(buffer_bytes(&b), buffer_size(&b));
    assert_int_equal(json_number(j, "line", 0), 7);
    return j;
}

static void rejection_is_told_whole(void **state)
{
    struct ticket *t = make();
    CLEANUP(json_cleanup) json_t *answer = NULL;

    (void)state;
    t->verdict = VERDICT_REJECTED;
    t->retry_after = 5;
    problem_set(&t->problem, "store", NULL, "no room");
    answer = answer_of(t);
    ticket_free(t);
    assert_string_equal(json_text(answer, "result"), "rejected");
    assert_string_equal(json_text(answer, "code"), "store");
    assert_string_equal(json_text(answer, "message"), "no room");
    assert_int_equal(json_number(answer, "retry_after", 0), 5);
    assert_null(json_object_get(answer, "path"));
    assert_null(json_object_get(answer, "id"));
    assert_null(json_object_get(answer, "deliveries"));
}

static void duplicate_tells_the_states_of_now(void **state)
{
    struct ticket *t = make();
    CLEANUP(json_cleanup) json_t *answer = NULL;
    const json_t *list;

    (void)state;
    t->verdict = VERDICT_DUPLICATE;
    t->admission.n = 2;
    t->admission.items[0] = (struct admitted){ .method = "print", .state = STATE_DELIVERED };
    t->admission.items[1] = (struct admitted){ .secret = SECRET_PUK, .method = "email", .state = STATE_IN_DOUBT };
    answer = answer_of(t);
    ticket_free(t);
    list = json_object_get(answer, "deliveries");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_text(json_array_get(list, 0), "state"), "delivered");
    assert_string_equal(json_text(json_array_get(list, 1), "state"), "in-doubt");
    assert_string_equal(json_text(json_array_get(list, 1), "secret"), "puk");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_settled_first_one_leaves),
        cmocka_unit_test(abandoned_ones_end_by_themselves),
        cmocka_unit_test(rejection_is_told_whole),
        cmocka_unit_test(duplicate_tells_the_states_of_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

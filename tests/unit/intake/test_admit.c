#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/file.h>

#include "house.h"

/* The answer to one event over a connection of its own. */
static json_t *submit(struct house *h, const char *id, const char *members)
{
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    char line[16 * 1024];

    house_say(fd, event_line(line, sizeof(line), id, members));
    return house_hear(h, fd);
}

static void assert_rejected(json_t *answer, const char *code, const char *path)
{
    assert_string_equal(json_text(answer, "result"), "rejected");
    assert_string_equal(json_text(answer, "code"), code);
    assert_string_equal(json_text(answer, "path"), path);
    assert_non_null(json_text(answer, "message"));
    assert_null(json_object_get(answer, "deliveries"));
    json_decref(answer);
}

static const json_t *delivery(const json_t *answer, size_t i)
{
    return json_array_get(json_object_get(answer, "deliveries"), i);
}

static void assert_delivery(const json_t *answer, size_t i, const char *secret, const char *method, const char *state)
{
    const json_t *d = delivery(answer, i);
    struct uuid id;

    assert_string_equal(json_text(d, "secret"), secret);
    assert_string_equal(json_text(d, "method"), method);
    assert_string_equal(json_text(d, "state"), state);
    assert_int_equal(uuid_parse(json_text(d, "id"), &id), 0);
}

static size_t delivery_count(const json_t *answer)
{
    return json_array_size(json_object_get(answer, "deliveries"));
}

/* What a worker would find. */
struct found {
    struct seal_ring *keys;
    struct secret *secrets[SECRET_PARTS];
    char jwe[JWE_MOST];
    enum delivery_state state;
    bool stated;
    int64_t uid;
};

static int look(void *userdata, const struct record *r)
{
    struct found *f = userdata;

    f->state = r->state;
    f->stated = r->stated;
    if (!r->sealed)
        return 0;
    snprintf(f->jwe, sizeof(f->jwe), "%s", r->sealed);
    return seal_open(f->keys, r->sealed, NULL, f->secrets, NULL);
}

static struct found find(struct house *h, const json_t *answer, size_t i)
{
    struct found f = { .keys = h->pair };
    struct uuid id;

    assert_int_equal(uuid_parse(json_text(delivery(answer, i), "id"), &id), 0);
    assert_int_equal(store_find(h->site.store, &id, look, &f), 0);
    return f;
}

static void forget(struct found *f)
{
    for (size_t k = 0; k < SECRET_PARTS; k++)
        secret_free(f->secrets[k]);
}

/* How often TEXT is in the store's files. */
static size_t count_in_store(struct house *h, const char *text)
{
    static const char *const ends[] = { "", "-wal" };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        struct buffer b = BUFFER(16 * 1024 * 1024);
        char path[128];

        snprintf(path, sizeof(path), "%s%s", h->database, ends[i]);
        assert_int_equal(file_read(path, &b), 0);
        for (size_t at = 0; at + strlen(text) <= buffer_size(&b); at++)
            n += memcmp(buffer_bytes(&b) + at, text, strlen(text)) == 0;
        buffer_release(&b);
    }
    return n;
}

static void nopin_keeps_no_secret(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *answer = submit(h, "1", "\"pin\":\"" PIN "\",\"puk\":\"" PUK "\"");
    struct found pin;

    assert_string_equal(json_text(answer, "result"), "accepted");
    assert_string_equal(json_text(answer, "source"), "/im");
    assert_int_equal(delivery_count(answer), 2);
    assert_delivery(answer, 0, "pin", "nopin", "nopin");
    assert_delivery(answer, 1, "puk", "nopuk", "nopin");
    pin = find(h, answer, 0);
    assert_int_equal(pin.state, STATE_NOPIN);
    assert_int_equal(pin.jwe[0], '\0');
    assert_int_equal(count_in_store(h, PIN), 0);
    assert_true(count_in_store(h, "C-1") > 0);
}

#define SOURCE    "/im"
#define FOR_PRINT "\"holder\":{\"name\":\"Asa\",\"email\":\"a@example.com\",\"address\":[\"Street 1\",\"City\"]}"

static void clear_secrets_get_a_seal_each(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct found pin, puk;

    house_set(h, "CardsPINDeliveryMethod", "print");
    house_set(h, "CardsPUKDeliveryMethod", "email");
    answer = submit(h, "1", FOR_PRINT ",\"pin\":\"" PIN "\",\"puk\":\"" PUK "\"");
    assert_delivery(answer, 0, "pin", "print", "queued");
    assert_delivery(answer, 1, "puk", "email", "queued");
    pin = find(h, answer, 0);
    puk = find(h, answer, 1);
    assert_string_equal(secret_reveal(pin.secrets[SECRET_PIN]), PIN);
    assert_null(pin.secrets[SECRET_PUK]);
    assert_string_equal(secret_reveal(puk.secrets[SECRET_PUK]), PUK);
    assert_null(puk.secrets[SECRET_PIN]);
    assert_true(pin.stated && puk.stated);
    assert_int_equal(count_in_store(h, PIN), 0);
    assert_int_equal(count_in_store(h, PUK), 0);
    forget(&pin);
    forget(&puk);
}

static void a_password_is_sealed_beside_its_secret(void **state)
{
    static const char members[] = FOR_PRINT ",\"pin\":\"" PIN "\",\"password\":\"" PASSWORD "\"";
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct found pin;

    house_set(h, "CardsPINDeliveryMethod", "print");
    answer = submit(h, "1", members);
    pin = find(h, answer, 0);
    assert_string_equal(secret_reveal(pin.secrets[SECRET_PIN]), PIN);
    assert_string_equal(secret_reveal(pin.secrets[SECRET_PASSWORD]), PASSWORD);
    assert_int_equal(count_in_store(h, PASSWORD), 0);
    forget(&pin);
}

static char *seal_for(const struct seal_key *key, const struct seal_binding *binding)
{
    struct secret *secrets[SECRET_PARTS] = { NULL };
    char *jwe = NULL, *members = NULL;

    assert_int_equal(secret_new(PIN, strlen(PIN), &secrets[SECRET_PIN]), 0);
    assert_int_equal(seal_close(key, secrets, binding, &jwe), 0);
    assert_true(asprintf(&members, FOR_PRINT ",\"sealed\":\"%s\"", jwe) > 0);
    secret_free(secrets[SECRET_PIN]);
    free(jwe);
    return members;
}

static char *seal(const struct seal_key *key)
{
    return seal_for(key, NULL);
}

static void sealed_is_stored_as_it_came(void **state)
{
    struct house *h = *state;
    CLEANUP(free_cleanup) char *members = seal(seal_ring_newest(h->site.keys));
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct found pin, puk;

    house_set(h, "CardsPINDeliveryMethod", "print");
    house_set(h, "CardsPUKDeliveryMethod", "email");
    answer = submit(h, "1", members);
    assert_int_equal(delivery_count(answer), 2);
    pin = find(h, answer, 0);
    puk = find(h, answer, 1);
    assert_non_null(strstr(members, pin.jwe));
    assert_string_equal(pin.jwe, puk.jwe);
    assert_false(pin.stated || puk.stated);
    forget(&pin);
    forget(&puk);
}

static void sealed_without_a_statement_has_no_puk_to_drop(void **state)
{
    struct house *h = *state;
    CLEANUP(free_cleanup) char *members = seal(seal_ring_newest(h->site.keys));
    CLEANUP(json_cleanup) json_t *nopin = submit(h, "1", members);
    CLEANUP(json_cleanup) json_t *print = NULL;
    struct found pin;

    assert_int_equal(delivery_count(nopin), 1);
    assert_delivery(nopin, 0, "pin", "nopin", "nopin");
    pin = find(h, nopin, 0);
    assert_int_equal(pin.jwe[0], '\0');
    house_set(h, "CardsPINDeliveryMethod", "print");
    print = submit(h, "2", members);
    assert_int_equal(delivery_count(print), 1);
    assert_delivery(print, 0, "pin", "print", "queued");
}

static void sealed_to_another_key_is_rejected(void **state)
{
    struct house *h = *state;
    struct seal_key *other = NULL;
    CLEANUP(free_cleanup) char *members = NULL;

    assert_int_equal(seal_key_generate(SEAL_P256, &other), 0);
    members = seal(other);
    seal_key_free(other);
    assert_rejected(submit(h, "1", members), "key", "$.data.sealed");
    assert_rejected(submit(h, "2", "\"sealed\":\"abc\""), "form", "$.data.sealed");
}

static char *seal_bound(struct house *h, const char *source, const char *id)
{
    return seal_for(seal_ring_newest(h->site.keys), &(struct seal_binding){ .source = source, .id = id });
}

/* A sealed PIN that was caught cannot be sent on as another event's. */
static void sealed_for_another_event_is_rejected(void **state)
{
    struct house *h = *state;
    CLEANUP(free_cleanup) char *right = seal_bound(h, SOURCE, "1");
    CLEANUP(free_cleanup) char *other_source = seal_bound(h, "/elsewhere", "3");
    CLEANUP(json_cleanup) json_t *answer = submit(h, "1", right);

    assert_int_equal(delivery_count(answer), 1);
    assert_rejected(submit(h, "2", right), "binding", "$.data.sealed");
    assert_rejected(submit(h, "3", other_source), "binding", "$.data.sealed");
}

static void a_binding_can_be_required(void **state)
{
    struct house *h = *state;
    CLEANUP(free_cleanup) char *loose = seal(seal_ring_newest(h->site.keys));
    CLEANUP(free_cleanup) char *bound = seal_bound(h, SOURCE, "2");
    CLEANUP(json_cleanup) json_t *answer = NULL;

    house_set(h, "seal.require_binding", "true");
    assert_rejected(submit(h, "1", loose), "binding", "$.data.sealed");
    answer = submit(h, "2", bound);
    assert_int_equal(delivery_count(answer), 1);
}

/* What a clear PIN is closed to opens for its event alone. */
static void clear_secrets_are_bound_to_their_event(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *answer = NULL;
    struct secret *secrets[SECRET_PARTS] = { NULL };
    struct problem p = { .code = "" };
    struct found pin;

    house_set(h, "CardsPINDeliveryMethod", "print");
    answer = submit(h, "1", FOR_PRINT ",\"pin\":\"" PIN "\"");
    pin = find(h, answer, 0);
    assert_int_equal(seal_open(h->pair, pin.jwe, &(struct seal_binding){ .source = SOURCE, .id = "2" }, secrets, &p),
                     1);
    assert_string_equal(p.code, "binding");
    assert_int_equal(seal_open(h->pair, pin.jwe,
                               &(struct seal_binding){ .source = SOURCE, .id = "1", .required = true }, secrets, &p),
                     0);
    assert_string_equal(secret_reveal(secrets[SECRET_PIN]), PIN);
    secret_free(secrets[SECRET_PIN]);
    forget(&pin);
}

static void method_may_ask_for_more(void **state)
{
    struct house *h = *state;

    house_set(h, "CardsPINDeliveryMethod", "email");
    assert_rejected(submit(h, "1", "\"holder\":{\"name\":\"Asa\"},\"pin\":\"" PIN "\""), "missing",
                    "$.data.holder.email");
    assert_int_equal(count_in_store(h, "Asa"), 0);
}

static void a_pdf_asks_for_its_password(void **state)
{
    static const char members[] = "\"holder\":{\"name\":\"Asa\",\"email\":\"asa@example.com\"},\"pin\":\"" PIN "\"";
    struct house *h = *state;

    house_set(h, "CardsPINDeliveryMethod", "email");
    house_set(h, "email.protection", "pdf");
    assert_rejected(submit(h, "1", members), "missing", "$.data.password");
    assert_int_equal(count_in_store(h, "Asa"), 0);
}

/* What would be refused today was taken when it came. */
static void a_duplicate_is_not_looked_at_with_todays_method(void **state)
{
    static const char without_address[] = "\"holder\":{\"name\":\"Eva\"},\"pin\":\"" PIN "\"";
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *first = submit(h, "1", without_address);
    CLEANUP(json_cleanup) json_t *again = NULL;

    assert_string_equal(json_text(first, "result"), "accepted");
    house_set(h, "CardsPINDeliveryMethod", "email");
    again = submit(h, "1", without_address);
    assert_string_equal(json_text(again, "result"), "duplicate");
    assert_rejected(submit(h, "2", without_address), "missing", "$.data.holder.email");
}

static void same_event_is_a_duplicate(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *first = submit(h, "1", "\"pin\":\"" PIN "\"");
    CLEANUP(json_cleanup) json_t *again = NULL;
    struct intake_stat stat;

    /* Neither another PIN nor another method makes it another event. */
    house_set(h, "CardsPINDeliveryMethod", "print");
    again = submit(h, "1", "\"pin\":\"another\"");
    assert_string_equal(json_text(again, "result"), "duplicate");
    assert_int_equal(delivery_count(again), 1);
    assert_delivery(again, 0, "pin", "nopin", "nopin");
    assert_string_equal(json_text(delivery(again, 0), "id"), json_text(delivery(first, 0), "id"));
    assert_rejected(submit(h, "1", "\"holder\":{\"name\":\"Eva\"},\"pin\":\"" PIN "\""), "conflict", "$.id");
    intake_stat(h->intake, &stat);
    assert_int_equal(stat.accepted, 1);
    assert_int_equal(stat.duplicates, 1);
    assert_int_equal(stat.rejected, 1);
}

static void refusal_names_the_event_but_no_value(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *answer = submit(h, "1", "\"pin\":\"" PIN " \"");
    CLEANUP(free_cleanup) char *text = json_dumps(answer, 0);

    assert_string_equal(json_text(answer, "code"), "characters");
    assert_string_equal(json_text(answer, "path"), "$.data.pin");
    assert_string_equal(json_text(answer, "id"), "1");
    assert_string_equal(json_text(answer, "source"), "/im");
    assert_null(strstr(text, PIN));
    assert_null(json_object_get(answer, "retry_after"));
}

static void full_disk_is_told_and_passes(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *full = NULL;
    CLEANUP(json_cleanup) json_t *room = NULL;

    json_decref(submit(h, "1", "\"pin\":\"" PIN "\""));
    house_limit_files(4096);
    full = submit(h, "2", "\"pin\":\"" PIN "\"");
    assert_true(commit_is_in_trouble(h->site.commit));
    house_limit_files(0);
    for (int i = 0; i < 100 && commit_is_in_trouble(h->site.commit); i++)
        house_turn(h, 100);
    assert_string_equal(json_text(full, "result"), "rejected");
    assert_string_equal(json_text(full, "code"), "store");
    assert_string_equal(json_text(full, "id"), "2");
    assert_true(json_number(full, "retry_after", 0) > 0);
    room = submit(h, "2", "\"pin\":\"" PIN "\"");
    assert_string_equal(json_text(room, "result"), "accepted");
}

static void a_store_in_trouble_is_not_asked(void **state)
{
    struct house *h = *state;
    CLEANUP(json_cleanup) json_t *refused = NULL;
    CLEANUP(json_cleanup) json_t *bad = NULL;

    commit_fail(h->site.commit, -EIO);
    house_settle(h);
    assert_true(commit_is_in_trouble(h->site.commit));
    refused = submit(h, "1", "\"pin\":\"" PIN "\"");
    assert_string_equal(json_text(refused, "code"), "store");
    assert_string_equal(json_text(refused, "id"), "1");
    assert_true(json_number(refused, "retry_after", 0) > 0);
    assert_false(store_is_dirty(h->site.store));
    /* What will never be right is told so. */
    bad = submit(h, "2", "\"pin\":7");
    assert_string_equal(json_text(bad, "code"), "type");
    assert_null(json_object_get(bad, "retry_after"));
}

static void assert_accepted(json_t *answer)
{
    assert_string_equal(json_text(answer, "result"), "accepted");
    json_decref(answer);
}

static void a_queue_that_is_full_is_busy(void **state)
{
    struct house *h = *state;
    const char *const expected[] = { "accepted", "accepted", "rejected", "duplicate" };
    const char *const ids[] = { "1", "2", "3", "1" };

    house_set(h, "submit.max_waiting", "2");
    house_set(h, "CardsPINDeliveryMethod", "print");
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        CLEANUP(json_cleanup) json_t *answer = submit(h, ids[i], "\"pin\":\"" PIN "\"");

        assert_string_equal(json_text(answer, "result"), expected[i]);
        if (i == 2) {
            assert_string_equal(json_text(answer, "code"), "busy");
            assert_true(json_number(answer, "retry_after", 0) > 0);
        }
    }
    house_set(h, "submit.max_waiting", "3");
    assert_accepted(submit(h, "3", "\"pin\":\"" PIN "\""));
    house_set(h, "submit.max_waiting", "0");
    assert_accepted(submit(h, "4", "\"pin\":\"" PIN "\""));
}

static int count_row(void *userdata, const struct audit_row *r)
{
    struct found *f = userdata;

    assert_string_equal(r->cause, "submit");
    f->uid = r->uid;
    return 0;
}

static void audit_knows_the_peer(void **state)
{
    struct house *h = *state;
    struct found f = { .uid = -2 };

    json_decref(submit(h, "1", "\"pin\":\"" PIN "\""));
    assert_int_equal(store_audit(h->site.store, NULL, 0, count_row, &f), 0);
    assert_int_equal(f.uid, getuid());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_build, house_tear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nopin_keeps_no_secret),
        TEST(clear_secrets_get_a_seal_each),
        TEST(sealed_for_another_event_is_rejected),
        TEST(a_binding_can_be_required),
        TEST(clear_secrets_are_bound_to_their_event),
        TEST(sealed_is_stored_as_it_came),
        TEST(sealed_without_a_statement_has_no_puk_to_drop),
        TEST(sealed_to_another_key_is_rejected),
        TEST(method_may_ask_for_more),
        TEST(a_pdf_asks_for_its_password),
        TEST(a_password_is_sealed_beside_its_secret),
        TEST(same_event_is_a_duplicate),
        TEST(a_duplicate_is_not_looked_at_with_todays_method),
        TEST(refusal_names_the_event_but_no_value),
        TEST(full_disk_is_told_and_passes),
        TEST(a_store_in_trouble_is_not_asked),
        TEST(a_queue_that_is_full_is_busy),
        TEST(audit_knows_the_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

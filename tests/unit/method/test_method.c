/* One contract for all rows of the table: what a new way of delivery must keep. */
#include <pindispatch/method.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "desk.h"

#define FOR_EACH_METHOD(m) for (const struct method *const *m = methods; *m; m++)

/* Where nobody listens, for each row's destination. A row that is missing here fails the test. */
static const struct {
    const char *method, *setting, *nowhere;
} nowhere[] = {
    { "print", "print.server", "/tmp/pindispatch-no-such-folder/cups.sock" },
    { "email", "email.server", "127.0.0.1:1" },
};

static bool keeps_nothing(const struct method *m)
{
    return m->flags & METHOD_KEEPS_NOTHING;
}

static struct stub_desk *desk_to_nowhere(const struct method *m)
{
    static const char mail[] = "From: pin@example.com\r\nTo: holder@example.com\r\nSubject: Test\r\n"
                               "Message-ID: <a@example.com>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nText\r\n";
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++)
        if (strcmp(nowhere[i].method, m->names[SECRET_PIN]) == 0) {
            struct stub_desk *s = stub_desk_new(m->settings);
            stub_desk_set(s, nowhere[i].setting, nowhere[i].nowhere);
            if (m->document == DOCUMENT_MAIL) {
                s->document = mail;
                s->document_size = sizeof(mail) - 1;
                s->media_type = "message/rfc822";
            }
            return s;
        }
    fail_msg("the table above lacks the method %s", m->names[SECRET_PIN]);
    return NULL;
}

static void test_names(void **state)
{
    (void)state;
    for (int kind = 0; kind < SECRET_KINDS; kind++) {
        const char *const *names = method_names(kind);
        size_t n = 0;
        FOR_EACH_METHOD(m)
        {
            assert_string_equal(names[n++], (*m)->names[kind]);
            assert_ptr_equal(method_find(kind, (*m)->names[kind]), *m); /* also: no name twice */
            assert_true(strlen((*m)->names[kind]) < 16);                /* what the store holds */
        }
        assert_null(names[n]);
        assert_null(method_find(kind, "prnt"));
        assert_null(method_find(kind, ""));
        assert_null(method_find(kind, "Print"));
    }
}

/* The lines of the identity manager must stay valid. */
static void test_the_names_that_are_promised(void **state)
{
    (void)state;
    static const char *const pin[] = { "print", "email", "nopin" }, *const puk[] = { "print", "email", "nopuk" };
    for (size_t i = 0; i < ARRAY_SIZE(pin); i++) {
        assert_string_equal(method_names(SECRET_PIN)[i], pin[i]);
        assert_string_equal(method_names(SECRET_PUK)[i], puk[i]);
    }
    assert_null(method_find(SECRET_PIN, "nopuk"));
    assert_null(method_find(SECRET_PUK, "nopin"));
}

static void test_a_row_is_whole(void **state)
{
    (void)state;
    FOR_EACH_METHOD(m)
    {
        bool worker = !keeps_nothing(*m);
        assert_int_equal((*m)->deliver != NULL, worker);
        assert_int_equal((*m)->open != NULL, worker);
        assert_int_equal((*m)->close != NULL, worker);
        assert_int_equal((*m)->workers != NULL, worker);
        assert_int_equal((*m)->document != DOCUMENT_NONE, worker);
        if ((*m)->flags & METHOD_FENCED)
            assert_null((*m)->retries_doubt); /* it can find out, so that no option may guess */
        if ((*m)->flags & METHOD_FENCED)
            assert_non_null((*m)->window); /* what it must follow to its end is bounded */
    }
}

static void test_settings(void **state)
{
    (void)state;
    FOR_EACH_METHOD(m)
    {
        if (!(*m)->settings)
            continue;
        struct stub_desk *s = stub_desk_new((*m)->settings); /* its standard values are good ones */
        for (const struct setting *row = (*m)->settings; row->name; row++) {
            assert_int_equal(strncmp(row->name, (*m)->names[SECRET_PIN], strlen((*m)->names[SECRET_PIN])), 0);
            assert_true(row->help && strlen(row->help) > 10);
            assert_true(row->type != SETTING_CHOICE || row->choices);
        }
        if ((*m)->destination)
            assert_non_null(settings_row(s->desk.settings, (*m)->destination));
        stub_desk_free(s);
    }
}

static void test_nothing_to_deliver(void **state)
{
    (void)state;
    FOR_EACH_METHOD(m)
    {
        if (keeps_nothing(*m))
            continue;
        struct stub_desk *s = desk_to_nowhere(*m);
        void *session = NULL;
        assert_int_equal((*m)->open(&s->desk, &session), 0); /* opening talks to nobody */
        assert_int_equal((*m)->deliver(&s->desk, session), 0);
        assert_int_equal((*m)->deliver(&s->desk, session), 0);
        (*m)->close(session);
        assert_string_equal(s->trail, "");
        assert_int_equal(s->armed, 0);
        stub_desk_free(s);
    }
}

static void test_destination_that_nobody_answers_for(void **state)
{
    (void)state;
    FOR_EACH_METHOD(m)
    {
        if (keeps_nothing(*m))
            continue;
        struct stub_desk *s = desk_to_nowhere(*m);
        void *session = NULL;
        for (int i = 0; i < 3; i++)
            stub_desk_add(s, STAGE_FRESH);
        assert_int_equal((*m)->open(&s->desk, &session), 0);
        assert_int_equal((*m)->deliver(&s->desk, session), 0);
        (*m)->close(session);
        assert_int_equal(s->armed, 0); /* an idle worker is not to die */
        for (size_t i = 0; i < s->n; i++) {
            const struct stub_parcel *p = s->parcels[i];
            assert_true(!p->handed || p->reports == 1);
            if (!p->handed)
                continue;
            assert_int_equal(p->outcome.kind, OUTCOME_DEFERRED);
            assert_true(p->outcome.destination);
            assert_true(p->outcome.code[0] && p->outcome.reason[0]);
            assert_int_equal(p->marked, 0);
        }
        assert_true(s->parcels[0]->handed);
        stub_desk_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_the_names_that_are_promised),
        cmocka_unit_test(test_a_row_is_whole),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_nothing_to_deliver),
        cmocka_unit_test(test_destination_that_nobody_answers_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

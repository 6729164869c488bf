#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/file.h>
#include <pindispatch/method.h>

#include "scratch.h"

static struct settings *standard(void)
{
    struct settings *s = NULL;

    assert_int_equal(settings_new(scratch_schemas, &s), 0);
    return s;
}

/* The words of the design. */
static void test_standards(void **state)
{
    static const struct {
        const char *name, *value;
    } expected[] = {
        { "retry.first", "30s" },
        { "retry.factor", "2.0" },
        { "retry.max", "1h" },
        { "retry.give_up_after", "3d" },
        { "store.backend", "sqlite" },
        { "store.path", "/var/lib/pindispatch/store.db" },
        { "seal.public_key", "/etc/pindispatch/seal.pub.jwk" },
        { "seal.private_key", "/etc/pindispatch/seal.key.jwk" },
        { "submit.socket", "/run/pindispatch/submit.sock" },
        { "submit.directory", "" },
        { "control.socket", "/run/pindispatch/control.sock" },
        { "workers.print", "2" },
        { "workers.email", "2" },
        { "workers.deadline", "5m" },
        { "workers.recycle", "10000" },
        { "workers.batch", "256" },
        { "workers.socket", "" },
        { "accept_types", "card.issued" },
        { "dry_run", "false" },
        { "retention", "90d" },
        { "expire_after", "30d" },
        { "templates.directory", "/usr/share/pindispatch/templates" },
    };
    CLEANUP(settings_cleanup) struct settings *s = standard();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_string_equal(settings_shown(s, expected[i].name), expected[i].value);
}

static int help_is_a_sentence(void *userdata, const struct setting *row)
{
    (void)userdata;
    if (!row->help || row->help[strlen(row->help) - 1] != '.')
        fail_msg("%s has no sentence of help", row->name);
    return 0;
}

static void test_every_row_explains_itself(void **state)
{
    static const struct setting *const only[] = { config_rows, NULL };
    CLEANUP(settings_cleanup) struct settings *s = NULL;

    (void)state;
    assert_int_equal(settings_new(only, &s), 0);
    settings_each(s, help_is_a_sentence, NULL);
}

static void refused(const char *name, const char *value, const char *code)
{
    CLEANUP(settings_cleanup) struct settings *s = standard();
    struct problem p = { 0 };

    assert_int_equal(settings_set(s, name, value, &p), 1);
    assert_string_equal(p.code, code);
}

static void test_bounds(void **state)
{
    char path[200];

    (void)state;
    refused("retry.first", "0s", "range");
    refused("retry.factor", "0.9", "range");
    refused("workers.print", "0", "range");
    refused("workers.email", "65", "range");
    refused("workers.deadline", "99ms", "range");
    refused("workers.batch", "0", "range");
    refused("store.path", "store.db", "path");
    refused("store.path", ":memory:", "path");
    refused("submit.directory", "incoming", "path");
    refused("seal.private_key", "seal.key.jwk", "path");
    refused("seal.private_key", "", "path");
    refused("seal.public_key", "pkcs11:token=cards;object=seal", "path");
    refused("seal.token_pin_file", "token-pin", "path");
    refused("control.socket", "control.sock", "path");
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    refused("submit.socket", path, "path");
}

static void test_nothing_can_be_for_never(void **state)
{
    CLEANUP(settings_cleanup) struct settings *s = standard();

    (void)state;
    assert_int_equal(settings_set(s, "retry.give_up_after", "0s", NULL), 0);
    assert_int_equal(settings_set(s, "submit.socket", "", NULL), 0);
    assert_int_equal(settings_set(s, "submit.directory", "", NULL), 0);
    assert_int_equal(settings_set(s, "seal.private_key", "pkcs11:token=cards;object=seal", NULL), 0);
}

/* The file that is installed, as it is and with every commented setting in force, under the real methods' rows. */

enum { SCHEMAS = 16 };

static void real_schemas(const struct setting *schemas[SCHEMAS])
{
    size_t n = 0;

    schemas[n++] = scratch_schemas[0];
    for (const struct method *const *m = methods; *m; m++) {
        if ((*m)->settings)
            schemas[n++] = (*m)->settings;
    }
    schemas[n++] = config_rows;
    schemas[n] = NULL;
}

static char *shipped(void)
{
    struct buffer b = BUFFER(256 * 1024);

    assert_int_equal(file_read(TEST_SOURCE_DIR "/conf/pindispatch.conf", &b), 0);
    assert_int_equal(buffer_terminate(&b), 0);
    return b.data;
}

/* Before a setting "#" has no blank after it; before a sentence it has. Folders that are not installed stay out. */
static void uncomment(char *text)
{
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        line += strspn(line, " ");
        if (line[0] == '#' && isalpha((unsigned char)line[1]) && strncmp(line, "#directory = \"/", 15) != 0)
            line[0] = ' ';
    }
}

static int names_row(void *userdata, const struct setting *row)
{
    const char *leaf = strchr(row->name, '.');
    char text[128];

    snprintf(text, sizeof(text), "#%s = ", leaf ? leaf + 1 : row->name);
    if (strcmp(row->name, "CardsPINDeliveryMethod") != 0 && !strstr(userdata, text))
        fail_msg("conf/pindispatch.conf does not show %s", row->name);
    return 0;
}

static int is_standard(void *userdata, const struct setting *row)
{
    assert_string_equal(settings_shown(userdata, row->name), row->standard);
    return 0;
}

static void holds_standards(struct scratch *s, char *text)
{
    const struct setting *schemas[SCHEMAS];
    struct config_problems problems;
    struct settings *settings = NULL;

    real_schemas(schemas);
    scratch_write(s, text);
    if (config_load(s->file, schemas, &settings, &problems) != 0)
        fail_msg("%s: %s", problems.items[0].where, problems.items[0].message);
    settings_each(settings, is_standard, settings);
    settings_free(settings);
}

static void test_shipped_file(void **state)
{
    const struct setting *schemas[SCHEMAS];
    CLEANUP(settings_cleanup) struct settings *settings = NULL;
    char *text = shipped();

    real_schemas(schemas);
    assert_int_equal(settings_new(schemas, &settings), 0);
    settings_each(settings, names_row, text);
    holds_standards(*state, text);
    uncomment(text);
    assert_non_null(strstr(text, "\n     give_up_after = "));
    holds_standards(*state, text);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standards), cmocka_unit_test(test_every_row_explains_itself),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_nothing_can_be_for_never),
        TEST(test_shipped_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

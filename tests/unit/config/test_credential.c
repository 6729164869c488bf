#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pindispatch/secret.h>

#include "scratch.h"

#define NAME "email.password_file"

static struct settings *with_file(struct scratch *s, const char *name)
{
    struct settings *settings = NULL;
    char path[256] = "";

    if (name)
        snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    assert_int_equal(settings_new(scratch_schemas, &settings), 0);
    assert_int_equal(settings_set(settings, NAME, path, NULL), 0);
    return settings;
}

static void gives(struct settings *settings, const char *expected)
{
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    struct problem p = { 0 };

    if (config_credential(settings, NAME, "smtp-password", &secret, &p) != 0)
        fail_msg("%s: %s", p.where, p.message);
    assert_non_null(secret);
    assert_true(strcmp(secret_reveal(secret), expected) == 0);
}

static void refused(struct scratch *s, const void *bytes, size_t size, const char *words)
{
    CLEANUP(settings_cleanup) struct settings *settings = with_file(s, "password");
    CLEANUP(secret_cleanup) struct secret *secret = NULL;
    struct problem p = { 0 };

    scratch_write_bytes(s, "password", bytes, size);
    assert_int_equal(config_credential(settings, NAME, "smtp-password", &secret, &p), 1);
    assert_null(secret);
    assert_non_null(strstr(p.message, words));
    assert_non_null(strstr(p.message, NAME));
}

static void test_file(void **state)
{
    CLEANUP(settings_cleanup) struct settings *settings = with_file(*state, "password");

    scratch_add(*state, "password", "canary 4711\n");
    gives(settings, "canary 4711");
    scratch_add(*state, "password", "canary 4712");
    gives(settings, "canary 4712");
    scratch_add(*state, "password", "canary 4713\n\n");
    gives(settings, "canary 4713\n");
}

/* As an editor of another system writes it. Blanks belong to the password. */
static void test_line_ends_and_marks(void **state)
{
    CLEANUP(settings_cleanup) struct settings *settings = with_file(*state, "password");

    scratch_add(*state, "password", "canary 1\r\n");
    gives(settings, "canary 1");
    scratch_add(*state, "password", "canary 2\n\n");
    gives(settings, "canary 2\n");
    scratch_add(*state, "password", "canary 3\r");
    gives(settings, "canary 3\r");
    scratch_add(*state, "password", "\xef\xbb\xbf canary 4 \r\n");
    gives(settings, " canary 4 ");
    refused(*state, "\xef\xbb\xbf\r\n", 5, "empty");
}

static void test_neither(void **state)
{
    CLEANUP(settings_cleanup) struct settings *settings = with_file(*state, NULL);
    struct secret *secret = (struct secret *)settings;

    assert_int_equal(config_credential(settings, NAME, "smtp-password", &secret, NULL), 0);
    assert_null(secret);
}

static void test_credential_comes_first(void **state)
{
    struct scratch *s = *state;
    CLEANUP(settings_cleanup) struct settings *settings = with_file(s, "password");
    char *path;

    scratch_add(s, "password", "from the file\n");
    setenv("CREDENTIALS_DIRECTORY", s->folder, 1);
    gives(settings, "from the file");
    scratch_add(s, "smtp-password", "from systemd\n");
    gives(settings, "from systemd");
    path = config_credential_path(settings, NAME, "smtp-password");
    assert_non_null(strstr(path, "/smtp-password"));
    free(path);
    unsetenv("CREDENTIALS_DIRECTORY");
    path = config_credential_path(settings, NAME, "smtp-password");
    assert_string_equal(path, settings_text(settings, NAME));
    free(path);
}

static void test_refusals(void **state)
{
    struct scratch *s = *state;
    CLEANUP(settings_cleanup) struct settings *missing = with_file(s, "nix");
    struct secret *secret = NULL;
    struct problem p = { 0 };
    char longest[SECRET_MAX + 2];

    assert_int_equal(config_credential(missing, NAME, "smtp-password", &secret, &p), 1);
    assert_non_null(strstr(p.where, "/nix"));
    memset(longest, 'a', sizeof(longest));
    refused(s, "", 0, "empty");
    refused(s, "\n", 1, "empty");
    refused(s, "a\0b", 3, "NUL");
    refused(s, longest, SECRET_MAX + 1, "too long");
    refused(s, longest, SECRET_MAX + 2, "too long");
}

static void test_longest(void **state)
{
    CLEANUP(settings_cleanup) struct settings *settings = with_file(*state, "password");
    char longest[SECRET_MAX + 1];

    memset(longest, 'a', SECRET_MAX - 1);
    longest[SECRET_MAX - 1] = '\n';
    longest[SECRET_MAX] = '\0';
    scratch_add(*state, "password", longest);
    longest[SECRET_MAX - 1] = '\0';
    gives(settings, longest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_file),     TEST(test_line_ends_and_marks),
        TEST(test_neither),  TEST(test_credential_comes_first),
        TEST(test_refusals), TEST(test_longest),
    };

    unsetenv("CREDENTIALS_DIRECTORY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

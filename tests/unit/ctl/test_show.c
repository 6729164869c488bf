#include "../../support/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../../src/ctl/show.h"
#include <pindispatch/clock.h>

static void assert_clean(const char *text, const char *expected)
{
    char *clean = show_clean(text);

    assert_string_equal(clean, expected);
    free(clean);
}

static void takes_away_what_moves_a_terminal(void **state)
{
    (void)state;
    assert_clean("Åsa Öberg", "Åsa Öberg");
    assert_clean("a\033[2Jb\r\n\tc\x7f", "a?[2Jb???c?");
    assert_clean("\xc2\x9b"
                 "31m",
                 "??31m"); /* CSI as one C1 character */
    assert_clean("\xc2", "\xc2");
    assert_clean("", "");
}

static void measures_columns(void **state)
{
    (void)state;
    assert_int_equal(show_width("Åsa"), 3);
    assert_int_equal(show_width("漢字"), 4);
    assert_int_equal(show_width(""), 0);
    assert_int_equal(show_width("\xff\xfe"), 2);
}

static void shows_times_and_spans(void **state)
{
    json_t *text = json_string("2026-11-22T10:00:00.000Z"), *none = json_string("soon");
    char shown[SHOW_TIME], span[SHOW_SPAN];

    (void)state;
    assert_string_equal(show_time(text, shown), "2026-11-22 11:00:00");
    assert_string_equal(show_time(none, shown), "-");
    assert_string_equal(show_time(NULL, shown), "-");
    assert_string_equal(show_span(59 * MICROSECONDS_PER_SECOND, span), "59 s");
    assert_string_equal(show_span(3600 * MICROSECONDS_PER_SECOND, span), "1 h 0 min");
    assert_string_equal(show_span(90000 * MICROSECONDS_PER_SECOND, span), "1 d 1 h");
    assert_string_equal(show_span(-5, span), "0 s");
    json_decref(text);
    json_decref(none);
}

/* What BODY writes to standard output. */
static char *capture(void (*body)(void))
{
    char path[] = "/tmp/show-test-XXXXXX";
    int fd = mkstemp(path), saved = dup(STDOUT_FILENO);
    char *text = calloc(1, 1024 * 1024);

    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    body();
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    assert_return_code(pread(fd, text, 1024 * 1024 - 1, 0), 0);
    close(fd);
    close(saved);
    unlink(path);
    return text;
}

static void write_small_table(void)
{
    static const char *const heads[] = { "NAME", "STATE" };
    struct table t;

    table_begin(&t, heads, 2);
    table_set(&t, 0, "Åsa", SHOW_PLAIN);
    table_set(&t, 1, "failed", SHOW_RED);
    table_end_row(&t);
    table_set(&t, 0, "Bo\nB", SHOW_PLAIN);
    table_set(&t, 1, NULL, SHOW_PLAIN);
    table_end_row(&t);
    table_end(&t);
}

static void write_empty_table(void)
{
    static const char *const heads[] = { "NAME" };
    struct table t;

    table_begin(&t, heads, 1);
    table_end(&t);
}

static void write_long_table(void)
{
    static const char *const heads[] = { "N" };
    struct table t;

    table_begin(&t, heads, 1);
    for (int i = 0; i < 3 * TABLE_RUN; i++) {
        table_set(&t, 0, "x", SHOW_PLAIN);
        table_end_row(&t);
    }
    table_end(&t);
}

static void aligns_tables(void **state)
{
    char *text = capture(write_small_table);
    size_t lines = 0;

    (void)state;
    assert_string_equal(text, "NAME  STATE\nÅsa   failed\nBo?B  -\n");
    free(text);
    text = capture(write_empty_table);
    assert_string_equal(text, "");
    free(text);
    text = capture(write_long_table);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3 * TABLE_RUN + 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_away_what_moves_a_terminal),
        cmocka_unit_test(measures_columns),
        cmocka_unit_test(shows_times_and_spans),
        cmocka_unit_test(aligns_tables),
    };

    setlocale(LC_ALL, "C.UTF-8");
    setenv("TZ", "UTC-1", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pindispatch/lines.h>

static void hands_out_line_by_line(void **state)
{
    int ends[2];
    struct lines l;
    char *line;
    size_t size;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    l = (struct lines){ .fd = ends[0], .input = BUFFER(64) };
    assert_int_equal(lines_next(&l, false, &line, &size), -EAGAIN);
    assert_int_equal(lines_write(ends[1], "one\n\ntwo", 8), 0);
    assert_int_equal(lines_next(&l, true, &line, &size), 1);
    assert_string_equal(line, "one");
    assert_int_equal(size, 3);
    assert_int_equal(lines_next(&l, true, &line, &size), 1);
    assert_string_equal(line, "");
    assert_int_equal(lines_next(&l, false, &line, &size), -EAGAIN);
    close(ends[1]);
    assert_int_equal(lines_next(&l, true, &line, &size), 1);
    assert_string_equal(line, "two");
    assert_int_equal(lines_next(&l, true, &line, &size), 0);
    buffer_release(&l.input);
    close(ends[0]);
}

static void bounds_a_line(void **state)
{
    int ends[2];
    struct lines l;
    char *line, text[101];
    size_t size;

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(pipe(ends), 0);
    l = (struct lines){ .fd = ends[0], .input = BUFFER(100) };
    assert_int_equal(lines_write(ends[1], text, sizeof(text)), 0);
    assert_int_equal(lines_next(&l, true, &line, &size), -ENOBUFS);
    buffer_release(&l.input);
    close(ends[0]);
    assert_int_equal(lines_write(ends[1], "x", 1), -EPIPE);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_line_by_line),
        cmocka_unit_test(bounds_a_line),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

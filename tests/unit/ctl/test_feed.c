#include "../../support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../src/ctl/feed.h"

struct setup {
    char paths[3][64];
    char *files[3];
    size_t n;
    struct feed *feed;
    char *sent; /* owned: all that went to output */
    size_t size;
};

static void add_file(struct setup *s, const char *bytes, size_t size)
{
    int fd;

    snprintf(s->paths[s->n], sizeof(s->paths[0]), "/tmp/feed-test-XXXXXX");
    fd = mkstemp(s->paths[s->n]);
    assert_return_code(fd, 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    s->files[s->n] = s->paths[s->n];
    s->n++;
}

static void take_output(struct setup *s)
{
    struct buffer *b = &s->feed->output;
    size_t size = buffer_size(b);

    s->sent = realloc(s->sent, s->size + size + 1);
    assert_non_null(s->sent);
    if (size > 0)
        memcpy(s->sent + s->size, buffer_bytes(b), size);
    s->size += size;
    s->sent[s->size] = '\0';
    buffer_clear(b);
}

/* Everything goes through; lines are answered whenever the window is full. Returns the lines. */
static size_t pump(struct setup *s, struct feed_origin *origins, size_t most)
{
    struct feed_origin o;
    size_t n = 0;

    while (!feed_is_done(s->feed)) {
        int wants = feed_wants_input(s->feed);

        assert_return_code(wants, 0);
        assert_true(s->feed->waiting <= FEED_WINDOW);
        assert_int_equal(wants ? feed_read(s->feed) : feed_move(s->feed), 0);
        take_output(s);
        while (s->feed->waiting == FEED_WINDOW && feed_answered(s->feed, &o) && n < most)
            origins[n++] = o;
    }
    while (feed_answered(s->feed, &o))
        if (n < most)
            origins[n++] = o;
    return n;
}

static int setup(void **state)
{
    struct setup *s = calloc(1, sizeof(*s));

    s->feed = calloc(1, sizeof(*s->feed));
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct setup *s = *state;

    feed_end(s->feed);
    for (size_t i = 0; i < s->n; i++)
        unlink(s->paths[i]);
    free(s->feed);
    free(s->sent);
    free(s);
    return 0;
}

static void numbers_lines_and_leaves_out_blank_ones(void **state)
{
    static const char first[] = "\n  \na\r\n\t b c \n\n", second[] = "d";
    struct setup *s = *state;
    struct feed_origin o[8];

    add_file(s, first, strlen(first));
    add_file(s, "", 0);
    add_file(s, second, strlen(second));
    feed_begin(s->feed, s->files, s->n);
    assert_int_equal(pump(s, o, 8), 3);
    assert_string_equal(s->sent, "a\r\nb c \nd\n");
    assert_int_equal(o[0].line, 3);
    assert_int_equal(o[1].line, 4);
    assert_int_equal(o[2].line, 1);
    assert_string_equal(o[1].file, s->files[0]);
    assert_string_equal(o[2].file, s->files[2]);
    assert_int_equal(s->feed->bytes_all, strlen(first) + 1);
}

static void lets_no_more_wait_than_the_window(void **state)
{
    enum { LINES = 3 * FEED_WINDOW + 7 };
    struct setup *s = *state;
    char *text = malloc(LINES * 8);
    struct feed_origin *o = calloc(LINES, sizeof(*o));
    size_t size = 0;

    for (int i = 0; i < LINES; i++)
        size += (size_t)snprintf(text + size, 8, "%d\n", i);
    add_file(s, text, size);
    feed_begin(s->feed, s->files, s->n);
    assert_int_equal(pump(s, o, LINES), LINES);
    assert_int_equal(s->size, size);
    assert_memory_equal(s->sent, text, size);
    for (int i = 0; i < LINES; i++)
        assert_int_equal(o[i].line, i + 1);
    free(text);
    free(o);
}

/* A line larger than any buffer is one line, and comes through whole: the daemon says that it is too long. */
static void passes_a_long_line_on(void **state)
{
    enum { LONG = 1024 * 1024 };
    struct setup *s = *state;
    char *text = malloc(LONG);
    struct feed_origin o[4];

    memset(text, 'x', LONG);
    text[LONG - 3] = '\n';
    add_file(s, text, LONG);
    feed_begin(s->feed, s->files, s->n);
    assert_int_equal(pump(s, o, 4), 2);
    assert_int_equal(s->size, LONG + 1);
    assert_int_equal(o[1].line, 2);
    free(text);
}

static void keeps_bytes_as_they_are(void **state)
{
    static const char text[] = "a\0b\xff\n\0\n";
    struct setup *s = *state;
    struct feed_origin o[4];

    add_file(s, text, sizeof(text) - 1);
    feed_begin(s->feed, s->files, s->n);
    assert_int_equal(pump(s, o, 4), 2);
    assert_int_equal(s->size, sizeof(text) - 1);
    assert_memory_equal(s->sent, text, sizeof(text) - 1);
}

static void tells_a_file_that_is_not_there(void **state)
{
    struct setup *s = *state;
    static char path[] = "/nonexistent/events";

    s->files[0] = path;
    feed_begin(s->feed, s->files, 1);
    assert_int_equal(feed_wants_input(s->feed), -ENOENT);
    assert_string_equal(s->feed->file, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_lines_and_leaves_out_blank_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(lets_no_more_wait_than_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(passes_a_long_line_on, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_bytes_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_a_file_that_is_not_there, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

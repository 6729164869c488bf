#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/file.h>

#include "house.h"

static struct intake_stat stat_of(struct house *h)
{
    struct intake_stat s;

    intake_stat(h->intake, &s);
    return s;
}

static void watch(struct house *h)
{
    assert_int_equal(intake_watch(h->intake, h->drop), 0);
}

static mode_t mode_of(const struct house *h, const char *name)
{
    CLEANUP(free_cleanup) char *path = path_join(h->drop, name);
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* Two events of these ids as a file's text. */
static const char *two(char text[2048], const char *a, const char *b)
{
    event_line(text, 1024, a, "\"pin\":\"" PIN "\"");
    event_line(text + strlen(text), 1024, b, "\"pin\":\"" PIN "\"");
    return text;
}

static void files_are_taken_and_removed(void **state)
{
    struct house *h = *state;
    char text[2048];

    house_write(h, "before.json", two(text, "1", "2"));
    watch(h);
    assert_true(intake_is_busy(h->intake));
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 2);
    assert_false(house_has(h, "before.json"));
    house_write(h, "after.ndjson", two(text, "3", "4"));
    house_turn(h, 1000);
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 4);
    assert_false(house_has(h, "after.ndjson"));
    assert_false(house_has(h, "rejected"));
}

static void other_names_and_things_are_left(void **state)
{
    struct house *h = *state;
    CLEANUP(free_cleanup) char *folder = path_join(h->drop, "folder.json");
    CLEANUP(free_cleanup) char *link = path_join(h->drop, "link.json");
    CLEANUP(free_cleanup) char *fifo = path_join(h->drop, "fifo.json");
    char text[2048], longest[260];

    two(text, "1", "2");
    snprintf(longest, sizeof(longest), "%0236d.json", 0);
    house_write(h, longest, text);
    house_write(h, ".hidden.json", text);
    house_write(h, "notes.txt", text);
    house_write(h, ".json", text);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink("notes.txt", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    watch(h);
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 0);
    assert_true(house_has(h, longest) && house_has(h, ".hidden.json") && house_has(h, "notes.txt") &&
                house_has(h, "link.json"));
}

static void refused_lines_are_put_aside(void **state)
{
    struct house *h = *state;
    struct buffer lines = BUFFER(64 * 1024), reasons = BUFFER(64 * 1024);
    CLEANUP(json_cleanup) json_t *first = NULL;
    char text[4096], bad[1024];

    event_line(bad, sizeof(bad), "2", "\"pim\":\"" PIN "\"");
    event_line(text, sizeof(text), "1", "\"pin\":\"" PIN "\"");
    strcat(text, "\n");
    strcat(text, bad);
    strcat(text, "not json");
    house_write(h, "mixed.json", text);
    watch(h);
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 1);
    assert_int_equal(stat_of(h).rejected, 2);
    assert_false(house_has(h, "mixed.json"));
    house_read(h, "rejected/mixed.json", &lines);
    house_read(h, "rejected/mixed.json.reason", &reasons);
    assert_memory_equal(buffer_bytes(&lines), bad, strlen(bad));
    assert_string_equal(buffer_bytes(&lines) + strlen(bad), "not json\n");
    assert_null(strstr(buffer_bytes(&reasons), PIN));
    first = json_parse_line(buffer_bytes(&reasons), strcspn(buffer_bytes(&reasons), "\n"));
    assert_string_equal(json_text(first, "code"), "unknown");
    assert_string_equal(json_text(first, "id"), "2");
    assert_int_equal(json_number(first, "line", 0), 3);
    assert_non_null(strstr(buffer_bytes(&reasons), "\"line\":4"));
    assert_int_equal(mode_of(h, "rejected/mixed.json"), 0600);
    assert_int_equal(mode_of(h, "rejected"), 0700);
    buffer_release(&lines);
    buffer_release(&reasons);
}

static void rejected_files_never_replace_each_other(void **state)
{
    struct house *h = *state;
    struct buffer b = BUFFER(64 * 1024);

    watch(h);
    house_write(h, "a.json", "first\n");
    house_turn(h, 1000);
    house_settle(h);
    house_write(h, "a.json", "second\n");
    house_turn(h, 1000);
    house_settle(h);
    house_read(h, "rejected/a.json", &b);
    assert_string_equal(buffer_bytes(&b), "first\n");
    buffer_clear(&b);
    house_read(h, "rejected/a.json.2", &b);
    assert_string_equal(buffer_bytes(&b), "second\n");
    assert_true(house_has(h, "rejected/a.json.2.reason"));
    buffer_release(&b);
}

static void too_long_a_line_is_kept_whole(void **state)
{
    struct house *h = *state;
    static char text[4 * EVENT_MOST];
    struct buffer b = BUFFER(8 * EVENT_MOST);
    size_t n = 3 * EVENT_MOST + 7;

    memset(text, 'x', n);
    text[n] = '\n';
    event_line(text + n + 1, 1024, "1", "\"pin\":\"" PIN "\"");
    house_write(h, "long.json", text);
    watch(h);
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 1);
    assert_int_equal(stat_of(h).rejected, 1);
    house_read(h, "rejected/long.json", &b);
    assert_int_equal(buffer_size(&b), n + 1);
    assert_memory_equal(buffer_bytes(&b), text, n + 1);
    buffer_clear(&b);
    house_read(h, "rejected/long.json.reason", &b);
    assert_non_null(strstr(buffer_bytes(&b), "\"size\""));
    buffer_release(&b);
}

static void same_file_again_is_a_duplicate(void **state)
{
    struct house *h = *state;
    char text[2048];

    watch(h);
    two(text, "1", "2");
    house_write(h, "a.json", text);
    house_turn(h, 1000);
    house_settle(h);
    house_write(h, "b.json", text);
    house_turn(h, 1000);
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 2);
    assert_int_equal(stat_of(h).duplicates, 2);
    assert_false(house_has(h, "b.json"));
    assert_false(house_has(h, "rejected"));
}

static void full_disk_leaves_the_file(void **state)
{
    struct house *h = *state;
    char text[4096];

    two(text, "1", "2");
    strcat(text, "not json\n");
    house_write(h, "a.json", text);
    house_limit_files(4096);
    watch(h);
    house_settle(h);
    assert_true(house_has(h, "a.json"));
    assert_false(house_has(h, "rejected/a.json"));
    assert_int_equal(stat_of(h).accepted, 0);
    house_limit_files(0);
    for (unsigned i = 0; i < 10000 && house_has(h, "a.json"); i++)
        house_turn(h, 100);
    assert_int_equal(stat_of(h).accepted, 2);
    assert_true(house_has(h, "rejected/a.json"));
    assert_false(house_has(h, "rejected/.lines"));
}

static int record_id(void *userdata, const struct record *r)
{
    char *ids = userdata;

    strcat(ids, r->event_id);
    return 0;
}

static void oldest_file_is_first(void **state)
{
    struct house *h = *state;
    const struct timespec times[3][2] = { { { 300, 0 }, { 300, 0 } },
                                          { { 100, 0 }, { 100, 0 } },
                                          { { 200, 0 }, { 200, 0 } } };
    static const char *const names[] = { "a.json", "b.json", "c.json" };
    char text[1024], ids[16] = "";

    for (size_t i = 0; i < 3; i++) {
        CLEANUP(free_cleanup) char *path = path_join(h->drop, names[i]);
        char id[2] = { (char)('1' + i), '\0' };

        house_write(h, names[i], event_line(text, sizeof(text), id, "\"pin\":\"" PIN "\""));
        assert_int_equal(utimensat(AT_FDCWD, path, times[i], 0), 0);
    }
    watch(h);
    house_settle(h);
    assert_int_equal(store_list(h->site.store, STATES_ALL, 10, NULL, record_id, ids), 0);
    assert_string_equal(ids, "132"); /* newest first */
}

static void many_lines_take_turns(void **state)
{
    struct house *h = *state;
    CLEANUP(fd_cleanup) int fd = house_connect(h);
    CLEANUP(free_cleanup) char *text = malloc(2000 * 200);
    char line[1024], id[16];
    size_t n = 0;

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(id, sizeof(id), "%u", i);
        event_line(text + n, 200, id, "\"pin\":\"7\"");
        n += strlen(text + n);
    }
    house_write(h, "many.json", text);
    watch(h);
    house_say(fd, event_line(line, sizeof(line), "other", "\"pin\":\"7\""));
    json_decref(house_hear(h, fd));
    assert_true(stat_of(h).accepted <= 2 * COMMIT_MOST);
    house_settle(h);
    assert_int_equal(stat_of(h).accepted, 2001);
}

static void stop_leaves_what_is_not_done(void **state)
{
    struct house *h = *state;
    char text[2048];

    house_write(h, "a.json", two(text, "1", "2"));
    watch(h);
    intake_stop(h->intake);
    house_settle(h);
    assert_true(house_has(h, "a.json"));
    assert_int_equal(intake_watch(h->intake, NULL), 0);
    assert_false(intake_is_busy(h->intake));
}

static void missing_folder_is_an_error(void **state)
{
    struct house *h = *state;

    assert_int_equal(intake_watch(h->intake, "/nonexistent/incoming"), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_build, house_tear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_taken_and_removed),   TEST(other_names_and_things_are_left),
        TEST(refused_lines_are_put_aside),   TEST(rejected_files_never_replace_each_other),
        TEST(too_long_a_line_is_kept_whole), TEST(same_file_again_is_a_duplicate),
        TEST(full_disk_leaves_the_file),     TEST(oldest_file_is_first),
        TEST(many_lines_take_turns),         TEST(stop_leaves_what_is_not_done),
        TEST(missing_folder_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

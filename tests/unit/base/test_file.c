#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pindispatch/file.h>

static int make_folder(void **state)
{
    char *dir = strdup("/tmp/pindispatch-file-XXXXXX");

    *state = mkdtemp(dir);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "a", "b", "s", "new/deep", "new", "" };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *path = path_join(*state, names[i]);

        remove(path);
        free(path);
    }
    free(*state);
    return 0;
}

static void replaces_whole_and_keeps_the_mode(void **state)
{
    char *path = path_join(*state, "a");
    struct buffer b = BUFFER(100);
    struct stat st;

    assert_int_equal(file_replace(path, "first", 5, 0600), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_replace(path, "second", 6, 0600), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(file_read(path, &b), 0);
    assert_int_equal(buffer_size(&b), 6);
    assert_memory_equal(buffer_bytes(&b), "second", 6);
    buffer_release(&b);
    b = BUFFER(5);
    assert_int_equal(file_read(path, &b), -ENOBUFS);
    buffer_release(&b);
    free(path);
}

static void assert_private(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_uid, geteuid());
}

/* Whoever owned the file before must not read what is in the new one. */
static void writes_for_its_owner_alone(void **state)
{
    char *path = path_join(*state, "a"), *other = path_join(*state, "b");

    assert_int_equal(file_replace(path, "old", 3, 0600), 0);
    assert_int_equal(chmod(path, 0666), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 65534, 65534), 0);
    assert_int_equal(file_write_private(path, "new", 3), 0);
    assert_private(path);

    assert_int_equal(file_create(other, "x", 1, 0644), 0);
    assert_int_equal(file_create(other, "y", 1, 0644), -EEXIST);
    assert_int_equal(remove(path), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(file_write_private(path, "new", 3), 0);
    assert_private(path);
    free(path);
    free(other);
}

static void says_what_is_missing(void **state)
{
    char *path = path_join(*state, "none/a");
    struct buffer b = BUFFER(100);

    assert_int_equal(file_read(path, &b), -ENOENT);
    assert_int_equal(file_replace(path, "x", 1, 0600), -ENOENT);
    free(path);
}

static void makes_folders(void **state)
{
    char *path = path_join(*state, "new/deep");
    struct stat st;

    assert_int_equal(folder_make(path, 0700), 0);
    assert_int_equal(folder_make(path, 0700), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    free(path);
}

static void joins_and_splits_paths(void **state)
{
    static const struct {
        const char *path, *folder;
    } cases[] = { { "/a/b", "/a" }, { "/a", "/" }, { "a", "." }, { "a/b/c", "a/b" } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *folder = path_folder(cases[i].path);

        assert_string_equal(folder, cases[i].folder);
        free(folder);
    }
}

static void listens_once_and_takes_over_a_dead_socket(void **state)
{
    char *path = path_join(*state, "s");
    struct stat st;
    int fd = socket_listen(path, 0660), client, again;

    assert_true(fd >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    client = socket_connect(path);
    assert_true(client >= 0);
    assert_int_equal(socket_listen(path, 0660), -EADDRINUSE);
    close(client);
    close(fd);
    again = socket_listen(path, 0660);
    assert_true(again >= 0);
    close(again);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_whole_and_keeps_the_mode),
        cmocka_unit_test(writes_for_its_owner_alone),
        cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(joins_and_splits_paths),
        cmocka_unit_test(listens_once_and_takes_over_a_dead_socket),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

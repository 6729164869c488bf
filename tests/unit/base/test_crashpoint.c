/* Built with the points on, whatever the build says. */
#include <pindispatch/crashpoint.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static void pass(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        CRASH_POINT("test.step");
        CRASH_POINT("test.step-two");
    }
}

/* Does a process end at its TIMES passages? */
static bool ends(const char *crash, unsigned times)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        setenv("PINDISPATCH_CRASH", crash, 1);
        pass(times);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void ends_at_the_named_step(void **state)
{
    (void)state;
    assert_true(ends("test.step", 1));
    assert_true(ends("other,test.step", 1));
    assert_false(ends("test.ste", 1));
    assert_false(ends("test.step-", 1));
    assert_false(ends("", 1));
}

static void ends_at_the_chosen_passage(void **state)
{
    (void)state;
    assert_false(ends("test.step-two:3", 2));
    assert_true(ends("test.step-two:3", 3));
    assert_true(ends("test.step:9,test.step-two:2", 2));
}

static void ends_once_over_all_processes(void **state)
{
    char folder[] = "/tmp/pindispatch-crashpoint-XXXXXX", mark[sizeof(folder) + 16];

    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("PINDISPATCH_CRASH_ONCE", folder, 1);
    assert_true(ends("test.step", 1));
    assert_false(ends("test.step", 1));
    unsetenv("PINDISPATCH_CRASH_ONCE");
    snprintf(mark, sizeof(mark), "%s/test.step", folder);
    assert_int_equal(unlink(mark), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_at_the_named_step),
        cmocka_unit_test(ends_at_the_chosen_passage),
        cmocka_unit_test(ends_once_over_all_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

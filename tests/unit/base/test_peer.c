#include "unit.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pindispatch/peer.h>

enum { STRANGER = 64123, OWN_GROUP = 64124, OTHER_GROUP = 64125, FOREIGN_GROUP = 64126 };

static void finds_groups(void **state)
{
    (void)state;
    assert_int_equal(peer_group("root"), 0);
    assert_int_equal(peer_group("4711"), 4711);
    assert_int_equal(peer_group("no-such-group-here"), (gid_t)-1);
    assert_int_equal(peer_group("4711x"), (gid_t)-1);
    assert_int_equal(peer_group("4294967295"), (gid_t)-1);
    assert_int_equal(peer_group("99999999999999999999"), (gid_t)-1);
    assert_int_equal(peer_group("-1"), (gid_t)-1);
}

static void own_user_always_may(void **state)
{
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(peer_may(pair[0], ""));
    assert_true(peer_may(pair[0], "4711"));
    assert_true(peer_may(pair[0], "no-such-group-here"));
    close(pair[0]);
    close(pair[1]);
    assert_true(peer_may(pair[0], ""));
    assert_false(peer_may(pair[0], "4711"));
}

/* Bits: 1 own group, 2 supplementary group, 4 another one, 8 none that exists, 16 everybody. */
static int ask(int fd)
{
    char own[16], other[16], foreign[16];

    snprintf(own, sizeof(own), "%d", OWN_GROUP);
    snprintf(other, sizeof(other), "%d", OTHER_GROUP);
    snprintf(foreign, sizeof(foreign), "%d", FOREIGN_GROUP);
    return peer_may(fd, own) | peer_may(fd, other) << 1 | peer_may(fd, foreign) << 2 |
           peer_may(fd, "no-such-group-here") << 3 | peer_may(fd, "") << 4;
}

/* A stranger's connection, seen by a user that is not root either. Only root can become them. */
static void strangers_need_the_group(void **state)
{
    const gid_t groups[] = { OTHER_GROUP };
    int pair[2], status;
    pid_t child;

    (void)state;
    if (geteuid() != 0) {
        print_message("not root: tests/integration/test_rights.py asks as other users\n");
        return;
    }
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (setgroups(1, groups) < 0 || setresgid(OWN_GROUP, OWN_GROUP, OWN_GROUP) < 0 ||
            setresuid(STRANGER, STRANGER, 0) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
            setresuid(0, 0, 0) < 0)
            _exit(99);
        _exit(ask(pair[0]));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1 | 2 | 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_groups),
        cmocka_unit_test(own_user_always_may),
        cmocka_unit_test(strangers_need_the_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

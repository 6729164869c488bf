#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../src/worker/confine.h"

enum { SETUP_FAILED = 99 };

/* What a confined process makes of CALL: its exit status, or minus the signal that ended it. */
static int confined(int (*call)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct problem p = { .code = "" };

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (worker_confine(&p) != 0) {
            fprintf(stderr, "%s\n", p.message);
            _exit(SETUP_FAILED);
        }
        _exit(call());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int status_of(long r)
{
    return r < 0 ? errno : 0;
}

static int do_listen(void)
{
    return status_of(listen(STDIN_FILENO, 1));
}
static int do_accept(void)
{
    return status_of(accept4(STDIN_FILENO, NULL, NULL, SOCK_CLOEXEC));
}
static int do_execute(void)
{
    return status_of(execl("/bin/true", "true", NULL));
}
static int do_trace(void)
{
    return status_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int do_read_others(void)
{
    return status_of(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}
static int do_become(void)
{
    return status_of(syscall(SYS_setresuid, 1, 1, 1));
}
static int do_unshare(void)
{
    return status_of(syscall(SYS_unshare, 0));
}
static int do_rings(void)
{
    return status_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static void fatal_calls_end_it(void **state)
{
    static int (*const calls[])(void) = { do_listen,      do_accept, do_execute, do_trace,
                                          do_read_others, do_become, do_unshare, do_rings };

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        assert_int_equal(confined(calls[i]), -SIGSYS);
}

static int do_bind(void)
{
    struct sockaddr address = { .sa_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? SETUP_FAILED : status_of(bind(fd, &address, sizeof(address)));
}
static int do_packets(void)
{
    return status_of(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}
static int do_netlink(void)
{
    return status_of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}
static int do_vsock(void)
{
    return status_of(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
static int do_fork(void)
{
    return status_of(fork());
}
static int do_spawn(void)
{
    char *const arguments[] = { (char *)"true", NULL };
    pid_t pid;

    return posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, arguments + 1);
}
static int do_code(void)
{
    return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int do_kill_by_thread(void)
{
    return status_of(syscall(SYS_tgkill, getppid(), getppid(), 0));
}
static int do_kill_one_thread(void)
{
    return status_of(syscall(SYS_tkill, getppid(), 0));
}
static int do_queue_signal(void)
{
    siginfo_t info = { .si_code = SI_QUEUE };

    return status_of(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
}
static int do_open_process(void)
{
    return status_of(syscall(SYS_pidfd_open, getppid(), 0));
}
static int do_kill_by_descriptor(void)
{
    return status_of(syscall(SYS_pidfd_send_signal, STDIN_FILENO, 0, NULL, 0));
}
static int do_nameless_file(void)
{
    return status_of(memfd_create("code", 0));
}
static int do_shared_code(void)
{
    return shmat(-1, NULL, SHM_EXEC) == (void *)-1 ? errno : 0;
}
static int do_mount_settings(void)
{
    return status_of(syscall(SYS_fsconfig, -1, 0, NULL, NULL, 0));
}
static int do_set_clock(void)
{
    return status_of(syscall(SYS_clock_adjtime, CLOCK_REALTIME, NULL));
}
static int do_kill(void)
{
    return status_of(kill(getppid(), 0));
}

static void denied_calls_fail(void **state)
{
    static int (*const calls[])(void) = { do_kill_by_thread,
                                          do_kill_one_thread,
                                          do_queue_signal,
                                          do_open_process,
                                          do_kill_by_descriptor,
                                          do_nameless_file,
                                          do_shared_code,
                                          do_mount_settings,
                                          do_set_clock,
                                          do_bind,
                                          do_packets,
                                          do_netlink,
                                          do_vsock,
                                          do_fork,
                                          do_spawn,
                                          do_code,
                                          do_kill };

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        assert_int_equal(confined(calls[i]), EPERM);
}

static void *write_there(void *there)
{
    *(int *)there = 1;
    return NULL;
}

static int do_work(void)
{
    pthread_t thread;
    int worked = 0, pair[2];
    struct addrinfo *found = NULL;

    if (pthread_create(&thread, NULL, write_there, &worked) != 0 || pthread_join(thread, NULL) != 0 || !worked)
        return 1;
    if (getaddrinfo("localhost", "25", NULL, &found) != 0)
        return 2;
    freeaddrinfo(found);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || write(pair[0], "x", 1) != 1)
        return 3;
    if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0 || socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0)
        return 4;
    return 0;
}

static void ordinary_calls_work(void **state)
{
    (void)state;
    assert_int_equal(confined(do_work), 0);
}

static int do_abort(void)
{
    abort();
}

/* A worker that finds itself broken ends as it should. */
static void it_can_end_itself(void **state)
{
    (void)state;
    assert_int_equal(confined(do_abort), -SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fatal_calls_end_it),
        cmocka_unit_test(denied_calls_fail),
        cmocka_unit_test(ordinary_calls_work),
        cmocka_unit_test(it_can_end_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A worker parses what issuers wrote, with large libraries, and holds the key that opens PINs. So what it does not
 * need is taken from it, by name: the packaged unit's list of what is allowed comes first, and both hold. A list of
 * what is allowed alone would have to follow each library that is linked here. */
#include "confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pindispatch/cleanup.h>

static void filter_cleanup(scmp_filter_ctx *f)
{
    if (*f)
        seccomp_release(*f);
}

static const int fatal[] = {
    /* nobody can come to a worker */
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    /* and it runs nothing else */
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    /* looks into nobody */
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    /* stays who and where it is */
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(chroot),
    SCMP_SYS(pivot_root),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(personality),
    /* gets at the kernel only by what is filtered here */
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
};

struct rule {
    int call;
    struct scmp_arg_cmp when; /* ALWAYS, or a condition on one argument */
};

#define ALWAYS                                                                                                       \
    {                                                                                                                \
        .op = _SCMP_CMP_MIN                                                                                          \
    }
#define MASKED(number, mask, value)                                                                                  \
    {                                                                                                                \
        .arg = (number), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)                             \
    }

static const struct rule denied[] = {
    { SCMP_SYS(bind), ALWAYS },
    /* ends nobody else; its own abort() is in add_denied() */
    { SCMP_SYS(tkill), ALWAYS },
    { SCMP_SYS(rt_sigqueueinfo), ALWAYS },
    { SCMP_SYS(rt_tgsigqueueinfo), ALWAYS },
    { SCMP_SYS(pidfd_open), ALWAYS },
    { SCMP_SYS(pidfd_send_signal), ALWAYS },
    { SCMP_SYS(process_mrelease), ALWAYS },
    { SCMP_SYS(fsconfig), ALWAYS },
    { SCMP_SYS(fspick), ALWAYS },
    { SCMP_SYS(mount_setattr), ALWAYS },
    { SCMP_SYS(name_to_handle_at), ALWAYS },
    { SCMP_SYS(setfsuid), ALWAYS },
    { SCMP_SYS(setfsgid), ALWAYS },
    { SCMP_SYS(clock_adjtime), ALWAYS },
    /* memory that was written by another way, and is executed */
    { SCMP_SYS(memfd_create), ALWAYS },
    { SCMP_SYS(shmat), MASKED(2, SHM_EXEC, SHM_EXEC) },
    /* threads are allowed, processes are not */
    { SCMP_SYS(clone), MASKED(0, CLONE_THREAD, 0) },
    { SCMP_SYS(mprotect), MASKED(2, PROT_EXEC, PROT_EXEC) },
    { SCMP_SYS(pkey_mprotect), MASKED(2, PROT_EXEC, PROT_EXEC) },
    { SCMP_SYS(mmap), MASKED(2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC) },
    { SCMP_SYS(ioctl), MASKED(1, 0xffffffff, TIOCSTI) },
#ifndef PINDISPATCH_CRASH_POINTS /* which end a process, or its parent */
    { SCMP_SYS(kill), ALWAYS },
#endif
};

static int add_fatal(scmp_filter_ctx f)
{
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fatal) && r == 0; i++)
        r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, fatal[i], 0);
    return r;
}

static int add_denied(scmp_filter_ctx f)
{
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(denied) && r == 0; i++)
        r = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EPERM), denied[i].call, denied[i].when.op != _SCMP_CMP_MIN,
                                   &denied[i].when);
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
                             SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid()));
    /* Its flags are in memory, where no filter sees them; the C library then takes clone(). */
    return r < 0 ? r : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Allowed are these; rules of one call are joined by "or", so that the others are what lies between. */
static int add_families(scmp_filter_ctx f)
{
    static const unsigned allowed[] = { AF_UNIX, AF_INET, AF_INET6 };
    unsigned family = 0;
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(allowed) && r == 0; i++) {
        for (; family < allowed[i] && r == 0; family++)
            r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family));
        family = allowed[i] + 1;
    }
    return r < 0 ? r : seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GE, family));
}

static int load(scmp_filter_ctx f)
{
    int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);

    if (r == 0)
        r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: some thirty comparisons fewer a call */
    if (r == 0)
        r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = add_fatal(f);
    if (r == 0)
        r = add_denied(f);
    if (r == 0)
        r = add_families(f);
    return r == 0 ? seccomp_load(f) : r;
}

int worker_confine(struct problem *p)
{
    CLEANUP(filter_cleanup) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int r = f ? load(f) : -ENOMEM;

    if (r == -ENOMEM || r == 0)
        return r;
    return problem_set(p, "confine", "", "the worker cannot give up system calls (seccomp): %s", strerror(-r));
}

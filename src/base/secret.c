#include <pindispatch/secret.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Secrets live in blocks of equal slots, in pages that are locked and kept out of core dumps. The pages are never
 * given back while the process runs: the blocks are few, and a freed slot is all zeroes. */
enum { BLOCK_SIZE = 64 * 1024 };

enum { LOCK_LEAST = 1024 * 1024 * 1024 }; /* bytes: more than any of our processes maps */

struct secret {
    size_t size; /* 0: the slot is free */
    struct secret *next_free;
    char bytes[SECRET_MAX + 1];
};

_Static_assert(sizeof(struct secret) == 256, "slots fill a block evenly");

/* The one state of this file: where free slots are. It holds no secret, and a process has one heap. */
static struct secret *free_slots;

static int add_block(void)
{
    struct secret *slots = mmap(NULL, BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (slots == MAP_FAILED)
        return -ENOMEM;
    /* Without the right to lock memory the rest of the protection still holds. */
    (void)mlock(slots, BLOCK_SIZE);
    (void)madvise(slots, BLOCK_SIZE, MADV_DONTDUMP);
    (void)madvise(slots, BLOCK_SIZE, MADV_WIPEONFORK);
    for (size_t i = 0; i < BLOCK_SIZE / sizeof(*slots); i++) {
        slots[i].next_free = free_slots;
        free_slots = &slots[i];
    }
    return 0;
}

static int take_slot(size_t size, struct secret **ret)
{
    int r = free_slots ? 0 : add_block();

    if (r < 0)
        return r;
    *ret = free_slots;
    free_slots = (*ret)->next_free;
    (*ret)->next_free = NULL;
    (*ret)->size = size;
    return 0;
}

int secret_new(const void *bytes, size_t size, struct secret **ret)
{
    int r;

    if (size == 0)
        return -EINVAL;
    if (size > SECRET_MAX)
        return -E2BIG;
    r = take_slot(size, ret);
    if (r < 0)
        return r;
    memcpy((*ret)->bytes, bytes, size);
    (*ret)->bytes[size] = '\0';
    return 0;
}

struct secret *secret_free(struct secret *s)
{
    if (!s)
        return NULL;
    secret_wipe(s, sizeof(*s));
    s->next_free = free_slots;
    free_slots = s;
    return NULL;
}

const char *secret_reveal(const struct secret *s)
{
    return s->bytes;
}

size_t secret_size(const struct secret *s)
{
    return s->size;
}

int secret_masked(const struct secret *s, char mask, struct secret **ret)
{
    int r = take_slot(s->size, ret);

    if (r < 0)
        return r;
    memset((*ret)->bytes, mask, s->size);
    (*ret)->bytes[s->size] = '\0';
    return 0;
}

void secret_wipe(void *p, size_t size)
{
    explicit_bzero(p, size);
}

/* What copies and compares bytes leaves the last of them in vector registers, from where the dynamic linker puts them
 * on the stack again when a library calls a function for the first time. Compilers can clear registers at a
 * function's end (zero_call_used_regs), but GCC 12 leaves out those of AVX-512. */
#ifdef __x86_64__
#define CLEAR_XMM(n) "pxor %%xmm" #n ", %%xmm" #n "\n\t"
#define CLEAR_ZMM(n) "vpxorq %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"
#define LOW(clear)                                                                                                   \
    clear(0) clear(1) clear(2) clear(3) clear(4) clear(5) clear(6) clear(7) clear(8) clear(9) clear(10) clear(11)    \
        clear(12) clear(13) clear(14) clear(15)
#define HIGH(clear)                                                                                                  \
    clear(16) clear(17) clear(18) clear(19) clear(20) clear(21) clear(22) clear(23) clear(24) clear(25) clear(26)    \
        clear(27) clear(28) clear(29) clear(30) clear(31)
#define LOW_NAMES                                                                                                    \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",       \
        "xmm13", "xmm14", "xmm15"

static void wipe_registers(void)
{
    if (__builtin_cpu_supports("avx512f")) /* nothing compiled here uses those: they need not be named */
        __asm__ volatile(HIGH(CLEAR_ZMM) "" ::);
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall" ::: LOW_NAMES);
    else
        __asm__ volatile(LOW(CLEAR_XMM) "" ::: LOW_NAMES);
}
#else
static void wipe_registers(void) {}
#endif

/* Not inlined: its frame must begin where those of the calls before it did. */
__attribute__((noinline)) void secret_wipe_stack(void)
{
    char below[SECRET_STACK];

    explicit_bzero(below, sizeof(below));
    wipe_registers();
}

__attribute__((noinline)) void secret_wipe_frames(void)
{
    char below[SECRET_FRAMES];

    explicit_bzero(below, sizeof(below));
    wipe_registers();
}

/* With a limit that this process might come to, locking what is mapped later would make malloc() fail. Where the
 * kernel refuses root too, swapping is for MemorySwapMax= to forbid. */
static void lock_process(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && (limit.rlim_cur >= LOCK_LEAST || geteuid() == 0))
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

void secret_harden_process(void)
{
    static const struct rlimit none = { 0, 0 };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    lock_process();
}

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

/* Not inlined: its frame must begin where those of the calls before it did. */
__attribute__((noinline)) void secret_wipe_stack(void)
{
    char below[SECRET_STACK];

    explicit_bzero(below, sizeof(below));
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

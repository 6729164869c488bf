/* Memory that is freed is overwritten first, whoever frees it: the libraries that parse, compose and draw secrets do
 * not wipe. These take the place of the C library's own (glibc manual, "Replacing malloc"), whose allocator they use.
 * mallopt(M_PERTURB) does not reach the small pieces that glibc keeps at hand, and fills new memory as well.
 *
 * Linked into programs, never into a build with a sanitizer, which has an allocator of its own. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void __libc_free(void *p); /* NOLINT(bugprone-reserved-identifier): glibc's name of what is replaced here */

enum { KEPT = 8 << 20, GROWTH = 1 << 20, LARGE = 4 << 20 }; /* bytes */

/* JSON and mails come and go in small pieces. Each that is put aside is gone through again with the next large one.
 * A letter takes some MiB for a moment: what is given back was overwritten, and the kernel need not be asked for it
 * each time. */
static __attribute__((constructor)) void set_up_heap(void)
{
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_TOP_PAD, GROWTH);
    mallopt(M_MMAP_THRESHOLD, LARGE);
}

void free(void *p)
{
    if (!p)
        return;
    explicit_bzero(p, malloc_usable_size(p));
    __libc_free(p);
}

/* What moves is copied here, and the old place wiped; glibc would free it by itself. */
static void *move(void *p, size_t room, size_t size)
{
    void *to = malloc(size);

    if (!to)
        return NULL;
    memcpy(to, p, room < size ? room : size);
    free(p);
    return to;
}

/* A piece that becomes a little smaller stays as it is: what it gives away would not be wiped. */
void *realloc(void *p, size_t size)
{
    size_t room = p ? malloc_usable_size(p) : 0;

    if (!p)
        return malloc(size);
    if (size == 0) {
        free(p);
        return NULL;
    }
    return size <= room && size >= room / 2 ? p : move(p, room, size);
}

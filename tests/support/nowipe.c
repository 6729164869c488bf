/* A library for LD_PRELOAD: memory is not overwritten any more, so that a test that looks for what is left in it must
 * find something. */
#include <stddef.h>

void explicit_bzero(void *p, size_t size);
void __explicit_bzero_chk(void *p, size_t size, size_t most);

void explicit_bzero(void *p, size_t size)
{
    (void)p;
    (void)size;
}

void __explicit_bzero_chk(void *p, size_t size, size_t most)
{
    (void)p;
    (void)size;
    (void)most;
}

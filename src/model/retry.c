#include <pindispatch/retry.h>

int64_t retry_bound(const struct retry_law *law, unsigned attempts)
{
    double bound = (double)law->first;

    for (unsigned i = 1; i < attempts && bound < (double)law->most; i++)
        bound *= law->factor;
    return bound < (double)law->most ? (int64_t)bound : law->most;
}

int64_t retry_wait(const struct retry_law *law, unsigned attempts, uint64_t chance)
{
    return (int64_t)(chance % (uint64_t)(retry_bound(law, attempts) + 1));
}

bool retry_is_over(const struct retry_law *law, int64_t created, int64_t now)
{
    return law->give_up_after > 0 && now - created >= law->give_up_after;
}

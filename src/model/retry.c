#include <pindispatch/retry.h>

int64_t retry_wait(const struct retry_law *law, unsigned attempts, uint64_t chance)
{
    double bound = (double)law->first;
    int64_t whole;

    for (unsigned i = 1; i < attempts && bound < (double)law->most; i++)
        bound *= law->factor;
    whole = bound < (double)law->most ? (int64_t)bound : law->most;
    return (int64_t)(chance % (uint64_t)(whole + 1));
}

bool retry_is_over(const struct retry_law *law, int64_t created, int64_t now)
{
    return law->give_up_after > 0 && now - created >= law->give_up_after;
}

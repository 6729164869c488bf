/* Named steps at which a test build can end its own process as a power cut would (SIGKILL). In ordinary builds a
 * point is nothing at all.
 *
 * Built with PINDISPATCH_CRASH_POINTS, each point puts its name into the linker section "crash_points", so that tests
 * enumerate them from the programs and no step is forgotten (tests/chaos). The environment chooses:
 *
 *   PINDISPATCH_CRASH=NAME[:N][,NAME[:N]…]   the process ends at its N-th passage (1) of the point
 *   PINDISPATCH_CRASH_ONCE=FOLDER            only where FOLDER/NAME could be made anew: once over all processes
 *   PINDISPATCH_CRASH_WHOM=self|parent|both  who ends: this process, the one that started it, or both */
#ifndef PINDISPATCH_CRASHPOINT_H
#define PINDISPATCH_CRASHPOINT_H

#ifdef PINDISPATCH_CRASH_POINTS

#define CRASH_POINT(step)                                                                                            \
    do {                                                                                                             \
        static const char crash_point_name[] __attribute__((section("crash_points"), used, aligned(1))) = step;      \
        static unsigned crash_point_passages;                                                                        \
        crash_point(crash_point_name, ++crash_point_passages);                                                       \
    } while (0)

void crash_point(const char *name, unsigned passage);

#else

#define CRASH_POINT(step) ((void)0)

#endif

#endif

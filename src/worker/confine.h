/* What a worker can no longer ask of the kernel once it is set up. */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include <pindispatch/problem.h>

/* For all threads, for good. The first calls are answered with EPERM, since libraries try them and do without:
 * binding an address, sockets other than unix and internet ones, new processes, memory that is written and then
 * executed. The others end the process: listening, executing, tracing and reading others, becoming another user … 0;
 * 1 with P (the kernel has no such filters); -ENOMEM. */
int worker_confine(struct problem *p);

#endif

#include "print_batch.h"

#include <string.h>

#include <pindispatch/crashpoint.h>

/* Our job, as far as its name and its UUID tell: nobody else's is touched. */
static bool read_waiting(const struct print_job *j, struct waiting *ret)
{
    static const char scheme[] = "urn:uuid:";
    size_t size = strlen(scheme);
    *ret = (struct waiting){ .job = j->id };
    return j->state == IPP_JSTATE_HELD && strncmp(j->uuid, scheme, size) == 0 &&
           uuid_parse(j->uuid + size, &ret->job_uuid) == 0 && uuid_parse(j->name, &ret->id) == 0;
}

/* What was released between the list and the answer is on its way: only what is held even now is nobody's. */
static int cancel_left(struct spooler *s, const struct waiting *w, struct outcome *trouble)
{
    struct print_job job;
    int e = spooler_jobs(s, &w->job, 1, &job, trouble);
    if (e || job.state != IPP_JSTATE_HELD || !print_job_is(&job, &w->job_uuid))
        return e;
    e = spooler_cancel(s, w->job, trouble);
    return e == SPOOLER_GONE || e == SPOOLER_UNFIT ? 0 : e;
}

/* Trouble with the printer is no news here: the next letter tells, or the next sweep goes well. What does not fit
 * into one list is the next sweep's. */
int print_sweep(struct desk *desk, struct spooler *s)
{
    struct outcome trouble = { 0 };
    struct print_job jobs[WAITING_MOST];
    struct waiting w[WAITING_MOST];
    size_t n_jobs = 0, n = 0;
    int e = spooler_held(s, jobs, WAITING_MOST, &n_jobs, &trouble);
    for (size_t i = 0; !e && i < n_jobs; i++)
        n += read_waiting(&jobs[i], &w[n]);
    bool clean = !e && n_jobs < WAITING_MOST;
    if (!e && n)
        e = desk->leftovers(desk, w, n);
    for (size_t i = 0; !e && i < n; i++) {
        clean &= !w[i].left;
        if (w[i].left)
            e = cancel_left(s, &w[i], &trouble);
    }
    return e < 0 ? e : e || !clean;
}

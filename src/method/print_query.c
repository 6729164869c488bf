/* What a spooler's server, or a printer, tells of jobs. */
#include "print_request.h"

#include <errno.h>

enum {
    PAGE_JOBS = 500, /* cupsd gives no more in one answer */
    PAGES_MOST = 64,
    HISTORY_JOBS = 40,
};

static const char *const job_attributes[] = { "job-id",
                                              "job-uuid",
                                              "job-state",
                                              "job-state-reasons",
                                              "time-at-processing",
                                              "time-at-completed",
                                              "job-printer-up-time",
                                              "job-printer-uri",
                                              "number-of-documents",
                                              "job-preserved",
                                              "job-media-sheets-completed",
                                              "job-printer-state-reasons",
                                              "job-printer-state-message" };
static const char *const held_attributes[] = { "job-id", "job-name", "job-uuid", "job-state" };
static const char *const direct_attributes[] = { "job-name" };
static const char *const ended_attributes[] = {
    "job-id", "job-state", "job-preserved", "time-at-processing", "time-at-completed", "job-media-sheets-completed"
};

/* About jobs: those of a CUPS server are asked for at the server, since a job may be moved to another of its queues,
 * and its queue may be removed. */
static ipp_t *request_jobs(struct spooler *s)
{
    return s->direct ? request_new(s, IPP_OP_GET_JOBS, 0) : request_at("ipp://localhost/", IPP_OP_GET_JOBS, 0);
}

static int ask_for_jobs(struct spooler *s, ipp_t *request, ipp_t **ret, struct outcome *trouble)
{
    return connection_ask(s->connection, request, s->direct ? connection_target(s->connection)->resource : "/", NULL,
                          ret, trouble);
}

/* Ended jobs of the printer, newest first. */
static int ask_ended(struct spooler *s, int limit, ipp_t **ret, struct outcome *trouble)
{
    ipp_t *r = request_new(s, IPP_OP_GET_JOBS, 0);
    if (!r)
        return -ENOMEM;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "completed");
    ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "limit", limit);
    request_attributes(r, ended_attributes, ARRAY_SIZE(ended_attributes), NULL, 0);
    int e = request_send(s, r, NULL, NULL, ret, trouble);
    return e ? e : request_judge(s, *ret, "Asking for the last jobs", trouble);
}

int spooler_newest(struct spooler *s, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    int e = ask_ended(s, 1, &answer, trouble);
    if (!e)
        request_read_job(answer, ret);
    return e;
}

int spooler_history(struct spooler *s, void (*each)(void *userdata, const struct print_job *j), void *userdata,
                    struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    struct print_job job;
    int e = ask_ended(s, HISTORY_JOBS, &answer, trouble);
    for (ipp_attribute_t *a = e ? NULL : ippFirstAttribute(answer); a && print_job_read(answer, &a, &job);)
        each(userdata, &job);
    return e;
}

static void ask_job_attributes(const struct spooler *s, ipp_t *r)
{
    request_attributes(r, job_attributes, ARRAY_SIZE(job_attributes), direct_attributes, s->direct);
}

static ipp_t *ask_jobs(struct spooler *s, const int *ids, size_t n, int first)
{
    ipp_t *r = request_jobs(s);
    if (!r)
        return NULL;
    if (s->direct) {
        ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "not-completed");
    } else if (ids) {
        ippAddIntegers(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-ids", (int)n, ids);
    } else {
        ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "all");
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "first-job-id", first);
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "limit", PAGE_JOBS);
    }
    ask_job_attributes(s, r);
    return r;
}

/* One id that the server does not know fails the whole request: the caller then asks for each alone. */
static int some_jobs(struct spooler *s, const int *ids, size_t n, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    struct print_job job;
    int e = ask_for_jobs(s, ask_jobs(s, ids, n, 0), &answer, trouble);
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_FOUND)
        return SPOOLER_GONE;
    if (!e)
        e = request_judge(s, answer, "Asking for jobs", trouble);
    for (ipp_attribute_t *a = e ? NULL : ippFirstAttribute(answer); a && print_job_read(answer, &a, &job);)
        for (size_t i = 0; i < n; i++)
            if (ids[i] == job.id)
                ret[i] = job;
    return e;
}

/* As a printer tells it: GONE when it knows no such job (any more). */
static int one_job(struct spooler *s, int id, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(s, IPP_OP_GET_JOB_ATTRIBUTES, id);
    if (!r)
        return -ENOMEM;
    ask_job_attributes(s, r);
    int e = request_send(s, r, NULL, NULL, &answer, trouble);
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_FOUND)
        return SPOOLER_GONE;
    if (!e)
        e = request_judge(s, answer, "Asking for a job", trouble);
    if (!e)
        request_read_job(answer, ret);
    print_job_tell_open(ret);
    return e;
}

int spooler_jobs(struct spooler *s, const int *ids, size_t n, struct print_job *ret, struct outcome *trouble)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct print_job){ 0 };
    int e = n && !s->direct ? some_jobs(s, ids, n, ret, trouble) : 0;
    if (e != SPOOLER_GONE && !s->direct)
        return e;
    for (size_t i = 0; (n > 1 || s->direct) && i < n; i++) {
        e = s->direct ? one_job(s, ids[i], ret + i, trouble) : some_jobs(s, ids + i, 1, ret + i, trouble);
        if (e && e != SPOOLER_GONE)
            return e;
    }
    return 0;
}

int spooler_held(struct spooler *s, struct print_job *ret, size_t n, size_t *ret_n, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_jobs(s);
    if (!r)
        return -ENOMEM;
    /* CUPS knows this word beside those of RFC 8011 section 4.2.6. */
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "pending-held");
    ippAddBoolean(r, IPP_TAG_OPERATION, "my-jobs", 1);
    ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "limit", (int)n);
    ippAddStrings(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", ARRAY_SIZE(held_attributes), NULL,
                  held_attributes);
    int e = ask_for_jobs(s, r, &answer, trouble);
    if (!e)
        e = request_judge(s, answer, "Listing held jobs", trouble);
    *ret_n = 0;
    for (ipp_attribute_t *a = e ? NULL : ippFirstAttribute(answer);
         a && *ret_n < n && print_job_read(answer, &a, &ret[*ret_n]);)
        ++*ret_n;
    return e;
}

int spooler_each(struct spooler *s, void (*each)(void *userdata, const struct print_job *j), void *userdata,
                 struct outcome *trouble)
{
    int first = 1;
    for (unsigned page = 0; page < PAGES_MOST; page++) {
        CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
        struct print_job job;
        int before = first, e = ask_for_jobs(s, ask_jobs(s, NULL, 0, first), &answer, trouble);
        if (!e)
            e = request_judge(s, answer, "Listing the jobs", trouble);
        if (e)
            return e;
        for (ipp_attribute_t *a = ippFirstAttribute(answer); a && print_job_read(answer, &a, &job);) {
            if (s->direct)
                print_job_tell_open(&job);
            each(userdata, &job);
            first = job.id >= first ? job.id + 1 : first;
        }
        if (first == before || s->direct)
            return 0;
    }
    return 0;
}

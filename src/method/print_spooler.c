#include "print_spooler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/method.h>

#include "print_connection.h"

enum {
    PAGE_JOBS = 500, /* cupsd gives no more in one answer */
    PAGES_MOST = 64,
    HISTORY_JOBS = 40,
};

/* One name for all workers, today and after an upgrade: cupsd shows a job's attributes to its owner. */
static const char requesting_user[] = "pindispatch";

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
static const char *const printer_attributes[] = { "printer-state", "printer-state-reasons", "printer-state-message",
                                                  "printer-is-accepting-jobs" };
static const char *const direct_attributes[] = { "job-name" };
static const char *const ended_attributes[] = {
    "job-id", "job-state", "job-preserved", "time-at-processing", "time-at-completed", "job-media-sheets-completed"
};

struct spooler {
    struct connection *connection;
    struct print_life life;
    struct print_place place;
    char *media, *sides;
    bool direct;
};

int spooler_new(struct desk *desk, const struct print_place *place, struct spooler **ret)
{
    struct spooler *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    print_place_read(desk->settings, &s->place);
    if (place)
        s->place = *place;
    s->media = strdup(settings_text(desk->settings, "print.media"));
    s->sides = strdup(settings_text(desk->settings, "print.sides"));
    if (!s->media || !s->sides) {
        spooler_free(s);
        return -ENOMEM;
    }
    int r = connection_new(desk, s->place.server, s->place.printer, &s->connection);
    if (r < 0) {
        spooler_free(s);
        return r;
    }
    s->direct = connection_target(s->connection)->direct;
    *ret = s;
    return 0;
}

struct spooler *spooler_free(struct spooler *s)
{
    if (!s)
        return NULL;
    connection_free(s->connection);
    free(s->media);
    free(s->sides);
    free(s);
    return NULL;
}

bool spooler_is_direct(const struct spooler *s)
{
    return s->direct;
}

void spooler_set_sides(struct spooler *s, const char *sides)
{
    char *copy = strdup(sides);
    if (copy) {
        free(s->sides);
        s->sides = copy;
    }
}

const char *spooler_printer(const struct spooler *s)
{
    return s->place.printer;
}

const struct print_place *spooler_place(const struct spooler *s)
{
    return &s->place;
}

int64_t spooler_since(const struct spooler *s)
{
    return connection_since(s->connection);
}

int spooler_life(struct spooler *s, struct print_life *ret, struct outcome *trouble)
{
    int e = life_ask(&s->life, s->connection, requesting_user, trouble);
    *ret = s->life;
    return e;
}

/* What a refusal means for the letter: whose fault it is decides whether all letters wait. */
static int judge(struct spooler *s, ipp_t *answer, const char *doing, struct outcome *trouble)
{
    ipp_status_t status = ippGetStatusCode(answer);
    char words[PRINT_WORDS] = "", code[32];
    if (status < IPP_STATUS_REDIRECTION_OTHER_SITE)
        return 0;
    print_message_read(ippFindAttribute(answer, "status-message", IPP_TAG_TEXT), words);
    snprintf(code, sizeof(code), "ipp-%04x", (unsigned)status);
    bool others = status >= IPP_STATUS_ERROR_INTERNAL;
    switch (status) {
    case IPP_STATUS_ERROR_NOT_FOUND:
        snprintf(code, sizeof(code), "printer-not-found");
        others = true;
        break;
    case IPP_STATUS_ERROR_NOT_POSSIBLE: /* cupsd's answer when it keeps MaxJobs already */
        snprintf(code, sizeof(code), "spooler-full");
        others = true;
        break;
    case IPP_STATUS_ERROR_NOT_ACCEPTING_JOBS:
        snprintf(code, sizeof(code), "printer-not-accepting");
        break;
    case IPP_STATUS_ERROR_FORBIDDEN:
    case IPP_STATUS_ERROR_NOT_AUTHENTICATED:
    case IPP_STATUS_ERROR_NOT_AUTHORIZED:
        snprintf(code, sizeof(code), CONNECTION_REFUSED);
        others = true;
        break;
    case IPP_STATUS_ERROR_TIMEOUT:
        others = true;
        break;
    default:
        break;
    }
    outcome_set(trouble, others ? OUTCOME_DEFERRED : OUTCOME_FAILED, code, "%s at the printer %.64s: %s%s%s", doing,
                s->place.printer, ippErrorString(status), words[0] ? ": " : "", words);
    trouble->destination = others;
    return 1;
}

/* RESOURCE: NULL is the printer's. */
static int ask(struct spooler *s, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
               struct outcome *trouble)
{
    return connection_ask(s->connection, request, resource ? resource : connection_target(s->connection)->resource, d,
                          ret, trouble);
}

static ipp_t *request_at(const char *uri, ipp_op_t operation, int job)
{
    ipp_t *r = ippNewRequest(operation);
    if (!r)
        return NULL;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, uri);
    if (job)
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", job);
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, requesting_user);
    return r;
}

static ipp_t *request_new(struct spooler *s, ipp_op_t operation, int job)
{
    return request_at(connection_target(s->connection)->uri, operation, job);
}

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

static void ask_attributes(ipp_t *r, const char *const *names, size_t n, const char *const *more, size_t n_more)
{
    const char *all[16];
    for (size_t i = 0; i < n + n_more; i++)
        all[i] = i < n ? names[i] : more[i - n];
    ippAddStrings(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", (int)(n + n_more), NULL, all);
}

int spooler_look(struct spooler *s, struct print_printer *ret, struct guard_facts *facts, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(s, IPP_OP_GET_PRINTER_ATTRIBUTES, 0);
    if (!r)
        return -ENOMEM;
    ask_attributes(r, printer_attributes, ARRAY_SIZE(printer_attributes), guard_attributes,
                   facts ? GUARD_ATTRIBUTES : 0);
    int e = ask(s, r, NULL, NULL, &answer, trouble);
    if (!e)
        e = judge(s, answer, "Asking for the state", trouble);
    if (!e)
        print_printer_read(answer, ret);
    if (!e && facts)
        guard_read(answer, facts);
    return e;
}

int spooler_ability(struct spooler *s, struct ability *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(s, IPP_OP_GET_PRINTER_ATTRIBUTES, 0);
    if (!r)
        return -ENOMEM;
    ask_attributes(r, ability_attributes, ABILITY_ATTRIBUTES, NULL, 0);
    int e = ask(s, r, NULL, NULL, &answer, trouble);
    if (!e)
        e = judge(s, answer, "Asking for the abilities", trouble);
    if (!e)
        ability_read(answer, ret);
    return e;
}

/* The only job of an answer. */
static void read_one(ipp_t *answer, struct print_job *ret)
{
    ipp_attribute_t *a = ippFirstAttribute(answer);
    print_job_read(answer, &a, ret);
}

/* What makes a job of a CUPS server one that waits for our release, under our UUID, and is nothing but the letter. */
static void ask_held(ipp_t *r, const char *uuid)
{
    static const char *const no_sheets[] = { "none", "none" };
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_URI, "job-uuid", NULL, uuid);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-hold-until", NULL, "indefinite");
    ippAddStrings(r, IPP_TAG_JOB, IPP_TAG_NAME, "job-sheets", 2, NULL, no_sheets);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "copies", 1);
}

/* Ended jobs of the printer, newest first. */
static int ask_ended(struct spooler *s, int limit, ipp_t **ret, struct outcome *trouble)
{
    ipp_t *r = request_new(s, IPP_OP_GET_JOBS, 0);
    if (!r)
        return -ENOMEM;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "completed");
    ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "limit", limit);
    ask_attributes(r, ended_attributes, ARRAY_SIZE(ended_attributes), NULL, 0);
    int e = ask(s, r, NULL, NULL, ret, trouble);
    return e ? e : judge(s, *ret, "Asking for the last jobs", trouble);
}

int spooler_newest(struct spooler *s, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    int e = ask_ended(s, 1, &answer, trouble);
    if (!e)
        read_one(answer, ret);
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

int spooler_create(struct spooler *s, const char *name, const struct uuid *uuid, struct print_job *ret,
                   struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    char text[PRINT_UUID];
    ipp_t *r = request_new(s, IPP_OP_CREATE_JOB, 0);
    if (!r)
        return -ENOMEM;
    print_uuid(uuid, text);
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, s->direct ? text : name);
    if (!s->direct)
        ask_held(r, text);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "media", NULL, s->media);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "sides", NULL, s->sides);
    int e = ask(s, r, NULL, NULL, &answer, trouble);
    if (!e)
        e = judge(s, answer, "Making a job", trouble);
    if (!e)
        read_one(answer, ret);
    return e;
}

/* At a printer: a job that has ended refuses, and so does one that has its one document. */
static bool takes_document(ipp_status_t status)
{
    return status != IPP_STATUS_ERROR_NOT_POSSIBLE && status != IPP_STATUS_ERROR_MULTIPLE_JOBS_NOT_SUPPORTED;
}

int spooler_send(struct spooler *s, int id, const struct document *d, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(s, IPP_OP_SEND_DOCUMENT, id);
    if (!r)
        return -ENOMEM;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, d->media_type);
    ippAddBoolean(r, IPP_TAG_OPERATION, "last-document", 1);
    int e = ask(s, r, NULL, d, &answer, trouble);
    if (!e && s->direct && !takes_document(ippGetStatusCode(answer)))
        return SPOOLER_UNFIT;
    if (!e)
        e = judge(s, answer, "Sending the letter", trouble);
    if (!e)
        read_one(answer, ret);
    return e;
}

static int act(struct spooler *s, ipp_op_t operation, int id, const char *doing, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    int e = ask(s, request_new(s, operation, id), s->direct ? NULL : "/jobs/", NULL, &answer, trouble);
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_FOUND)
        return SPOOLER_GONE;
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_POSSIBLE)
        return SPOOLER_UNFIT;
    return e ? e : judge(s, answer, doing, trouble);
}

int spooler_release(struct spooler *s, int id, struct outcome *trouble)
{
    return act(s, IPP_OP_RELEASE_JOB, id, "Releasing the job", trouble);
}

int spooler_cancel(struct spooler *s, int id, struct outcome *trouble)
{
    return act(s, IPP_OP_CANCEL_JOB, id, "Cancelling the job", trouble);
}

static void ask_job_attributes(const struct spooler *s, ipp_t *r)
{
    ask_attributes(r, job_attributes, ARRAY_SIZE(job_attributes), direct_attributes, s->direct);
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
        e = judge(s, answer, "Asking for jobs", trouble);
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
    int e = ask(s, r, NULL, NULL, &answer, trouble);
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_FOUND)
        return SPOOLER_GONE;
    if (!e)
        e = judge(s, answer, "Asking for a job", trouble);
    if (!e)
        read_one(answer, ret);
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
        e = judge(s, answer, "Listing held jobs", trouble);
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
            e = judge(s, answer, "Listing the jobs", trouble);
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

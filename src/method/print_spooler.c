#include "print_spooler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pindispatch/method.h>

#include "print_request.h"

/* One name for all workers, today and after an upgrade: cupsd shows a job's attributes to its owner. */
static const char requesting_user[] = "pindispatch";

static const char *const printer_attributes[] = { "printer-state", "printer-state-reasons", "printer-state-message",
                                                  "printer-is-accepting-jobs" };
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

int request_judge(struct spooler *s, ipp_t *answer, const char *doing, struct outcome *trouble)
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

int request_send(struct spooler *s, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
                 struct outcome *trouble)
{
    return connection_ask(s->connection, request, resource ? resource : connection_target(s->connection)->resource, d,
                          ret, trouble);
}

ipp_t *request_at(const char *uri, ipp_op_t operation, int job)
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

ipp_t *request_new(struct spooler *s, ipp_op_t operation, int job)
{
    return request_at(connection_target(s->connection)->uri, operation, job);
}

void request_attributes(ipp_t *r, const char *const *names, size_t n, const char *const *more, size_t n_more)
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
    request_attributes(r, printer_attributes, ARRAY_SIZE(printer_attributes), guard_attributes,
                       facts ? GUARD_ATTRIBUTES : 0);
    int e = request_send(s, r, NULL, NULL, &answer, trouble);
    if (!e)
        e = request_judge(s, answer, "Asking for the state", trouble);
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
    request_attributes(r, ability_attributes, ABILITY_ATTRIBUTES, NULL, 0);
    int e = request_send(s, r, NULL, NULL, &answer, trouble);
    if (!e)
        e = request_judge(s, answer, "Asking for the abilities", trouble);
    if (!e)
        ability_read(answer, ret);
    return e;
}

void request_read_job(ipp_t *answer, struct print_job *ret)
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
    int e = request_send(s, r, NULL, NULL, &answer, trouble);
    if (!e)
        e = request_judge(s, answer, "Making a job", trouble);
    if (!e)
        request_read_job(answer, ret);
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
    int e = request_send(s, r, NULL, d, &answer, trouble);
    if (!e && s->direct && !takes_document(ippGetStatusCode(answer)))
        return SPOOLER_UNFIT;
    if (!e)
        e = request_judge(s, answer, "Sending the letter", trouble);
    if (!e)
        request_read_job(answer, ret);
    return e;
}

static int act(struct spooler *s, ipp_op_t operation, int id, const char *doing, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    int e = request_send(s, request_new(s, operation, id), s->direct ? NULL : "/jobs/", NULL, &answer, trouble);
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_FOUND)
        return SPOOLER_GONE;
    if (!e && ippGetStatusCode(answer) == IPP_STATUS_ERROR_NOT_POSSIBLE)
        return SPOOLER_UNFIT;
    return e ? e : request_judge(s, answer, doing, trouble);
}

int spooler_release(struct spooler *s, int id, struct outcome *trouble)
{
    return act(s, IPP_OP_RELEASE_JOB, id, "Releasing the job", trouble);
}

int spooler_cancel(struct spooler *s, int id, struct outcome *trouble)
{
    return act(s, IPP_OP_CANCEL_JOB, id, "Cancelling the job", trouble);
}

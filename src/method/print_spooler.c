#include "print_spooler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <cups/cups.h>

#include <pindispatch/method.h>

enum {
    CONNECT_MILLISECONDS = 10 * 1000,
    ANSWER_SECONDS = 30,
    DEADLINE_SECONDS = 90, /* this process' own: more than both above, less than the dispatcher's patience */
    PAGE_JOBS = 500,       /* cupsd gives no more in one answer */
    PAGES_MOST = 64,
    STANDARD_PORT = 631,
};

/* One name for all workers, today and after an upgrade: cupsd shows a job's attributes to its owner. */
static const char requesting_user[] = "pindispatch";

static const char *const job_attributes[] = { "job-id",
                                              "job-uuid",
                                              "job-state",
                                              "job-state-reasons",
                                              "time-at-processing",
                                              "number-of-documents",
                                              "job-media-sheets-completed",
                                              "job-printer-state-reasons",
                                              "job-printer-state-message" };
static const char *const printer_attributes[] = { "printer-state", "printer-state-reasons", "printer-state-message",
                                                  "printer-is-accepting-jobs" };

struct spooler {
    struct desk *desk;
    http_t *http; /* NULL when not connected */
    char *server, *printer, *media, *sides;
    char uri[HTTP_MAX_URI];
    char resource[HTTP_MAX_URI];
};

DEFINE_CLEANUP(ipp_t, ipp, ippDelete)

/* Libcups would ask the terminal for a password. */
static const char *no_password(const char *prompt, http_t *http, const char *method, const char *resource, void *data)
{
    (void)prompt, (void)http, (void)method, (void)resource, (void)data;
    return NULL;
}

int spooler_new(struct desk *desk, struct spooler **ret)
{
    struct spooler *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->desk = desk;
    s->server = strdup(settings_text(desk->settings, "print.server"));
    s->printer = strdup(settings_text(desk->settings, "print.printer"));
    s->media = strdup(settings_text(desk->settings, "print.media"));
    s->sides = strdup(settings_text(desk->settings, "print.sides"));
    if (!s->server || !s->printer || !s->media || !s->sides) {
        spooler_free(s);
        return -ENOMEM;
    }
    httpAssembleURIf(HTTP_URI_CODING_ALL, s->uri, sizeof(s->uri), "ipp", NULL, "localhost", 0, "/printers/%s",
                     s->printer);
    snprintf(s->resource, sizeof(s->resource), "%s", strstr(s->uri, "/printers/"));
    cupsSetPasswordCB2(no_password, NULL);
    *ret = s;
    return 0;
}

static void disconnect(struct spooler *s)
{
    if (s->http)
        httpClose(s->http);
    s->http = NULL;
}

struct spooler *spooler_free(struct spooler *s)
{
    if (!s)
        return NULL;
    disconnect(s);
    free(s->server);
    free(s->printer);
    free(s->media);
    free(s->sides);
    free(s);
    return NULL;
}

const char *spooler_printer(const struct spooler *s)
{
    return s->printer;
}

/* "host", "host:port", "[::1]:port". */
static int split_server(const char *server, char host[64], int *ret_port)
{
    bool bracket = server[0] == '[';
    const char *start = server + bracket;
    size_t size = strcspn(start, bracket ? "]" : ":");
    const char *rest = start + size + bracket;
    if (!size || size >= 64 || (bracket && start[size] != ']'))
        return -EINVAL;
    snprintf(host, 64, "%.*s", (int)size, start);
    *ret_port = STANDARD_PORT;
    if (!rest[0])
        return 0;
    char *end;
    errno = 0;
    long port = strtol(rest + 1, &end, 10);
    if (rest[0] != ':' || rest[1] < '0' || rest[1] > '9' || *end || errno || port < 1 || port > 65535)
        return -EINVAL;
    *ret_port = (int)port;
    return 0;
}

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

int spooler_check_server(const char *server, struct problem *p)
{
    char host[64];
    int port;
    if (server[0] == '/')
        return strlen(server) < 108 ? 0 : problem_set(p, "range", "", "the path of a socket has 107 bytes at most");
    if (split_server(server, host, &port) < 0)
        return problem_set(p, "server", "", "expected the path of a socket, or a host as in \"localhost:631\"");
    if (!is_loopback(host))
        return problem_set(
            p, "server-not-local", "",
            "only a CUPS server of this machine is talked to: a socket's path, localhost, 127.0.0.1 or [::1]; let "
            "it have the queue of the remote printer");
    return 0;
}

static int destination_trouble(struct outcome *o, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int destination_trouble(struct outcome *o, const char *code, const char *format, ...)
{
    char sentence[sizeof(o->reason)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    outcome_set(o, OUTCOME_DEFERRED, code, "%s", sentence);
    o->destination = true;
    return 1;
}

static int give_up_waiting(http_t *http, void *userdata)
{
    (void)http, (void)userdata;
    return 0;
}

/* A kept connection may have been closed at the other end (cupsd does so after 30 s): bytes or an end of file where
 * silence is due mean that it cannot be used. */
static bool is_usable(http_t *http)
{
    char c;
    return recv(httpGetFd(http), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int connect_server(struct spooler *s, struct outcome *trouble)
{
    struct problem p = { 0 };
    char host[128];
    int port = 0;
    if (s->http && is_usable(s->http))
        return 0;
    disconnect(s);
    if (spooler_check_server(s->server, &p))
        return destination_trouble(trouble, p.code, "%s", p.message);
    if (s->server[0] == '/')
        snprintf(host, sizeof(host), "%s", s->server);
    else
        split_server(s->server, host, &port);
    s->http = httpConnect2(host, port, NULL, AF_UNSPEC, HTTP_ENCRYPTION_NEVER, 1, CONNECT_MILLISECONDS, NULL);
    if (!s->http)
        return destination_trouble(trouble, "server-gone", "The CUPS server %.100s does not answer.", s->server);
    httpSetTimeout(s->http, ANSWER_SECONDS, give_up_waiting, NULL);
    return 0;
}

static int lost(struct spooler *s, struct outcome *trouble)
{
    http_status_t status = httpGetStatus(s->http);
    disconnect(s);
    if (status == HTTP_STATUS_UNAUTHORIZED || status == HTTP_STATUS_FORBIDDEN)
        return destination_trouble(trouble, "server-refuses", "The CUPS server %.100s refuses us access.", s->server);
    return destination_trouble(trouble, "server-gone", "The CUPS server %.100s did not answer a request.", s->server);
}

/* One request and its answer; takes REQUEST. An answer of any IPP status is an answer. cupsDoRequest() is not used:
 * it repeats requests by itself, and a repeated Create-Job is a second job. */
static int ask(struct spooler *s, ipp_t *request, const char *resource, const struct document *d, ipp_t **ret,
               struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *owned = request;
    size_t size = d ? buffer_size(&d->bytes) : 0;
    if (!owned)
        return -ENOMEM;
    s->desk->deadline(s->desk, DEADLINE_SECONDS);
    if (connect_server(s, trouble))
        return 1;
    http_status_t status = cupsSendRequest(s->http, owned, resource, ippLength(owned) + size);
    if (status == HTTP_STATUS_CONTINUE && size)
        status = cupsWriteRequestData(s->http, buffer_bytes(&d->bytes), size);
    *ret = status == HTTP_STATUS_CONTINUE ? cupsGetResponse(s->http, resource) : NULL;
    return *ret ? 0 : lost(s, trouble);
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
        snprintf(code, sizeof(code), "server-refuses");
        others = true;
        break;
    case IPP_STATUS_ERROR_TIMEOUT:
        others = true;
        break;
    default:
        break;
    }
    outcome_set(trouble, others ? OUTCOME_DEFERRED : OUTCOME_FAILED, code, "%s at the printer %.64s: %s%s%s", doing,
                s->printer, ippErrorString(status), words[0] ? ": " : "", words);
    trouble->destination = others;
    return 1;
}

static ipp_t *request_new(struct spooler *s, ipp_op_t operation, int job)
{
    ipp_t *r = ippNewRequest(operation);
    if (!r)
        return NULL;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, s->uri);
    if (job)
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", job);
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, requesting_user);
    return r;
}

int spooler_look(struct spooler *s, struct print_printer *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(s, IPP_OP_GET_PRINTER_ATTRIBUTES, 0);
    if (!r)
        return -ENOMEM;
    ippAddStrings(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", ARRAY_SIZE(printer_attributes), NULL,
                  printer_attributes);
    int e = ask(s, r, s->resource, NULL, &answer, trouble);
    if (!e)
        e = judge(s, answer, "Asking for the state", trouble);
    if (!e)
        print_printer_read(answer, ret);
    return e;
}

/* The only job of an answer. */
static void read_one(ipp_t *answer, struct print_job *ret)
{
    ipp_attribute_t *a = ippFirstAttribute(answer);
    print_job_read(answer, &a, ret);
}

int spooler_create(struct spooler *s, const char *name, const struct uuid *uuid, struct print_job *ret,
                   struct outcome *trouble)
{
    static const char *const no_sheets[] = { "none", "none" };
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    char text[PRINT_UUID];
    ipp_t *r = request_new(s, IPP_OP_CREATE_JOB, 0);
    if (!r)
        return -ENOMEM;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, name);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_URI, "job-uuid", NULL, print_uuid(uuid, text));
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-hold-until", NULL, "indefinite");
    ippAddStrings(r, IPP_TAG_JOB, IPP_TAG_NAME, "job-sheets", 2, NULL, no_sheets);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "media", NULL, s->media);
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "sides", NULL, s->sides);
    ippAddInteger(r, IPP_TAG_JOB, IPP_TAG_INTEGER, "copies", 1);
    int e = ask(s, r, s->resource, NULL, &answer, trouble);
    if (!e)
        e = judge(s, answer, "Making a job", trouble);
    if (!e)
        read_one(answer, ret);
    return e;
}

int spooler_send(struct spooler *s, int id, const struct document *d, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    ipp_t *r = request_new(s, IPP_OP_SEND_DOCUMENT, id);
    if (!r)
        return -ENOMEM;
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, d->media_type);
    ippAddBoolean(r, IPP_TAG_OPERATION, "last-document", 1);
    int e = ask(s, r, s->resource, d, &answer, trouble);
    if (!e)
        e = judge(s, answer, "Sending the letter", trouble);
    if (!e)
        read_one(answer, ret);
    return e;
}

static int act(struct spooler *s, ipp_op_t operation, int id, const char *doing, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    int e = ask(s, request_new(s, operation, id), "/jobs/", NULL, &answer, trouble);
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

static ipp_t *ask_jobs(struct spooler *s, const int *ids, size_t n, int first)
{
    ipp_t *r = request_new(s, IPP_OP_GET_JOBS, 0);
    if (!r)
        return NULL;
    if (ids) {
        ippAddIntegers(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-ids", (int)n, ids);
    } else {
        ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "all");
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "first-job-id", first);
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "limit", PAGE_JOBS);
    }
    ippAddStrings(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", ARRAY_SIZE(job_attributes), NULL,
                  job_attributes);
    return r;
}

/* One id that the server does not know fails the whole request: the caller then asks for each alone. */
static int some_jobs(struct spooler *s, const int *ids, size_t n, struct print_job *ret, struct outcome *trouble)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
    struct print_job job;
    int e = ask(s, ask_jobs(s, ids, n, 0), s->resource, NULL, &answer, trouble);
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

int spooler_jobs(struct spooler *s, const int *ids, size_t n, struct print_job *ret, struct outcome *trouble)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct print_job){ 0 };
    int e = n ? some_jobs(s, ids, n, ret, trouble) : 0;
    if (e != SPOOLER_GONE)
        return e;
    for (size_t i = 0; n > 1 && i < n; i++) {
        e = some_jobs(s, ids + i, 1, ret + i, trouble);
        if (e && e != SPOOLER_GONE)
            return e;
    }
    return 0;
}

int spooler_each(struct spooler *s, void (*each)(void *userdata, const struct print_job *j), void *userdata,
                 struct outcome *trouble)
{
    int first = 1;
    for (unsigned page = 0; page < PAGES_MOST; page++) {
        CLEANUP(ipp_cleanup) ipp_t *answer = NULL;
        struct print_job job;
        int before = first, e = ask(s, ask_jobs(s, NULL, 0, first), s->resource, NULL, &answer, trouble);
        if (!e)
            e = judge(s, answer, "Listing the jobs", trouble);
        if (e)
            return e;
        for (ipp_attribute_t *a = ippFirstAttribute(answer); a && print_job_read(answer, &a, &job);) {
            each(userdata, &job);
            first = job.id >= first ? job.id + 1 : first;
        }
        if (first == before)
            return 0;
    }
    return 0;
}

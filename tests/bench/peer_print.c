/* Letters by libcups and nothing else: bench_peer_print SOCKET PRINTER PDF NUMBER WINDOW
 *
 * The same document NUMBER times by the held two-step (Create-Job held, Send-Document, Release-Job) on one kept
 * connection, with at most WINDOW jobs that are not completed, until the last one is. Prints the seconds. */
#include "tally.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cups/cups.h>

#include <pindispatch/buffer.h>
#include <pindispatch/cleanup.h>
#include <pindispatch/file.h>

enum { PDF_MOST = 1 << 20, CONNECT_MS = 5000, LOOK_NS = 2000000 };

struct loop {
    http_t *http;
    char uri[256], resource[128];
    struct buffer pdf;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_peer_print: %s: %s\n", what, cupsLastErrorString());
    exit(1);
}

static ipp_t *request_new(const struct loop *l, ipp_op_t operation, int job)
{
    ipp_t *r = ippNewRequest(operation);

    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri", NULL, l->uri);
    if (job)
        ippAddInteger(r, IPP_TAG_OPERATION, IPP_TAG_INTEGER, "job-id", job);
    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", NULL, "pindispatch");
    return r;
}

/* Takes REQUEST; the caller deletes the answer. */
static ipp_t *ask(struct loop *l, ipp_t *request, bool with_pdf, const char *what)
{
    size_t size = with_pdf ? buffer_size(&l->pdf) : 0;
    http_status_t status = cupsSendRequest(l->http, request, l->resource, ippLength(request) + size);
    ipp_t *answer = NULL;

    if (status == HTTP_STATUS_CONTINUE && size)
        status = cupsWriteRequestData(l->http, buffer_bytes(&l->pdf), size);
    if (status == HTTP_STATUS_CONTINUE)
        answer = cupsGetResponse(l->http, l->resource);
    ippDelete(request);
    if (!answer || ippGetStatusCode(answer) >= IPP_STATUS_REDIRECTION_OTHER_SITE)
        fail(what);
    return answer;
}

static int create(struct loop *l)
{
    ipp_t *r = request_new(l, IPP_OP_CREATE_JOB, 0);
    ipp_t *answer;
    int id;

    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_NAME, "job-name", NULL, "letter");
    ippAddString(r, IPP_TAG_JOB, IPP_TAG_KEYWORD, "job-hold-until", NULL, "indefinite");
    answer = ask(l, r, false, "Create-Job");
    id = ippGetInteger(ippFindAttribute(answer, "job-id", IPP_TAG_INTEGER), 0);
    ippDelete(answer);
    return id;
}

static void print_letter(struct loop *l)
{
    int id = create(l);
    ipp_t *r = request_new(l, IPP_OP_SEND_DOCUMENT, id);

    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE, "document-format", NULL, "application/pdf");
    ippAddBoolean(r, IPP_TAG_OPERATION, "last-document", 1);
    ippDelete(ask(l, r, true, "Send-Document"));
    ippDelete(ask(l, request_new(l, IPP_OP_RELEASE_JOB, id), false, "Release-Job"));
}

/* How many jobs are not completed. */
static unsigned count_open(struct loop *l)
{
    static const char *const wanted[] = { "job-id" };
    ipp_t *r = request_new(l, IPP_OP_GET_JOBS, 0);
    ipp_t *answer;
    unsigned n = 0;

    ippAddString(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "which-jobs", NULL, "not-completed");
    ippAddStrings(r, IPP_TAG_OPERATION, IPP_TAG_KEYWORD, "requested-attributes", 1, NULL, wanted);
    answer = ask(l, r, false, "Get-Jobs");
    for (ipp_attribute_t *a = ippFirstAttribute(answer); a; a = ippNextAttribute(answer))
        n += ippGetName(a) && strcmp(ippGetName(a), "job-id") == 0;
    ippDelete(answer);
    return n;
}

/* Waits until at most MOST are not completed. */
static unsigned wait_open(struct loop *l, unsigned most)
{
    unsigned n;

    while ((n = count_open(l)) > most)
        nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
    return n;
}

static void print_all(struct loop *l, unsigned number, unsigned window)
{
    unsigned begun = 0, room = window;

    while (begun < number) {
        for (; room > 0 && begun < number; room--, begun++)
            print_letter(l);
        room = window - wait_open(l, window - 1);
    }
    wait_open(l, 0);
}

int main(int argc, char **argv)
{
    struct loop l = { .pdf = BUFFER(PDF_MOST) };
    unsigned number = argc == 6 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    unsigned window = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
    uint64_t start;

    if (number == 0 || window == 0 || file_read(argv[3], &l.pdf) < 0) {
        fputs("usage: bench_peer_print SOCKET PRINTER PDF NUMBER WINDOW\n", stderr);
        return 2;
    }
    snprintf(l.uri, sizeof(l.uri), "ipp://localhost/printers/%s", argv[2]);
    snprintf(l.resource, sizeof(l.resource), "/printers/%s", argv[2]);
    l.http = httpConnect2(argv[1], 0, NULL, AF_UNSPEC, HTTP_ENCRYPTION_NEVER, 1, CONNECT_MS, NULL);
    if (!l.http)
        fail(argv[1]);
    start = now_ns();
    print_all(&l, number, window);
    printf("%.6f\n", (double)(now_ns() - start) / 1e9);
    httpClose(l.http);
    buffer_release(&l.pdf);
    return 0;
}

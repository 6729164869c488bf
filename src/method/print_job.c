#include "print_job.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cups/http.h>
#include <jansson.h>

/* A reason is a keyword (RFC 8011 section 5.1.4). What else a driver says there is passed over: a byte that is no
 * UTF-8 would keep the whole outcome from being told. */
static bool is_keyword(const char *word)
{
    for (const char *c = word; *c; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == ',')
            return false;
    return word[0];
}

/* Appends a reason that fits whole. */
static void add_word(char words[PRINT_WORDS], const char *word)
{
    size_t used = strlen(words);
    if (!word || !is_keyword(word) || strcmp(word, "none") == 0 || print_reason_has(words, word))
        return;
    if (used + strlen(word) + 2 > PRINT_WORDS)
        return;
    snprintf(words + used, PRINT_WORDS - used, "%s%s", used ? "," : "", word);
}

static void read_words(ipp_attribute_t *a, char words[PRINT_WORDS])
{
    for (int i = 0; i < ippGetCount(a); i++)
        add_word(words, ippGetString(a, i, NULL));
}

void print_message_read(ipp_attribute_t *a, char message[PRINT_WORDS])
{
    const char *text = ippGetString(a, 0, NULL);
    json_t *valid = text && strlen(text) < PRINT_WORDS ? json_string(text) : NULL;
    if (valid)
        snprintf(message, PRINT_WORDS, "%s", text);
    json_decref(valid);
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

/* A value that is no text counts as an empty one. */
static const char *text_of(ipp_attribute_t *a)
{
    const char *text = ippGetString(a, 0, NULL);
    return text ? text : "";
}

/* "ipp://localhost:631/printers/pin" → "pin"; the address of a printer itself is none. */
static void read_queue(const char *uri, char queue[PRINT_QUEUE])
{
    char scheme[16], user[64], host[256], path[HTTP_MAX_URI];
    int port;
    if (httpSeparateURI(HTTP_URI_CODING_ALL, uri, scheme, sizeof(scheme), user, sizeof(user), host, sizeof(host),
                        &port, path, sizeof(path)) < HTTP_URI_STATUS_OK)
        return;
    const char *name = strncmp(path, "/printers/", 10) == 0 ? path + 10
                       : strncmp(path, "/classes/", 9) == 0 ? path + 9
                                                            : "";
    json_t *valid = strlen(name) < PRINT_QUEUE ? json_string(name) : NULL;
    if (valid)
        snprintf(queue, PRINT_QUEUE, "%s", name);
    json_decref(valid);
}

/* Seconds of the server. A value that is none: it did not happen. A printer that counts from its start says 0 or less
 * of what happened then or before (RFC 8011, section 5.3.14): the first second stands for both. */
static int time_of(ipp_attribute_t *a)
{
    if (ippGetValueTag(a) != IPP_TAG_INTEGER)
        return 0;
    return ippGetInteger(a, 0) > 0 ? ippGetInteger(a, 0) : 1;
}

static bool read_job_time(ipp_attribute_t *a, const char *name, struct print_job *j)
{
    if (strcmp(name, "time-at-processing") == 0)
        j->began = time_of(a);
    else if (strcmp(name, "time-at-completed") == 0)
        j->ended = time_of(a);
    else if (strcmp(name, "job-printer-up-time") == 0)
        j->now = time_of(a);
    else
        return false;
    return true;
}

static void read_job_attribute(ipp_attribute_t *a, struct print_job *j)
{
    const char *name = ippGetName(a);
    if (read_job_time(a, name, j))
        return;
    if (strcmp(name, "job-id") == 0)
        j->id = ippGetInteger(a, 0);
    else if (strcmp(name, "job-state") == 0)
        j->state = (ipp_jstate_t)ippGetInteger(a, 0);
    else if (strcmp(name, "number-of-documents") == 0)
        j->counts = true, j->documents = ippGetInteger(a, 0);
    else if (strcmp(name, "job-name") == 0)
        snprintf(j->name, sizeof(j->name), "%s", strlen(text_of(a)) < sizeof(j->name) ? text_of(a) : "");
    else if (strcmp(name, "job-preserved") == 0)
        j->document = ippGetBoolean(a, 0) ? PRINT_DOCUMENT_KEPT : PRINT_DOCUMENT_GONE;
    else if (strcmp(name, "job-media-sheets-completed") == 0 && ippGetValueTag(a) == IPP_TAG_INTEGER)
        j->sheets = ippGetInteger(a, 0);
    else if (strcmp(name, "job-printer-uri") == 0)
        read_queue(text_of(a), j->queue);
    else if (strcmp(name, "job-uuid") == 0)
        snprintf(j->uuid, sizeof(j->uuid), "%s", text_of(a));
    else if (strcmp(name, "job-state-reasons") == 0 || strcmp(name, "job-printer-state-reasons") == 0)
        read_words(a, j->reasons);
    else if (strcmp(name, "job-printer-state-message") == 0)
        print_message_read(a, j->message);
}

bool print_job_read(ipp_t *answer, ipp_attribute_t **attr, struct print_job *ret)
{
    ipp_attribute_t *a = *attr;
    *ret = (struct print_job){ .began = LAW_UNTOLD, .sheets = LAW_UNTOLD };
    while (a && (ippGetGroupTag(a) != IPP_TAG_JOB || !ippGetName(a)))
        a = ippNextAttribute(answer);
    bool any = a;
    for (; a && ippGetGroupTag(a) == IPP_TAG_JOB && ippGetName(a); a = ippNextAttribute(answer))
        read_job_attribute(a, ret);
    *attr = a;
    return any;
}

void print_printer_read(ipp_t *answer, struct print_printer *ret)
{
    ipp_attribute_t *a;
    *ret = (struct print_printer){ .state = IPP_PSTATE_IDLE, .accepting = true };
    if ((a = ippFindAttribute(answer, "printer-state", IPP_TAG_ENUM)))
        ret->state = (ipp_pstate_t)ippGetInteger(a, 0);
    if ((a = ippFindAttribute(answer, "printer-is-accepting-jobs", IPP_TAG_BOOLEAN)))
        ret->accepting = ippGetBoolean(a, 0);
    read_words(ippFindAttribute(answer, "printer-state-reasons", IPP_TAG_KEYWORD), ret->reasons);
    print_message_read(ippFindAttribute(answer, "printer-state-message", IPP_TAG_TEXT), ret->message);
}

char *print_uuid(const struct uuid *u, char text[PRINT_UUID])
{
    char plain[UUID_TEXT];
    snprintf(text, PRINT_UUID, "urn:uuid:%s", uuid_format(u, plain));
    return text;
}

bool print_job_is(const struct print_job *j, const struct uuid *u)
{
    char text[PRINT_UUID];
    return strcasecmp(j->uuid, print_uuid(u, text)) == 0;
}

int print_job_rank(const struct print_job *j)
{
    switch (j->state) {
    case IPP_JSTATE_COMPLETED:
        return 5;
    case IPP_JSTATE_PROCESSING:
    case IPP_JSTATE_STOPPED:
        return 4;
    case IPP_JSTATE_PENDING:
        return 3;
    case IPP_JSTATE_HELD:
        return 2;
    case IPP_JSTATE_CANCELED:
    case IPP_JSTATE_ABORTED:
        return 1;
    default:
        return 0;
    }
}

void print_job_tell_open(struct print_job *j)
{
    bool open = print_reason_has(j->reasons, "job-data-insufficient") || (j->counts && !j->documents);
    if (j->state == IPP_JSTATE_PENDING || j->state == IPP_JSTATE_HELD)
        j->state = open ? IPP_JSTATE_HELD : IPP_JSTATE_PENDING;
}

bool print_job_has_ended(const struct print_job *j)
{
    return j->state == IPP_JSTATE_COMPLETED || j->state == IPP_JSTATE_CANCELED || j->state == IPP_JSTATE_ABORTED;
}

bool print_reason_has(const char *reasons, const char *reason)
{
    size_t size = strlen(reason);
    for (const char *at = reasons; (at = strstr(at, reason)); at += size)
        if ((at == reasons || at[-1] == ',') && (at[size] == ',' || !at[size]))
            return true;
    return false;
}

/* The first reason that stops a job until a person or time helps (RFC 8011 section 5.4.12): severity "error", those
 * that mean it by their name, and CUPS' word for a printer that does not answer. */
static bool serious_reason(const char *reasons, char word[32])
{
    static const char *const by_name[] = { "media-empty",         "media-needed",  "media-jam", "toner-empty",
                                           "marker-supply-empty", "cover-open",    "door-open", "input-tray-missing",
                                           "output-area-full",    "offline-report" };
    size_t size;
    for (const char *at = reasons; *at; at += size + (at[size] == ',')) {
        size = strcspn(at, ",");
        bool error = size > 6 && strncmp(at + size - 6, "-error", 6) == 0;
        for (size_t i = 0; i < ARRAY_SIZE(by_name) && !error; i++)
            error = strlen(by_name[i]) == size && strncmp(at, by_name[i], size) == 0;
        if (!error)
            continue;
        snprintf(word, 32, "printer-%.*s", (int)size, at);
        return true;
    }
    return false;
}

static bool trouble_set(const struct print_printer *p, struct outcome *o, const char *code, const char *name,
                        const char *what)
{
    outcome_set(o, o->kind, code, "The printer %.64s %s%s%s.", name, what, p->message[0] ? ": " : "", p->message);
    o->destination = true;
    return true;
}

bool print_printer_trouble(const struct print_printer *p, const char *name, bool new, struct outcome *o)
{
    char code[32];
    if (p->state == IPP_PSTATE_STOPPED)
        return trouble_set(p, o, "printer-stopped", name, "is stopped");
    if (new && !p->accepting)
        return trouble_set(p, o, "printer-not-accepting", name, "takes no jobs");
    if (!new &&serious_reason(p->reasons, code))
        return trouble_set(p, o, code, name, "cannot print");
    return false;
}

#include "print_item.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <pindispatch/clock.h>
#include <pindispatch/json.h>

static const char no_history[] = "cups-ipp-missing-job-history";

void item_begin(struct item *i, struct parcel *p)
{
    char uuid[PRINT_UUID];
    *i = (struct item){ .parcel = p };
    i->intended = p->stage == STAGE_RELEASING || p->stage == STAGE_SPOOLED;
    const char *noted = json_text(p->evidence, "job_uuid");
    if (!noted || strcmp(noted, print_uuid(&p->job_uuid, uuid)) != 0)
        return; /* of an earlier copy */
    i->known_id = (int)json_number(p->evidence, "job_id", 0);
    i->pages = (unsigned)json_number(p->evidence, "pages", 0);
    i->released = json_is_true(json_object_get(p->evidence, "released"));
    i->interrupted = json_is_true(json_object_get(p->evidence, "interrupted"));
    i->looked = json_number(p->evidence, "looked", 0);
    noted = json_text(p->evidence, "server");
    snprintf(i->life, sizeof(i->life), "%s", noted ? noted : "");
    noted = json_text(p->evidence, "printer_job_uuid");
    snprintf(i->printer_uuid, sizeof(i->printer_uuid), "%s", noted ? noted : "");
}

bool item_is(const struct item *i, const struct print_job *j)
{
    char uuid[PRINT_UUID];
    if (i->printer_uuid[0] && j->uuid[0])
        return strcasecmp(j->uuid, i->printer_uuid) == 0;
    return print_job_is(j, &i->parcel->job_uuid) || strcmp(j->name, print_uuid(&i->parcel->job_uuid, uuid)) == 0;
}

/* Did it begin at RESTART (the server's seconds) or later, or go back to the beginning? A job that began earlier was
 * not begun again, and one that never began waits as before. */
static bool may_have_restarted(const struct print_job *j, int64_t restart)
{
    switch (j->state) {
    case IPP_JSTATE_PENDING:
    case IPP_JSTATE_HELD:
        return j->began;
    case IPP_JSTATE_PROCESSING:
    case IPP_JSTATE_STOPPED:
    case IPP_JSTATE_COMPLETED:
        return !j->began || j->began >= restart;
    default:
        return false;
    }
}

/* A restart whose time is not known came after the last look: our seconds stand for the server's. */
void item_look(struct item *i, int64_t asked, const struct print_life *before, const struct print_life *after)
{
    int restart = life_follows(after, i->life);
    if (!i->job.id)
        return;
    if (i->looked && strcmp(i->life, after->name) != 0)
        i->interrupted |= may_have_restarted(&i->job, restart ? restart : i->looked / MICROSECONDS_PER_SECOND);
    i->looked = asked;
    snprintf(i->life, sizeof(i->life), "%s", before->name);
}

bool item_is_stray(const struct item *i, const struct print_job *j)
{
    return i->intended && i->known_id && j->id != i->known_id && j->state == IPP_JSTATE_HELD;
}

void item_consider(struct item *i, const struct print_job *j)
{
    if (item_is_stray(i, j))
        return;
    int new = print_job_rank(j), old = print_job_rank(&i->job);
    if (new > old || (new == old && j->id == i->known_id))
        i->job = *j;
}

bool item_wants_release(const struct item *i)
{
    return i->intended && !i->released && i->job.id && i->job.state == IPP_JSTATE_HELD;
}

bool item_is_ready(const struct item *i, const struct print_job *job, struct outcome *o)
{
    if (!job->id || !item_is(i, job))
        outcome_set(o, OUTCOME_DEFERRED, "job-lost", "The server lost the job %d before it was released.", i->job.id);
    else if (job->state != IPP_JSTATE_HELD)
        outcome_set(o, OUTCOME_DEFERRED, "not-held", "The job %d was not held any more before its release.", job->id);
    else if (job->documents != 1)
        outcome_set(o, OUTCOME_DEFERRED, "documents", "The job %d has %d documents instead of one.", job->id,
                    job->documents);
    else
        return true;
    return false;
}

/* Do as many sheets as the letter has count as printed? With both sides printed, half of them do. */
static bool sheets_fit(const struct item *i)
{
    int pages = (int)i->pages, sheets = i->job.sheets;
    return sheets && (!pages || (sheets <= pages && sheets >= (pages + 1) / 2));
}

static const char *proof(const struct item *i)
{
    if (i->job.state != IPP_JSTATE_COMPLETED)
        return NULL;
    if (print_reason_has(i->job.reasons, no_history))
        return "weak";
    if (i->interrupted)
        return "reprint-possible";
    if (!i->job.sheets)
        return "job-state";
    return sheets_fit(i) ? "sheets" : "weak";
}

/* Is the job beyond being held, whoever released it? */
static bool went_on(const struct print_job *j)
{
    return print_job_rank(j) > print_job_rank(&(struct print_job){ .state = IPP_JSTATE_HELD });
}

static const char *document(const struct item *i)
{
    static const char *const words[] = {
        [PRINT_DOCUMENT_UNTOLD] = "unknown", [PRINT_DOCUMENT_GONE] = "gone", [PRINT_DOCUMENT_KEPT] = "kept"
    };
    return print_job_has_ended(&i->job) ? words[i->job.document] : NULL;
}

json_t *item_evidence(const struct item *i, const char *printer)
{
    char uuid[PRINT_UUID];
    if (!i->job.id)
        return i->parcel->evidence ? json_deep_copy(i->parcel->evidence) : NULL;
    json_t *e = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:b}", "job_id", i->job.id, "job_uuid",
                          print_uuid(&i->parcel->job_uuid, uuid), "printer", printer, "job_state",
                          ippEnumString("job-state", (int)i->job.state), "job_state_reasons", i->job.reasons,
                          "sheets", i->job.sheets, "released", i->released || went_on(&i->job));
    if (e && i->pages)
        json_object_set_new(e, "pages", json_integer(i->pages));
    if (e)
        json_put_text(e, "proof", proof(i));
    if (e && i->looked)
        json_object_set_new(e, "looked", json_integer(i->looked));
    if (e && i->life[0])
        json_put_text(e, "server", i->life);
    if (e && i->interrupted)
        json_object_set_new(e, "interrupted", json_true());
    if (e)
        json_put_text(e, "document", document(i));
    if (e && i->printer_uuid[0])
        json_put_text(e, "printer_job_uuid", i->printer_uuid);
    return e;
}

/* A cupsd that was killed between a print and its note of it finds no document any more, and aborts the job: the
 * reasons are then those of printing, or nobody says why. */
static bool lost_its_document(const struct print_job *j)
{
    return j->state == IPP_JSTATE_ABORTED && !print_reason_has(j->reasons, "aborted-by-system") &&
           (!j->message[0] || print_reason_has(j->reasons, "job-printing"));
}

static void judge_ended(const struct item *i, const char *printer, struct outcome *o)
{
    const char *word = i->job.state == IPP_JSTATE_ABORTED ? "job-aborted" : "job-canceled";
    const struct print_job *j = &i->job;
    if (i->known_id && j->id != i->known_id)
        outcome_set(o, OUTCOME_IN_DOUBT, "history-gone",
                    "The printer %.64s knows nothing of the job %d any more; the job %d was an earlier attempt's.",
                    printer, i->known_id, j->id);
    else if (sheets_fit(i) || lost_its_document(&i->job))
        outcome_set(o, OUTCOME_IN_DOUBT, word, "The printer %.64s ended the job %d after %d sheets: %s%s%s.", printer,
                    j->id, j->sheets, j->reasons[0] ? j->reasons : "no reason given", j->message[0] ? ": " : "",
                    j->message);
    else
        outcome_set(o, OUTCOME_FAILED, word, "The printer %.64s ended the job %d: %s%s%s.", printer, j->id,
                    j->reasons[0] ? j->reasons : "no reason given", j->message[0] ? ": " : "", j->message);
}

static void judge_waiting(const struct item *i, const char *printer, bool accepted, struct outcome *o)
{
    bool printing = i->job.state == IPP_JSTATE_PROCESSING;
    if (accepted)
        outcome_set(o, OUTCOME_DELIVERED, "accepted", "The spooler of %.64s took the job %d.", printer, i->job.id);
    else
        outcome_set(o, OUTCOME_SPOOLED, printing ? "printing" : "waiting", "The job %d %s at the printer %.64s.",
                    i->job.id, printing ? "is being printed" : "waits", printer);
}

static const char restarted[] = ". Its CUPS server was restarted meanwhile, and then prints from the top what it was "
                                "printing. Look for a second letter.";

static void judge_completed(const struct item *i, const char *printer, struct outcome *o)
{
    bool weak = strcmp(proof(i), "weak") == 0;
    if (i->interrupted)
        outcome_set(o, OUTCOME_DELIVERED, "maybe-twice", "The printer %.64s completed the job %d%s", printer,
                    i->job.id, restarted);
    else
        outcome_set(o, OUTCOME_DELIVERED, "printed", "The printer %.64s completed the job %d%s.", printer, i->job.id,
                    weak ? ", by weak proof" : "");
}

void item_judge(const struct item *i, const char *printer, bool accepted, struct outcome *o)
{
    o->evidence = item_evidence(i, printer);
    switch (i->job.id ? i->job.state : 0) {
    case IPP_JSTATE_COMPLETED:
        judge_completed(i, printer, o);
        break;
    case IPP_JSTATE_CANCELED:
    case IPP_JSTATE_ABORTED:
        judge_ended(i, printer, o);
        break;
    case IPP_JSTATE_PENDING:
    case IPP_JSTATE_PROCESSING:
    case IPP_JSTATE_STOPPED:
        judge_waiting(i, printer, accepted, o);
        break;
    case IPP_JSTATE_HELD:
        outcome_set(o, OUTCOME_SPOOLED, "job-held", "Somebody holds the job %d at the printer %.64s.", i->job.id,
                    printer);
        break;
    default:
        outcome_set(o, OUTCOME_IN_DOUBT, "history-gone",
                    "The printer %.64s knows nothing of the released job any more: look whether the letter came out.",
                    printer);
    }
}

void item_released(struct item *i, const char *printer, bool accepted, struct outcome *o)
{
    i->released = true;
    if (i->job.state == IPP_JSTATE_HELD) {
        i->job.state = IPP_JSTATE_PENDING;
        i->job.reasons[0] = '\0';
    }
    item_judge(i, printer, accepted, o);
}

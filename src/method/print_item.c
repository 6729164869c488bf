#include "print_item.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <pindispatch/clock.h>
#include <pindispatch/json.h>

static const char no_history[] = "cups-ipp-missing-job-history";

static void take_text(const json_t *evidence, const char *key, char *text, size_t size)
{
    const char *noted = json_text(evidence, key);
    if (noted)
        snprintf(text, size, "%s", noted);
}

/* Before a letter is moved its place is where it is. */
static void take_place(struct item *i, const json_t *e)
{
    const char *server = json_text(e, "cups_server"), *given = json_text(e, "moved_from");
    if (!json_text(e, "printer"))
        return;
    take_text(e, given ? "moved_from" : "printer", i->place.printer, sizeof(i->place.printer));
    if (server || strstr(i->place.printer, "://"))
        snprintf(i->place.server, sizeof(i->place.server), "%s", server ? server : "");
}

static void take_sight(struct item *i, const json_t *e)
{
    const char *state = json_text(e, "job_state");
    int value = state ? ippEnumValue("job-state", state) : -1;
    if (value <= 0)
        return;
    i->seen = (struct law_sight){ .state = (ipp_jstate_t)value,
                                  .began = (int)json_number(e, "began", LAW_UNTOLD),
                                  .sheets = (int)json_number(e, "sheets", LAW_UNTOLD),
                                  .at = (int)json_number(e, "seen", 0) };
    i->since = (int)json_number(e, "since", 0);
}

void item_begin(struct item *i, struct parcel *p, const struct print_place *here)
{
    const json_t *e = p->evidence;
    char uuid[PRINT_UUID];
    *i = (struct item){ .parcel = p, .place = *here };
    i->intended = p->stage == STAGE_RELEASING || p->stage == STAGE_SPOOLED;
    const char *noted = json_text(e, "job_uuid");
    if (!noted || strcmp(noted, print_uuid(&p->job_uuid, uuid)) != 0)
        return; /* of an earlier copy */
    i->known_id = (int)json_number(e, "job_id", 0);
    i->pages = (unsigned)json_number(e, "pages", 0);
    i->released = json_is_true(json_object_get(e, "released"));
    i->again = json_is_true(json_object_get(e, "interrupted"));
    take_place(i, e);
    i->elsewhere = strcmp(i->place.server, here->server) != 0 ||
                   (!here->server[0] && strcmp(i->place.printer, here->printer) != 0);
    take_sight(i, e);
    take_text(e, "life", i->life, sizeof(i->life));
    take_text(e, "printer_job_uuid", i->printer_uuid, sizeof(i->printer_uuid));
}

const char *item_printer(const struct item *i)
{
    return i->place.server[0] && i->job.queue[0] ? i->job.queue : i->place.printer;
}

/* CUPS' names of queues do not tell capital letters from small ones. */
bool item_is_moved(const struct item *i)
{
    return strcasecmp(item_printer(i), i->place.printer) != 0;
}

bool item_is(const struct item *i, const struct print_job *j)
{
    char uuid[PRINT_UUID];
    if (i->printer_uuid[0] && j->uuid[0])
        return strcasecmp(j->uuid, i->printer_uuid) == 0;
    return print_job_is(j, &i->parcel->job_uuid) || strcmp(j->name, print_uuid(&i->parcel->job_uuid, uuid)) == 0;
}

void item_look(struct item *i, int now, const struct print_life *before, const struct print_life *after)
{
    const struct print_job *j = &i->job;
    const struct law_sight sight = { .state = j->state, .began = j->began, .sheets = j->sheets, .at = j->now };
    const struct law_restart restart = { .known_of =
                                             i->life[0] && after->name[0] && strcmp(i->life, after->name) != 0,
                                         .at = life_follows(after, i->life) };
    if (!j->id)
        return;
    i->again |= law_begins_again(&i->seen, &sight, &restart);
    if (law_has_moved(&i->seen, &sight) || !i->since)
        i->since = j->now ? j->now : now;
    i->seen = sight;
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

bool item_went_on(const struct print_job *j)
{
    bool ended = j->state == IPP_JSTATE_CANCELED || j->state == IPP_JSTATE_ABORTED;
    return ended ? j->began != 0 || j->sheets > 0
                 : print_job_rank(j) > print_job_rank(&(struct print_job){ .state = IPP_JSTATE_HELD });
}

/* A cupsd that was killed between a print and its note of it finds no document any more, and aborts the job: the
 * reasons are then those of printing, or nobody says why. */
static bool lost_its_document(const struct print_job *j)
{
    return j->state == IPP_JSTATE_ABORTED && !print_reason_has(j->reasons, "aborted-by-system") &&
           (!j->message[0] || print_reason_has(j->reasons, "job-printing"));
}

static struct law_word judge(const struct item *i, const struct law_habits *habits, bool accepted)
{
    const struct print_job *j = &i->job;
    bool own = !i->place.server[0];
    const struct law_case c = {
        .now = { .state = j->id ? j->state : 0, .began = j->began, .sheets = j->sheets, .at = j->now },
        .pages = i->pages,
        .counting = habits && !item_is_moved(i) ? habits->counting : LAW_UNKNOWN,
        .again = i->again,
        .supposed = print_reason_has(j->reasons, no_history),
        .faulty = print_reason_has(j->reasons, "job-completed-with-errors") ||
                  print_reason_has(j->reasons, "document-format-error"),
        .explained = own || j->message[0],
        .lost = !own && lost_its_document(j),
        .own = own,
        .accepted = accepted,
    };
    return law_judge(&c);
}

static const char *document(const struct item *i)
{
    static const char *const words[] = {
        [PRINT_DOCUMENT_UNTOLD] = "unknown", [PRINT_DOCUMENT_GONE] = "gone", [PRINT_DOCUMENT_KEPT] = "kept"
    };
    return print_job_has_ended(&i->job) ? words[i->job.document] : NULL;
}

static void put_place(json_t *e, const struct item *i)
{
    json_put_text(e, "printer", item_printer(i));
    json_put_text(e, "moved_from", item_is_moved(i) ? i->place.printer : NULL);
    json_put_text(e, "cups_server", i->place.server[0] ? i->place.server : NULL);
}

/* Seconds of the server, or a word that is true; what is not known, or false, is left out. */
static void put_number(json_t *e, const char *key, int number)
{
    if (number > 0)
        json_object_set_new(e, key, json_integer(number));
}

static void put_flag(json_t *e, const char *key, bool flag)
{
    if (flag)
        json_object_set_new(e, key, json_true());
}

/* For the next look. */
static void put_sight(json_t *e, const struct item *i)
{
    if (i->job.began != LAW_UNTOLD)
        json_object_set_new(e, "began", json_integer(i->job.began));
    put_number(e, "seen", i->seen.at);
    put_number(e, "since", i->since);
    json_put_text(e, "life", i->life[0] ? i->life : NULL);
    put_flag(e, "interrupted", i->again);
    put_flag(e, "parked", i->parked);
}

static json_t *evidence_without_job(const struct item *i)
{
    char uuid[PRINT_UUID];
    if (!i->tried)
        return i->parcel->evidence ? json_deep_copy(i->parcel->evidence) : NULL;
    json_t *e = json_pack("{s:s}", "job_uuid", print_uuid(&i->parcel->job_uuid, uuid));
    if (e)
        put_place(e, i);
    return e;
}

json_t *item_evidence(const struct item *i, const struct law_habits *habits)
{
    char uuid[PRINT_UUID];
    if (!i->job.id)
        return evidence_without_job(i);
    json_t *e =
        json_pack("{s:i, s:s, s:s, s:s, s:b}", "job_id", i->job.id, "job_uuid",
                  print_uuid(&i->parcel->job_uuid, uuid), "job_state", ippEnumString("job-state", (int)i->job.state),
                  "job_state_reasons", i->job.reasons, "released", i->released || item_went_on(&i->job));
    if (!e)
        return NULL;
    put_place(e, i);
    if (i->job.sheets != LAW_UNTOLD)
        json_object_set_new(e, "sheets", json_integer(i->job.sheets));
    put_number(e, "pages", (int)i->pages);
    put_sight(e, i);
    json_put_text(e, "document", document(i));
    json_put_text(e, "proof", habits ? judge(i, habits, false).proof : NULL);
    json_put_text(e, "printer_job_uuid", i->printer_uuid[0] ? i->printer_uuid : NULL);
    return e;
}

/* ---- words ---- */

static const char twice[] = ". It was begun more than once (an error that somebody cleared, a restart, a hold): look "
                            "for a second letter.";

/* ", which was moved there from pin" */
static void tell_move(const struct item *i, char text[PRINT_QUEUE])
{
    text[0] = '\0';
    if (item_is_moved(i))
        snprintf(text, PRINT_QUEUE, ", which somebody moved there from %.64s", i->place.printer);
}

static void tell_ended(const struct item *i, const struct law_word *w, struct outcome *o)
{
    const struct print_job *j = &i->job;
    char sheets[32] = "";
    if (j->sheets > 0)
        snprintf(sheets, sizeof(sheets), " after %d sheets", j->sheets);
    outcome_set(o, w->kind, w->code, "The printer %.64s ended the job %d%s%s: %.40s%s%.72s", item_printer(i), j->id,
                sheets, w->kind == OUTCOME_IN_DOUBT ? ", look for the paper" : "",
                j->reasons[0] ? j->reasons : "no reason given", j->message[0] ? ": " : "", j->message);
}

static void tell_completed(const struct item *i, const struct law_word *w, struct outcome *o)
{
    const char *weak = w->proof && strcmp(w->proof, "weak") == 0 ? ", by weak proof." : ".";
    char moved[PRINT_QUEUE];
    tell_move(i, moved);
    if (strcmp(w->code, "no-sheets") == 0)
        outcome_set(
            o, w->kind, w->code,
            "The printer %.64s completed the job %d%s without a sheet, and counts them otherwise: look whether "
            "the letter came out.",
            item_printer(i), i->job.id, moved);
    else if (strcmp(w->code, "job-errors") == 0)
        outcome_set(o, w->kind, w->code, "The printer %.64s completed the job %d%s with errors: %.80s",
                    item_printer(i), i->job.id, moved, i->job.reasons);
    else
        outcome_set(o, w->kind, w->code, "The printer %.64s completed the job %d%s%s", item_printer(i), i->job.id,
                    moved, i->again ? twice : weak);
}

static void tell_waiting(const struct item *i, const struct law_word *w, struct outcome *o)
{
    const char *printer = item_printer(i);
    char moved[PRINT_QUEUE];
    tell_move(i, moved);
    if (i->job.state == IPP_JSTATE_HELD)
        outcome_set(o, w->kind, w->code, "The job %d is held at the printer %.64s: lp -i %.64s-%d -H resume",
                    i->job.id, printer, printer, i->job.id);
    else if (w->kind == OUTCOME_DELIVERED)
        outcome_set(o, w->kind, w->code, "The spooler of %.64s took the job %d.", printer, i->job.id);
    else if (i->again)
        outcome_set(o, w->kind, w->code,
                    "The job %d at the printer %.64s was begun before, and begins again%s: it may "
                    "come out twice.",
                    i->job.id, printer, moved);
    else
        outcome_set(o, w->kind, w->code, "The job %d %s at the printer %.64s%s.", i->job.id,
                    i->job.state == IPP_JSTATE_PROCESSING ? "is being printed" : "waits", printer, moved);
}

static void tell_gone(const struct item *i, struct outcome *o)
{
    if (i->elsewhere) {
        outcome_set(
            o, OUTCOME_IN_DOUBT, "history-gone",
            "The job %d was released at the printer %.64s%s%.64s, which is not followed any more (print.former): "
            "look there.",
            i->known_id, i->place.printer, i->place.server[0] ? " of " : "", i->place.server);
        return;
    }
    outcome_set(
        o, OUTCOME_IN_DOUBT, "history-gone",
        "The printer %.64s knows nothing of the released job any more (its server may remember fewer jobs than "
        "print.window): look whether the letter came out.",
        i->place.printer);
}

/* The job that was released is gone, and another attempt's is there. */
static bool is_anothers(const struct item *i)
{
    const struct print_job *j = &i->job;
    return i->known_id && j->id != i->known_id && (j->state == IPP_JSTATE_CANCELED || j->state == IPP_JSTATE_ABORTED);
}

void item_judge(const struct item *i, const struct law_habits *habits, bool accepted, struct outcome *o)
{
    struct law_word w = judge(i, habits, accepted);
    o->evidence = item_evidence(i, habits);
    o->unsure = w.unsure;
    if (!i->job.id || !w.code || strcmp(w.code, "history-gone") == 0)
        tell_gone(i, o);
    else if (is_anothers(i))
        outcome_set(o, OUTCOME_IN_DOUBT, "history-gone",
                    "The printer %.64s knows nothing of the job %d any more; the job %d was an earlier attempt's.",
                    i->place.printer, i->known_id, i->job.id);
    else if (i->job.state == IPP_JSTATE_COMPLETED)
        tell_completed(i, &w, o);
    else if (print_job_has_ended(&i->job))
        tell_ended(i, &w, o);
    else
        tell_waiting(i, &w, o);
}

void item_released(struct item *i, const struct law_habits *habits, bool accepted, struct outcome *o)
{
    i->released = true;
    if (i->job.state == IPP_JSTATE_HELD) {
        i->job.state = i->seen.state = IPP_JSTATE_PENDING;
        i->job.reasons[0] = '\0';
    }
    item_judge(i, habits, accepted, o);
}

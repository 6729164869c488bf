/* A CUPS server's or printer's answer: any bytes as an IPP message (RFC 8010), read as jobs and as a printer, and
 * what becomes of a letter by it. Libcups' own reader comes first, as it does in a worker. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cups/ipp.h>
#include <jansson.h>

#include <pindispatch/cleanup.h>
#include <pindispatch/json.h>

#include "print_ability.h"
#include "print_guard.h"
#include "print_item.h"
#include "print_job.h"
#include "print_life.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE = 4096 };

struct bytes {
    const uint8_t *data;
    size_t size;
};

DEFINE_CLEANUP(ipp_t, ipp, ippDelete)

static void must(bool condition)
{
    if (!condition)
        abort();
}

static ssize_t give(void *userdata, ipp_uchar_t *to, size_t most)
{
    struct bytes *b = userdata;
    size_t n = most < b->size ? most : b->size;

    memcpy(to, b->data, n);
    b->data += n;
    b->size -= n;
    return (ssize_t)n;
}

/* What is shown and stored: a bounded string that JSON takes. */
static void must_be_shown(const char *text, size_t most)
{
    must(strnlen(text, most) < most);
    for (const char *c = text; *c; c++)
        must((unsigned char)*c >= ' ');
}

static void must_be_text(const char *text, size_t most)
{
    CLEANUP(json_cleanup) json_t *valid = json_string(text);

    must_be_shown(text, most);
    must(valid != NULL);
}

static void must_be_outcome(struct outcome *o)
{
    must(strnlen(o->code, sizeof(o->code)) < sizeof(o->code));
    must_be_text(o->reason, sizeof(o->reason));
    outcome_release(o);
}

/* The letter's job is whichever the server tells of, under the letter's UUID or another. */
static void judge(const struct print_job *job, enum stage stage)
{
    static const struct print_place here = { "/run/cups/cups.sock", "pin" };
    static const struct law_habits habits = { .counting = LAW_COUNTS };
    static const struct print_life life = { .name = "1/2/3", .count = 2, .started = 3 };
    struct parcel parcel = { .stage = stage };
    struct item i;

    item_begin(&i, &parcel, &here);
    item_consider(&i, job);
    item_look(&i, 1000, &life, &life);
    i.pages = 1;
    for (unsigned accepted = 0; accepted < 2; accepted++) {
        struct outcome followed = { .code = "" }, released = { .code = "" }, ready = { .code = "" };

        (void)item_wants_release(&i);
        item_judge(&i, &habits, accepted, &followed);
        must(followed.kind != OUTCOME_DELIVERED || i.job.state == IPP_JSTATE_COMPLETED || accepted);
        must(item_is_ready(&i, job, &ready) || ready.code[0]);
        item_released(&i, &habits, accepted, &released);
        must_be_outcome(&followed);
        must_be_outcome(&released);
        must_be_outcome(&ready);
    }
}

static void read_jobs(ipp_t *answer)
{
    struct print_job job;

    for (ipp_attribute_t *a = ippFirstAttribute(answer); a && print_job_read(answer, &a, &job);) {
        must(strnlen(job.uuid, sizeof(job.uuid)) < sizeof(job.uuid));
        must_be_text(job.reasons, sizeof(job.reasons));
        must_be_text(job.message, sizeof(job.message));
        must(print_job_rank(&job) >= 0);
        judge(&job, STAGE_BEGUN);
        judge(&job, STAGE_RELEASING);
    }
}

static void read_printer(ipp_t *answer)
{
    struct print_printer printer;
    char words[PRINT_WORDS] = "";

    print_printer_read(answer, &printer);
    must_be_text(printer.reasons, sizeof(printer.reasons));
    must_be_text(printer.message, sizeof(printer.message));
    print_message_read(ippFindAttribute(answer, "status-message", IPP_TAG_TEXT), words);
    must_be_text(words, sizeof(words));
    for (unsigned new = 0; new < 2; new ++) {
        struct outcome o = { .code = "" };

        must(print_printer_trouble(&printer, "pin", new, &o) == (o.code[0] != '\0'));
        must_be_outcome(&o);
    }
}

static void read_ability(ipp_t *answer)
{
    struct outcome o = { .code = "" };
    struct ability ability;

    ability_read(answer, &ability);
    must(strnlen(ability.back, sizeof(ability.back)) < sizeof(ability.back));
    must((ability_judge(&ability, "pin", &o) == 1) == (o.code[0] != '\0'));
    must_be_outcome(&o);
}

static void read_queue(ipp_t *answer)
{
    struct guard_facts facts = { .keeps_documents = false };
    struct guard guard = { .n = 0 };
    json_t *shown, *codes;

    guard_read(answer, &facts);
    guard_judge(&facts, "pin", &guard);
    shown = guard_to_json(&guard);
    codes = guard_codes(&guard);
    must(guard.n <= GUARD_FINDINGS && json_array_size(shown) == guard.n && json_array_size(codes) == guard.n);
    json_decref(shown);
    json_decref(codes);
}

static void read_life(ipp_t *answer)
{
    struct print_life life = { .name = "" };
    char token[LIFE_NAME] = "";
    int id = life_read_watch(answer, token);

    must(id == 0 || strlen(token) == 16);
    life_read_starts(answer, token, &life);
    must_be_text(life.name, sizeof(life.name));
    must(life_follows(&life, life.name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(ipp_cleanup) ipp_t *answer = ippNew();
    struct bytes b = { data, size };
    ipp_state_t state;

    must(answer != NULL);
    do
        state = ippReadIO(&b, give, 1, NULL, answer);
    while (state != IPP_STATE_ERROR && state != IPP_STATE_DATA && b.size > 0);
    if (state != IPP_STATE_DATA)
        return 0;
    read_jobs(answer);
    read_printer(answer);
    read_ability(answer);
    read_queue(answer);
    read_life(answer);
    return 0;
}

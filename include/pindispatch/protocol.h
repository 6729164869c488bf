/* What the dispatcher and a worker say to each other: one JSON object a line over a connected stream socket.
 *
 *   dispatcher → worker                              worker → dispatcher
 *   {"do":"setup","method":…,"settings":{…}}         {"say":"ready"} or {"say":"unfit","code","reason"}
 *   {"do":"deliver","parcel":{…}}                    {"say":"begin","id"}
 *   {"do":"prepare","parcel":{…}} (not claimed yet)
 *   {"do":"claimed"} or {"do":"dropped"}
 *   {"do":"go","ids":[…]}  (after the commit)        {"say":"mark","marks":[{"id","evidence"}…]}
 *   {"do":"stop","ids":[…]} (it was not committed)   {"say":"outcome","id","outcome":{…},"template":hash}
 *   {"do":"tidy"}                                    {"say":"tidied","clean":bool}
 *   {"do":"clear","left":[bool…]}                    {"say":"waiting","jobs":[{"id","job_uuid","job"}…]}
 *   {"do":"quit"}                                    {"say":"bye"}
 *                                                    {"say":"findings","findings":[{"code","reason"}…]}
 *
 * "prepare" comes before the commit of its claim: the worker composes meanwhile, and does nothing else before
 * "claimed", which is over all that was to be prepared; when that was not committed it is "dropped", and no more is
 * said of it. "go" answers a whole "mark", and "clear" a "waiting", in its order; "tidied" comes at the end of each
 * "tidy". Whatever is expected of a worker has a deadline. A worker that sees the end of file stops before its next
 * irreversible step. */
#ifndef PINDISPATCH_PROTOCOL_H
#define PINDISPATCH_PROTOCOL_H

#include <pindispatch/buffer.h>
#include <pindispatch/outcome.h>
#include <pindispatch/parcel.h>
#include <pindispatch/waiting.h>

#include <jansson.h>

enum { PROTOCOL_LINE = 256 * 1024, PROTOCOL_MARKS = 256, PROTOCOL_FINDINGS = 32, PROTOCOL_FINDING = 1024 };

enum order_kind {
    ORDER_SETUP,
    ORDER_DELIVER,
    ORDER_PREPARE,
    ORDER_CLAIMED,
    ORDER_DROPPED,
    ORDER_GO,
    ORDER_STOP,
    ORDER_TIDY,
    ORDER_CLEAR,
    ORDER_QUIT
};

struct order {
    enum order_kind kind;
    char method[32];                 /* setup */
    json_t *settings;                /* setup, owned */
    struct parcel parcel;            /* deliver, prepare; owned */
    struct uuid ids[PROTOCOL_MARKS]; /* go, stop */
    size_t n_ids;
    bool left[WAITING_MOST]; /* clear */
    size_t n_left;
};

enum word_kind {
    WORD_READY,
    WORD_UNFIT,
    WORD_BEGIN,
    WORD_MARK,
    WORD_OUTCOME,
    WORD_WAITING,
    WORD_TIDIED,
    WORD_FINDINGS,
    WORD_BYE
};

struct word {
    enum word_kind kind;
    struct uuid id;         /* begin, outcome */
    struct outcome outcome; /* outcome, owned; unfit: code and reason */
    char template_hash[65]; /* outcome; may be empty */
    json_t *findings;       /* findings: an array of objects with these two texts; owned */
    struct {
        struct uuid id;
        json_t *evidence; /* owned, may be NULL */
    } marks[PROTOCOL_MARKS];
    size_t n_marks;
    struct waiting waiting[WAITING_MOST];
    size_t n_waiting;
    bool clean; /* tidied */
};

/* Parsers: 0, -EINVAL, -ENOMEM; RET is set whole or not at all. Release what they gave. Codes, sentences and evidence
 * are within their bounds (outcome.h), sentences of findings within PROTOCOL_FINDING bytes. */
int order_parse(const char *line, size_t size, struct order *ret);
void order_release(struct order *o);
int word_parse(const char *line, size_t size, struct word *ret);
void word_release(struct word *w);

/* Writers append one line. 0, -ENOMEM, -ENOBUFS. The reason of "unfit" is cut to fit, evidence that is too much left
 * out. */
int order_add_setup(struct buffer *b, const char *method, const json_t *settings);
/* KIND: deliver or prepare. EVENT and EVIDENCE are JSON texts as the store holds them (they may be NULL); P's own
 * members of that name are not looked at, so that the dispatcher need not parse what it only passes on. */
int order_add_parcel(struct buffer *b, enum order_kind kind, const struct parcel *p, const char *event,
                     const char *evidence);
int order_add_ids(struct buffer *b, enum order_kind kind, const struct uuid *ids, size_t n); /* go, stop */
int order_add_plain(struct buffer *b, enum order_kind kind); /* claimed, dropped, tidy, quit */
int order_add_clear(struct buffer *b, const struct waiting *w, size_t n);
int word_add_plain(struct buffer *b, enum word_kind kind); /* ready, bye */
int word_add_unfit(struct buffer *b, const char *code, const char *reason);
int word_add_begin(struct buffer *b, const struct uuid *id);
int word_add_mark(struct buffer *b, struct parcel *const *p, const json_t *const *evidence, size_t n);
int word_add_waiting(struct buffer *b, const struct waiting *w, size_t n);
int word_add_tidied(struct buffer *b, bool clean);
int word_add_findings(struct buffer *b, const json_t *findings);
int word_add_outcome(struct buffer *b, const struct uuid *id, const struct outcome *o, const char *template_hash);

#endif

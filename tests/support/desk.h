/* A desk for tests: serves given parcels with a fixed document and records what a method asks of it. */
#ifndef TESTS_SUPPORT_DESK_H
#define TESTS_SUPPORT_DESK_H

#include <pindispatch/method.h>

enum { STUB_PARCELS = 1024 };

/* A parcel and what became of it. */
struct stub_parcel {
    struct parcel parcel;   /* first member: the method sees only this */
    const char *recipient;  /* of this parcel's document; NULL: the desk's */
    struct outcome trouble; /* compose answers with this when its code is not empty */
    bool handed, reported;
    unsigned composed, begun, marked, reports;
    json_t *mark;           /* the evidence of the last mark, owned; may be NULL */
    struct outcome outcome; /* the last report, owned */
};

struct stub_desk {
    struct desk desk; /* first member */
    struct settings *own;
    struct stub_parcel *parcels[STUB_PARCELS];
    size_t n, next;
    size_t serve; /* parcels that may be handed out so far; SIZE_MAX: all */

    /* The document of every parcel; borrowed. */
    const char *document, *media_type, *sender, *recipient;
    size_t document_size;

    int mark_fails, report_fails; /* -errno that these answer with */
    /* Called within mark and mark_all, before they answer. May be NULL. */
    void (*on_mark)(struct stub_desk *s, struct parcel *const *p, size_t n);
    bool (*on_wait)(struct stub_desk *s, int other);                 /* NULL: nothing is waited for */
    void (*on_compose)(struct stub_desk *s, const struct parcel *p); /* likewise; may be NULL */
    void *userdata;

    json_t *findings; /* as last told; owned */

    const struct uuid *left; /* the copy that leftovers() says is nobody's; borrowed, may be NULL */
    void (*on_leftovers)(struct stub_desk *s, const struct waiting *w, size_t n); /* before it answers; may be NULL */

    unsigned leftovers_calls, mark_calls, deadline_calls, findings_calls;
    unsigned armed;   /* the seconds of the last deadline */
    char trail[4096]; /* "compose mark report " … in order, cut when full */
};

/* All standard values of ROWS; ends the test program when there is no memory. */
struct stub_desk *stub_desk_new(const struct setting *rows);
struct stub_desk *stub_desk_free(struct stub_desk *s);
DEFINE_CLEANUP(struct stub_desk, stub_desk, stub_desk_free)

/* Sets a setting; a refused value ends the test program with its problem. */
void stub_desk_set(struct stub_desk *s, const char *name, const char *value);
/* A new parcel with random ids at STAGE, copy 1, attempt 1, secret pin, an event with a holder. */
struct stub_parcel *stub_desk_add(struct stub_desk *s, enum stage stage);
/* Hands PARCEL out again, as a later attempt: STAGE, EVIDENCE (borrowed, may be NULL) and attempt + 1. */
void stub_desk_again(struct stub_desk *s, struct stub_parcel *p, enum stage stage, json_t *evidence);

#endif

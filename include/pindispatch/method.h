/* The strategy table: one row a way of delivery (src/method/method.c). */
#ifndef PINDISPATCH_METHOD_H
#define PINDISPATCH_METHOD_H

#include <pindispatch/clock.h>
#include <pindispatch/document.h>
#include <pindispatch/event.h>
#include <pindispatch/outcome.h>
#include <pindispatch/parcel.h>
#include <pindispatch/settings.h>
#include <pindispatch/waiting.h>

/* What a method may ask of the worker that it runs in. Methods know neither templates, nor keys, nor wires. */
struct desk {
    const struct settings *settings;
    const struct clock *clock;
    const struct document_form *form; /* set by the method: what compose() makes; NULL: a PDF, or a mail */

    /* The next parcel handed to this worker, or NULL when none is waiting just now (or the worker must end).
     * It stays the desk's and is valid until reported. */
    struct parcel *(*next)(struct desk *d);
    /* Waits until next() has one, OTHER (a descriptor, or -1) can be read or is closed, or the time (microseconds) is
     * over. True: next() has one. */
    bool (*wait)(struct desk *d, int other, int64_t time);
    /* Opens the secret and renders the row's document for PARCEL. 0; 1 with TROUBLE set (report it: deferred,
     * failed or cancelled); -errno. The caller releases the document as soon as it is delivered. A parcel that was
     * never tried may come before its claim is committed, which is waited for here: until then nothing may be done
     * for it at the destination. */
    int (*compose)(struct desk *d, const struct parcel *p, struct document *ret, struct outcome *trouble);
    /* Says that the irreversible step begins; returns after that is committed in the store (0), or -errno: then
     * the step must not be done. -ECANCELED: the dispatcher said no and is still there. -EPIPE: it is gone, and did
     * not hear of it, so that nothing is committed. Any other: it is gone, and nobody here knows.
     * EVIDENCE is borrowed and may be NULL. */
    int (*mark)(struct desk *d, const struct parcel *p, const json_t *evidence);
    /* The same for several at once: one commit. */
    int (*mark_all)(struct desk *d, struct parcel *const *p, const json_t *const *evidence, size_t n);
    /* Notes, without waiting, that bytes of this delivery may be on their way: what is known if the worker dies. */
    int (*begin)(struct desk *d, const struct parcel *p);
    /* Ends the parcel. 0 or -errno (the dispatcher is gone: stop). O is borrowed. */
    int (*report)(struct desk *d, struct parcel *p, const struct outcome *o);
    /* A secret from the systemd credential CREDENTIAL, else from the file that the setting NAME names; NULL in
     * *RET when neither is set. 0; 1 with P; -ENOMEM. */
    int (*credential)(struct desk *d, const char *name, const char *credential, struct secret **ret,
                      struct problem *p);
    /* Tells what is wrong with the destination although it is used: an array of {"code","reason"}, borrowed, which
     * replaces what was told before. 0 or -errno. */
    int (*findings)(struct desk *d, const json_t *findings);
    /* Which of these, at most WAITING_MOST, belong to nothing that is in hand anywhere, and are not what was sent:
     * sets `left`. They can be taken away as long as they still wait after this answer; what is made later is not
     * among them. 0 or -errno. */
    int (*leftovers)(struct desk *d, struct waiting *w, size_t n);
    /* (Re)arms this process's own deadline before a library call that may block: it dies after SECONDS, give or take
     * one. 0: disarms. */
    void (*deadline)(struct desk *d, unsigned seconds);
};

enum method_flags {
    METHOD_KEEPS_NOTHING = 1 << 0, /* recorded at acceptance: no secret is stored, no worker is needed */
    METHOD_FENCED = 1 << 1,        /* what an interrupted attempt left can be found out and undone (print) */
    METHOD_STEPS_BACK = 1 << 2,    /* its workers leave the processor to the server that they work for (print) */
};

/* Something that is no error and that an administrator should know all the same: P->where is the setting's name. */
typedef void method_warning(void *userdata, const struct problem *p);

enum document_kind { DOCUMENT_NONE, DOCUMENT_LETTER, DOCUMENT_MAIL };

struct method {
    const char *names[SECRET_KINDS]; /* the option's value for a PIN and for a PUK: "nopin", "nopuk" */
    unsigned flags;
    enum document_kind document;
    const struct setting *settings; /* its rows of the configuration; may be NULL */
    const char *workers;            /* the setting that says how many workers; NULL: none */
    const char *window;             /* the setting that bounds how many are between claim and end; NULL: no bound */
    const char *destination;        /* the setting that names where it delivers to, for `status`; may be NULL */

    /* What the event must bring for this method. 0, or 1 with P (path and sentence). May be NULL. */
    int (*check)(const struct event *e, const struct settings *s, struct problem *p);
    /* Tells what is allowed and unsafe in these settings. Asked only while the method is in force; SECRETS is what
     * goes this way: "PIN", "PUK" or "PIN and PUK". May be NULL. */
    void (*warn)(const struct settings *s, const char *secrets, method_warning *tell, void *userdata);
    /* The outcome of an attempt that was interrupted when nothing can be found out: false = in doubt, wait for a
     * person; true = try again. May be NULL: false. */
    bool (*retries_doubt)(const struct settings *s);
    /* In a worker: RET_SESSION is kept between calls (connections). Opening must not talk to the peer. */
    int (*open)(struct desk *d, void **ret_session);
    /* In a worker: delivers parcels from desk->next() until there is none, or a session's worth is done, and
     * reports each. 0, or -errno when this worker cannot go on (it then ends). */
    int (*deliver)(struct desk *d, void *session);
    /* In a worker, at times: takes away what interrupted attempts left at the destination and nothing else will look
     * for. 0: nothing was left; 1: something was, or may be: to be done again; -errno as deliver(). May be NULL. */
    int (*tidy)(struct desk *d, void *session);
    void (*close)(void *session);
};

/* The table, ends with NULL. */
extern const struct method *const methods[];

/* The row whose name for this kind of secret is NAME, or NULL. */
const struct method *method_find(enum secret_kind kind, const char *name);
/* The names for this kind, as choices of a setting; ends with NULL. */
const char *const *method_names(enum secret_kind kind);

#endif

/* A card event: CloudEvents 1.0, structured JSON, one line (pindispatch-event(5)). Parsing is strict and pure. */
#ifndef PINDISPATCH_EVENT_H
#define PINDISPATCH_EVENT_H

#include <pindispatch/delivery.h>
#include <pindispatch/problem.h>
#include <pindispatch/secret.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    EVENT_MOST = 64 * 1024, /* bytes of one line */
    EVENT_DIGEST = 32,
    EVENT_ADDRESS_LINES = 8,
};

/* A test of a method is an event of the type EVENT_TEST_TYPE + the method's name ("pindispatch.test.print"). It goes
 * this method's way whatever is configured, and so brings no PIN of anybody: only EVENT_TEST_SECRET, in clear, and
 * EVENT_TEST_PASSWORD. */
#define EVENT_TEST_TYPE     "pindispatch.test."
#define EVENT_TEST_SECRET   "123456"
#define EVENT_TEST_PASSWORD "test-password"

struct event {
    json_t *body; /* the known members, without data.pin, data.puk, data.password, data.sealed and data.secrets */
    char *text;   /* body as compact JSON with sorted keys: what is stored and compared */

    /* Borrowed from body; NULL when absent. Lengths and characters are checked. */
    const char *id, *source, *type, *time, *subject;
    const char *card_id, *card_type;
    const char *holder_name, *holder_email, *holder_locale, *holder_certificate;
    size_t address_lines;

    struct secret *secrets[SECRET_PARTS]; /* those that came in clear */
    char *sealed;                         /* JWE compact, or NULL */
    /* Which secrets the event brings. With `sealed` and without `data.secrets` nobody can know: all bits are
     * set and `stated` is false. */
    bool brings[SECRET_PARTS];
    bool stated;

    unsigned char digest[EVENT_DIGEST]; /* SHA-256 of text: same identity with another digest is a conflict */
};

/* Parses LINE, which is not changed; the caller wipes it. ACCEPT_TYPES ends with NULL.
 * 0; 1 with P filled (codes "json", "missing", "type", "range", "utf-8", "unknown", "email", …; P->where is
 * the JSON path); -ENOMEM. */
int event_parse(const char *line, size_t size, const char *const *accept_types, struct event **ret,
                struct problem *p);
/* What can be said of a line that was refused: an event of `id` and `source` alone, where they obey the rules, and
 * NULL where not. 0; 1 when it is not JSON within the bounds; -ENOMEM. */
int event_identify(const char *line, size_t size, struct event **ret);
/* The body alone, as the store gives it back (no secrets, no rules). 0, -EINVAL, -ENOMEM. */
int event_restore(const char *text, size_t size, struct event **ret);
/* The method that the event is a test of, or NULL for one that is none. */
const char *event_test_method(const struct event *e);
struct event *event_free(struct event *e);
DEFINE_CLEANUP(struct event, event, event_free)

/* An addr-spec that is safe as an SMTP path (RFC 5321 section 4.1.2 without quoting, RFC 5322 section 3.4.1):
 * no CR, LF, NUL, angle brackets, spaces; ASCII; at most 254 bytes. */
bool email_is_safe(const char *address);

#endif

/* Templates: letters (SVG → PDF, PNG) and mails (→ RFC 5322 message) from an event and a secret. */
#ifndef PINDISPATCH_TEMPLATE_H
#define PINDISPATCH_TEMPLATE_H

#include <pindispatch/cleanup.h>
#include <pindispatch/delivery.h>
#include <pindispatch/document.h>
#include <pindispatch/outcome.h>
#include <pindispatch/problem.h>
#include <pindispatch/secret.h>

#include <jansson.h>
#include <stdint.h>

/* One template in all its languages, parsed once: a letter (NAME ends with ".svg": DIR/NAME is the default,
 * DIR/LANG/NAME a language) or a mail (NAME.subject, NAME.txt, NAME.html, each under DIR and DIR/LANG). */
struct letter;
struct mail;

/* What a document is rendered from. All borrowed. */
struct filling {
    const json_t *event; /* the body without secrets */
    enum secret_kind kind;
    const struct secret *secret; /* masked by the caller where it must not be seen */
    const char *delivery_id;
    int64_t created;        /* microseconds since 1970: the letter's or mail's date */
    const char *from;       /* mail: "Name <address>" */
    const char *message_id; /* mail: without angle brackets */
};

/* 0; 1 with P (where = "FILE:LINE[:COLUMN]"); -ENOMEM. Loading checks everything that does not need an event. */
int letter_load(const char *dir, const char *name, struct letter **ret, struct problem *p);
struct letter *letter_free(struct letter *l);
DEFINE_CLEANUP(struct letter, letter, letter_free)
/* 0; 1 with TROUBLE (failed: "glyph-missing", "overflow", "field-missing", "secret-unprintable", "template"; the
 * reason names field and template); -ENOMEM. The language is chosen by data.holder.locale: sv-SE, sv, default. */
int letter_pdf(struct letter *l, const struct filling *f, struct document *ret, struct outcome *trouble);
/* PAGE counts from 0; one that does not exist, or a strange DPI, is the trouble "preview". */
int letter_png(struct letter *l, const struct filling *f, unsigned page, unsigned dpi, struct document *ret,
               struct outcome *trouble);

int mail_load(const char *dir, const char *name, struct mail **ret, struct problem *p);
struct mail *mail_free(struct mail *m);
DEFINE_CLEANUP(struct mail, mail, mail_free)
/* The whole message with CRLF lines, 7-bit; sender and recipient of RET are set. As letter_pdf(); also
 * "email-invalid" (the holder's), and "from-invalid" (ours: deferred, all mail waits for a better one). */
int mail_message(struct mail *m, const struct filling *f, struct document *ret, struct outcome *trouble);

#endif

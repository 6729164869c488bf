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
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One template in all its languages, parsed once: a letter (NAME ends with ".svg": DIR/NAME is the default,
 * DIR/LANG/NAME a language) or a mail (NAME.subject, NAME.txt, NAME.html, each under DIR and DIR/LANG). */
struct letter;
struct mail;

/* What is asked of a template beyond what holds for all. */
struct template_rules {
    bool full_card_number; /* a document with a secret may print {{card.id}} */
    double width, height;  /* of the paper that a letter is printed on, in millimetres; 0: not compared */
};

struct settings;

/* As the settings have it. PAPER: for a letter that is printed (print.media). */
struct template_rules template_rules_of(const struct settings *s, bool paper);

/* What a document is rendered from. All borrowed. */
struct filling {
    const json_t *event; /* the body without secrets */
    enum secret_kind kind;
    const struct secret *secret; /* masked by the caller where it must not be seen */
    const char *delivery_id;
    int64_t created;                 /* microseconds since 1970: the letter's or mail's date */
    const char *from;                /* mail: "Name <address>" */
    const char *message_id;          /* mail: without angle brackets */
    const struct buffer *attachment; /* mail: a PDF that goes with it; NULL: none */
};

/* 0; 1 with P (where = "FILE:LINE[:COLUMN]"); -ENOMEM. Loading checks everything that does not need an event. RULES
 * may be NULL: no card numbers, any size. */
int letter_load(const char *dir, const char *name, const struct template_rules *rules, struct letter **ret,
                struct problem *p);
struct letter *letter_free(struct letter *l);
DEFINE_CLEANUP(struct letter, letter, letter_free)
/* 0; 1 with TROUBLE (failed: "glyph-missing", "overflow", "field-missing", "secret-unprintable", "template"; the
 * reason names field and template); -ENOMEM. The language is chosen by data.holder.locale: sv-SE, sv, default. */
int letter_pdf(struct letter *l, const struct filling *f, struct document *ret, struct outcome *trouble);
/* PAGE counts from 0; one that does not exist, or a strange DPI, is the trouble "preview". */
int letter_png(struct letter *l, const struct filling *f, unsigned page, unsigned dpi, struct document *ret,
               struct outcome *trouble);
/* All pages as FORM wants them. As letter_pdf(); also "letter-too-large". */
int letter_pictures(struct letter *l, const struct filling *f, const struct document_form *form, struct document *ret,
                    struct outcome *trouble);

/* The tags of its languages, the first being "" for the default; NULL after the last one. */
const char *letter_language(const struct letter *l, size_t i);

/* A mail whose name ends with "-cover" goes with a document that holds the secret, and prints none itself. */
bool mail_is_cover(const char *name);
int mail_load(const char *dir, const char *name, const struct template_rules *rules, struct mail **ret,
              struct problem *p);
struct mail *mail_free(struct mail *m);
DEFINE_CLEANUP(struct mail, mail, mail_free)
/* The whole message with CRLF lines, 7-bit; sender and recipient of RET are set. As letter_pdf(); also
 * "email-invalid" (the holder's), and "from-invalid" (ours: deferred, all mail waits for a better one). */
int mail_message(struct mail *m, const struct filling *f, struct document *ret, struct outcome *trouble);

const char *mail_language(const struct mail *m, size_t i);
enum mail_body { MAIL_SUBJECT, MAIL_TEXT, MAIL_HTML, MAIL_BODIES };
/* One part alone, as it is before it is encoded. */
int mail_body(struct mail *m, const struct filling *f, enum mail_body body, struct document *ret,
              struct outcome *trouble);

/* Calls EACH for every template in DIR: letters as "letter.svg", mails as "mail". Stops at and returns a non-zero
 * value. -errno when DIR cannot be read. */
typedef int template_each(void *userdata, const char *name, bool is_letter);
int template_list(const char *dir, template_each *each, void *userdata);

/* Events that are hard on a template: long names, other scripts, fields left out. RET_EVENT is owned by the caller
 * and has LOCALE ("": none). 0; -ENOENT after the last one; -ENOMEM. */
int template_torture(size_t i, const char *locale, const char **ret_name, json_t **ret_event);

/* Everything that is wrong with a template in all its languages: what loading it finds, whether all languages have
 * the same variables and pages, whether its fonts are there, and whether the events of template_torture() fit.
 * IS_WARNING: it depends on who the holders are (a font for another script). 0; 1 when there is an error; -ENOMEM. */
typedef void template_finding(void *userdata, const struct problem *p, bool is_warning);
int template_check(const char *dir, const char *name, const struct template_rules *rules, template_finding *each,
                   void *userdata);

#endif

/* Where a secret may stand: rules that are checked when a template is read. */
#ifndef TEMPLATE_SECRECY_H
#define TEMPLATE_SECRECY_H

#include "mustache.h"

/* Kinds (1 << SECRET_PIN …) that a document prints outside of every section that asks for its kind: in a document
 * that prints both so, each delivery would lack one. */
struct secrecy {
    unsigned bare;
    bool full_card_number; /* may be printed: ISO 9564-1 wants that nothing in a delivery ties a PIN to it */
};

/* M is the parsed S, all of a file. No full card number in a document with a secret, nor in a mail that goes with
 * one. PIN and PUK never in one document: adds to X, which all files of one document share. 0; 1 with F. */
int secrecy_check(const struct mustache *m, const struct mustache_source *s, struct secrecy *x, struct findings *f);

/* May the value stand in the document at all? */
bool secrecy_allows(const struct secrecy *x, const struct mustache_name *name);
#define SECRECY_CARD                                                                                                 \
    "the full card number (card.id) must not go with a secret: print card.short, or set templates.full_card_number"

/* In a mail a secret does not stand on a line with the full card number. 0; 1 with F. */
int secrecy_check_lines(const struct mustache *m, const struct mustache_source *s, struct findings *f);

/* The HTML of a mail loads nothing, runs nothing and sends nothing back, and has the secret in the text that the
 * reader sees. 0; 1 with F. */
int secrecy_check_html(const struct mustache *m, const struct mustache_source *s, struct findings *f);

/* The secret of either kind beside the full card number: what the rule forbids in one text of a letter. */
bool secrecy_prints_both(const struct mustache *m);

#endif

/* Mail that only its holder can read: S/MIME to the holder's certificate (RFC 8551), or a PDF with a password; and
 * plain mail, where that is what the settings say. Stands on the templates. */
#ifndef PINDISPATCH_PROTECT_H
#define PINDISPATCH_PROTECT_H

#include <pindispatch/cleanup.h>
#include <pindispatch/document.h>
#include <pindispatch/outcome.h>
#include <pindispatch/problem.h>
#include <pindispatch/secret.h>
#include <pindispatch/settings.h>
#include <pindispatch/template.h>

#include <stdint.h>

/* The templates, and what certificates must lead to, loaded as email.protection and the settings beside it say. */
struct mailer;

/* 0; 1 with P; -ENOMEM. Borrows S. */
int mailer_new(const struct settings *s, struct mailer **ret, struct problem *p);
struct mailer *mailer_free(struct mailer *m);
DEFINE_CLEANUP(struct mailer, mailer, mailer_free)

/* The whole message, as mail_message(), protected; RET->protection says how. PASSWORD: what a PDF is closed with,
 * NULL when the event brought none. NOW: microseconds since 1970, for certificates. 0; 1 with TROUBLE; -ENOMEM. The
 * troubles are those of the templates, and "certificate-missing", "-form", "-expired", "-future", "-usage",
 * "-address", "-weak", "-untrusted" (failed, or held where email.protection is "auto" and its fallback says so),
 *   "certificates" (deferred for all: the folder cannot be read),
 *   "password-missing", "password-weak" (failed),
 *   "encryption" (failed: the library could not do it). */
int mailer_compose(struct mailer *m, const struct filling *f, const struct secret *password, int64_t now,
                   struct document *ret, struct outcome *trouble);

#endif

/* The message under way, as the library has it. There is one at a time, so that none is open that the server was not
 * asked about. */
#ifndef METHOD_EMAIL_LETTER_H
#define METHOD_EMAIL_LETTER_H

#include <stddef.h>

#include <libesmtp.h>

#include "email_judge.h"

#include <pindispatch/document.h>
#include <pindispatch/parcel.h>

struct letter {
    struct parcel *parcel; /* NULL: there is none */
    struct document document;
    smtp_message_t message;
    smtp_recipient_t recipient;
    char id[MAIL_MESSAGE_ID];
    bool welcome; /* the server takes its recipient */
    size_t given; /* bytes handed to the library */
    bool begun;   /* the first was asked for */
    bool whole;   /* the last was handed over while the connection stood */
};

/* Is there a reply, and does it say yes? */
bool letter_is_good(const smtp_status_t *status);
/* The reply that decides: the first refusal, since what comes after it only echoes it (DATA's 554 after a
 * recipient's 450). */
void letter_reply(const struct letter *l, struct mail_reply *ret);

#endif

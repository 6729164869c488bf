#include "email_letter.h"

#include <stdio.h>

static void fill_reply(struct mail_reply *r, enum mail_step step, const smtp_status_t *status)
{
    *r = (struct mail_reply){ .step = step };
    if (!status || status->code < 0)
        return;
    r->code = status->code;
    if (status->enh_class > 0)
        snprintf(r->enhanced, sizeof(r->enhanced), "%d.%d.%d", status->enh_class, status->enh_subject,
                 status->enh_detail);
    mail_reply_set_text(r, status->text);
}

bool letter_is_good(const smtp_status_t *status)
{
    return status && status->code / 100 == 2;
}

void letter_reply(const struct letter *l, struct mail_reply *r)
{
    const smtp_status_t *mail = smtp_reverse_path_status(l->message);
    const smtp_status_t *rcpt = smtp_recipient_status(l->recipient);

    if (!letter_is_good(mail))
        fill_reply(r, STEP_MAIL, mail);
    else if (!letter_is_good(rcpt))
        fill_reply(r, STEP_RCPT, rcpt);
    else
        fill_reply(r, l->begun ? STEP_MESSAGE : STEP_DATA, smtp_message_transfer_status(l->message));
}

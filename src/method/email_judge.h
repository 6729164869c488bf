/* What a server's reply means for a message. Pure: codes and words in, outcome out. */
#ifndef METHOD_EMAIL_JUDGE_H
#define METHOD_EMAIL_JUDGE_H

#include <pindispatch/document.h>
#include <pindispatch/outcome.h>

#include <stdbool.h>

enum mail_step { STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_MESSAGE }; /* MESSAGE: after the final dot */

enum { MAIL_REPLY = 200, MAIL_MESSAGE_ID = 256 };

struct mail_reply {
    enum mail_step step;
    int code;              /* 0: none came */
    char enhanced[16];     /* RFC 3463: "5.1.1"; may be empty */
    char text[MAIL_REPLY]; /* one line of clean UTF-8 */
};

/* Sets the reply's words: TEXT may be NULL, of several lines, and of any bytes. */
void mail_reply_set_text(struct mail_reply *r, const char *text);

/* A message is judged by its first refusal, or by the reply to its data. */
void mail_judge(const struct mail_reply *r, struct outcome *ret);

/* How the mail was closed. 0, -ENOMEM. */
int mail_protection_add(const struct protection *p, json_t *evidence);
/* {"step","code","enhanced","reply"} into EVIDENCE; nothing when no reply came. 0 or -ENOMEM. */
int mail_reply_add(const struct mail_reply *r, json_t *evidence);

/* Is this a message that libesmtp sends on byte for byte? CRLF lines of at most 998 bytes, seven bits, with the
 * headers From, Date and Message-ID once each (it would add its own), and an envelope without room for commands.
 * 0 with the Message-ID (without brackets); 1 with TROUBLE. */
int mail_check(const struct document *d, char message_id[MAIL_MESSAGE_ID], struct outcome *trouble);

#endif

/* A mail message from its finished parts, which GMime encodes. */
#ifndef TEMPLATE_MESSAGE_H
#define TEMPLATE_MESSAGE_H

#include <pindispatch/buffer.h>
#include <pindispatch/document.h>
#include <pindispatch/outcome.h>
#include <pindispatch/template.h>

/* Who sends, read once for as long as it is the same. */
struct sender {
    char *from;           /* as it was given; NULL: none yet */
    struct buffer header; /* From:, lines that end in LF */
    char address[sizeof(((struct document *)0)->sender)];
};

#define SENDER ((struct sender){ .header = BUFFER(4096) })
void sender_release(struct sender *s);

struct message {
    const struct filling *about;
    struct sender *sender; /* kept by the caller */
    const char *subject;   /* one line, UTF-8 */
    const char *language;  /* RFC 5646; "": not known */
    const struct buffer *text, *html;
};

/* Fills RET: the message, sender and recipient. 0; 1 with TROUBLE; -ENOMEM. */
int message_write(const struct message *m, struct document *ret, struct outcome *trouble);

#endif

/* A mail message from its finished parts, which GMime encodes. */
#ifndef TEMPLATE_MESSAGE_H
#define TEMPLATE_MESSAGE_H

#include <pindispatch/buffer.h>
#include <pindispatch/document.h>
#include <pindispatch/outcome.h>
#include <pindispatch/template.h>

struct message {
    const struct filling *about;
    const char *subject; /* one line, UTF-8 */
    const struct buffer *text, *html;
};

/* Fills RET: the message, sender and recipient. 0; 1 with TROUBLE; -ENOMEM. */
int message_write(const struct message *m, struct document *ret, struct outcome *trouble);

#endif

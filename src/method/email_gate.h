/* The gate: sees every SMTP command before it leaves and every reply before libesmtp parses it, and says when the
 * conversation must end. It knows no library and no socket: bytes in, verdict out.
 *
 * libesmtp alone would take replies that somebody put behind the plaintext 220 for the server's answers under TLS
 * (and be off by one from then on), would go on to MAIL after a failed AUTH, would cut a long line into two
 * replies, read an endless reply for ever, and use CHUNKING, with which it cannot keep replies apart. */
#ifndef METHOD_EMAIL_GATE_H
#define METHOD_EMAIL_GATE_H

#include <stdbool.h>
#include <stddef.h>

enum gate_breach {
    GATE_SOUND,
    GATE_INJECTION, /* bytes that no command asked for */
    GATE_GARBAGE,   /* a line or a reply beyond all bounds */
    GATE_NO_TLS,    /* a command that may not go in clear was about to */
    GATE_NO_AUTH,   /* a command that may not go unauthenticated was about to */
};

enum gate_verb { VERB_GREETING, VERB_EHLO, VERB_STARTTLS, VERB_AUTH, VERB_DATA, VERB_MESSAGE, VERB_OTHER };

enum {
    GATE_LINE = 1000,       /* bytes: libesmtp splits lines at 1023; RFC 5321 allows 512 */
    GATE_REPLY = 64 * 1024, /* bytes of one reply */
    GATE_OUTSTANDING = 8,   /* commands without a reply: libesmtp never has more than two */
    GATE_COMMAND = 12,      /* the longest verb looked at, and its space */
};

struct email_gate {
    bool tls_required, auth_required; /* given; kept by a reset */

    bool tls;             /* set by the caller once the handshake is done and verified */
    bool authenticated;   /* a 2xx to AUTH was seen */
    bool auth_tried;      /* AUTH was sent */
    bool mail_tried;      /* MAIL was sent */
    bool closing;         /* the server said 421 */
    int last[VERB_OTHER]; /* reply code by verb; 0: none yet */
    enum gate_breach breach;

    /* Replies: what is expected, the oldest first, and the line under way. */
    enum gate_verb awaited[GATE_OUTSTANDING];
    unsigned outstanding;
    bool challenged;    /* 334: what leaves next answers it */
    size_t line, reply; /* bytes so far */
    int code;
    bool more;       /* the fourth byte was '-' */
    size_t chunking; /* letters of CHUNKING matched so far */

    /* Commands: the line under way. */
    char command[GATE_COMMAND + 1];
    size_t command_size;
};

/* A new connection: the greeting is awaited. */
void email_gate_reset(struct email_gate *g);
/* Bytes about to be written. False: they must not leave, end the connection; breach says why. */
bool email_gate_out(struct email_gate *g, const char *bytes, size_t size);
/* Bytes just read, before they are parsed; the word CHUNKING in a reply to EHLO is changed in place. False: end
 * the connection. */
bool email_gate_in(struct email_gate *g, char *bytes, size_t size);

#endif

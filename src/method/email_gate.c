#include "email_gate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void email_gate_reset(struct email_gate *g)
{
    *g = (struct email_gate){
        .tls_required = g->tls_required,
        .auth_required = g->auth_required,
        .awaited = { VERB_GREETING },
        .outstanding = 1,
    };
}

static bool breached(struct email_gate *g, enum gate_breach why)
{
    if (!g->breach)
        g->breach = why;
    return false;
}

static bool is_verb(const struct email_gate *g, const char *verb)
{
    size_t n = strlen(verb);

    return strncasecmp(g->command, verb, n) == 0 && (g->command[n] == '\0' || isspace((unsigned char)g->command[n]));
}

static enum gate_verb verb_of(const struct email_gate *g)
{
    if (is_verb(g, "EHLO") || is_verb(g, "HELO"))
        return VERB_EHLO;
    if (is_verb(g, "STARTTLS"))
        return VERB_STARTTLS;
    if (is_verb(g, "AUTH"))
        return VERB_AUTH;
    return is_verb(g, "DATA") ? VERB_DATA : VERB_OTHER;
}

/* What may be said to anybody at all. */
static bool is_harmless(const struct email_gate *g, enum gate_verb verb)
{
    return verb == VERB_EHLO || verb == VERB_STARTTLS || is_verb(g, "QUIT");
}

static bool awaits(const struct email_gate *g, enum gate_verb verb)
{
    return g->outstanding > 0 && g->awaited[0] == verb;
}

static bool await(struct email_gate *g, enum gate_verb verb)
{
    if (g->outstanding == GATE_OUTSTANDING)
        return breached(g, GATE_GARBAGE);
    g->awaited[g->outstanding++] = verb;
    return true;
}

/* A whole command line is known. */
static bool pass_command(struct email_gate *g)
{
    /* The answer to a 334 is base64 and no command, whatever its letters spell. */
    bool answer = g->challenged && !strchr(g->command, ' ');
    enum gate_verb verb = answer ? VERB_AUTH : verb_of(g);

    if (awaits(g, VERB_MESSAGE) && is_verb(g, "."))
        return true; /* the message that a server asked for although it refused the recipient: without a line */
    if (g->tls_required && !g->tls && !is_harmless(g, verb))
        return breached(g, GATE_NO_TLS);
    if (g->auth_required && !g->authenticated && verb != VERB_AUTH && !is_harmless(g, verb))
        return breached(g, GATE_NO_AUTH);
    if (!await(g, verb))
        return false;
    g->challenged = false;
    g->auth_tried |= verb == VERB_AUTH;
    g->mail_tried |= verb == VERB_OTHER && is_verb(g, "MAIL");
    g->reply = 0;
    return true;
}

bool email_gate_out(struct email_gate *g, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && !g->breach; i++) {
        if (bytes[i] != '\n') {
            if (g->command_size < GATE_COMMAND)
                g->command[g->command_size++] = bytes[i];
            continue;
        }
        g->command[g->command_size] = '\0';
        g->command_size = 0;
        pass_command(g);
    }
    return !g->breach;
}

/* libesmtp has no switch against CHUNKING. With it a connection that stalls after the first chunk leaves that
 * chunk's 250 as the status of the message, and a 452 is overwritten by the 503 to the next chunk. So the library
 * does not get to see that it is offered: the last letter is changed, whatever the reads are split into. */
static void hide_chunking(struct email_gate *g, char *byte)
{
    static const char word[] = "CHUNKING";
    char c = (char)toupper((unsigned char)*byte);

    g->chunking = c == word[g->chunking] ? g->chunking + 1 : c == word[0];
    if (word[g->chunking])
        return;
    g->chunking = 0;
    *byte = '-';
}

static enum gate_verb take_awaited(struct email_gate *g)
{
    enum gate_verb verb = g->awaited[0];

    memmove(&g->awaited[0], &g->awaited[1], --g->outstanding * sizeof(g->awaited[0]));
    return verb;
}

/* The last line of a reply came. */
static bool pass_reply(struct email_gate *g)
{
    enum gate_verb verb;

    if (g->code == 421)
        g->closing = true;
    if (!g->outstanding)
        return g->code == 421 || breached(g, GATE_INJECTION);
    verb = take_awaited(g);
    g->reply = 0;
    if (verb < VERB_OTHER)
        g->last[verb] = g->code;
    if (verb == VERB_AUTH) {
        g->authenticated |= g->code / 100 == 2;
        g->challenged = g->code == 334;
    }
    /* The message itself is answered too. */
    return verb != VERB_DATA || g->code != 354 || await(g, VERB_MESSAGE);
}

static void scan_line(struct email_gate *g, char c)
{
    if (g->line < 3 && isdigit((unsigned char)c))
        g->code = g->code * 10 + (c - '0');
    if (g->line == 3)
        g->more = c == '-';
    g->line++;
}

/* Bytes that nobody asked for: in clear there are none; under TLS a server may still say 421 and go. */
static bool is_uncalled(const struct email_gate *g, char c)
{
    return !g->outstanding && (!g->tls || (g->line == 0 && c != '4'));
}

static bool pass_byte(struct email_gate *g, char *byte)
{
    if (is_uncalled(g, *byte))
        return breached(g, GATE_INJECTION);
    if (++g->reply > GATE_REPLY || g->line == GATE_LINE)
        return breached(g, GATE_GARBAGE);
    if (awaits(g, VERB_EHLO))
        hide_chunking(g, byte);
    if (g->line == 0) {
        g->code = 0;
        g->more = false;
    }
    if (*byte != '\n') {
        scan_line(g, *byte);
        return true;
    }
    g->line = 0;
    return g->more || pass_reply(g);
}

bool email_gate_in(struct email_gate *g, char *bytes, size_t size)
{
    for (size_t i = 0; i < size && !g->breach; i++)
        pass_byte(g, &bytes[i]);
    return !g->breach;
}

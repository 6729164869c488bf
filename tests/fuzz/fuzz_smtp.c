/* The gate under any order of commands and replies, and what is made of a server's words and of a message.
 *
 * Input: pieces, each a byte of direction and length (the high bit: a command; else a reply), then its bytes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <email_gate.h>
#include <email_judge.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The laws of the gate: a breach stays, nothing passes after it, and MAIL needs what was required. */
static void converse(const uint8_t *data, size_t size, struct email_gate *g)
{
    while (size > 1) {
        size_t n = data[0] & 0x7f;
        bool command = data[0] & 0x80, sound = !g->breach, passed;
        char piece[128];

        data++, size--;
        if (n > size)
            n = size;
        memcpy(piece, data, n);
        passed = command ? email_gate_out(g, piece, n) : email_gate_in(g, piece, n);
        must(passed == !g->breach && (sound || !passed));
        if (command)
            must(memcmp(piece, data, n) == 0);
        must(!g->mail_tried || ((g->tls || !g->tls_required) && (g->authenticated || !g->auth_required)));
        data += n;
        size -= n;
        if (g->last[VERB_STARTTLS] == 220)
            g->tls = true;
    }
}

static void judge(const uint8_t *data, size_t size)
{
    struct mail_reply r = { .step = STEP_MESSAGE, .code = size ? data[0] * 3 : 0 };
    struct outcome o = { .code = "" };
    char text[1024];
    size_t n = size < sizeof(text) ? size : sizeof(text) - 1;

    memcpy(text, data, n);
    text[n] = '\0';
    mail_reply_set_text(&r, text);
    mail_judge(&r, &o);
    must(o.kind != OUTCOME_DELIVERED || r.code / 100 == 2);
    for (const char *c = o.reason; *c; c++)
        must(*c >= ' ' && *c < 0x7f);
}

static void check(const uint8_t *data, size_t size)
{
    struct document d = DOCUMENT;
    struct outcome o = { .code = "" };
    char id[MAIL_MESSAGE_ID];

    memcpy(d.sender, "a@example.com", 14);
    memcpy(d.recipient, "b@example.com", 14);
    if (buffer_add(&d.bytes, data, size) == 0 && mail_check(&d, id, &o) == 0)
        must(strlen(id) > 0 && !strpbrk(id, "<>\r\n"));
    document_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct email_gate g = { .tls_required = size && (data[0] & 1), .auth_required = size && (data[0] & 2) };

    email_gate_reset(&g);
    if (size)
        converse(data + 1, size - 1, &g);
    judge(data, size);
    check(data, size);
    return 0;
}

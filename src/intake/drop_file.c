#include "drop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pindispatch/crashpoint.h>
#include <pindispatch/lines.h>
#include <pindispatch/log.h>

#include "admit.h"
#include "aside.h"

enum {
    LINES_TURN = 64,    /* as many as of one client */
    WAITING_MOST = 512, /* lines without a commit */
    REASON_MOST = 16 * 1024,
};

struct drop_file {
    struct admit *admit;
    int dir; /* borrowed */
    char *name;
    struct lines lines;
    struct tickets waiting;
    struct aside aside;
    struct origin origin;
    void (*notify)(void *owner);
    void *owner;
    unsigned line; /* number of the last one read */
    bool skipping; /* the rest of a line that is too long */
    bool at_end;   /* all is read, or enough is known */
    bool again;    /* a refusal for now, or trouble with the directory */
};

static int open_regular(int dir, const char *name, uid_t *ret_owner)
{
    /* O_NONBLOCK: a FIFO must not stop the loop. */
    CLEANUP(fd_cleanup) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    *ret_owner = st.st_uid;
    return fd_take(&fd);
}

int drop_file_open(struct admit *a, int dir, const char *name, void (*notify)(void *owner), void *owner,
                   struct drop_file **ret)
{
    CLEANUP(drop_file_cleanup) struct drop_file *f = calloc(1, sizeof(*f));
    uid_t uid = 0;

    if (!f)
        return -ENOMEM;
    f->admit = a;
    f->dir = dir;
    f->notify = notify;
    f->owner = owner;
    f->lines = (struct lines){ .fd = -1, .input = BUFFER(EVENT_MOST + 1) };
    f->name = strdup(name);
    f->aside = ASIDE(f->name);
    if (!f->name)
        return -ENOMEM;
    f->lines.fd = open_regular(dir, name, &uid);
    if (f->lines.fd < 0)
        return f->lines.fd;
    f->origin = (struct origin){ .what = "drop", .uid = (int64_t)uid };
    *ret = TAKE(f);
    return 0;
}

struct drop_file *drop_file_free(struct drop_file *f)
{
    if (!f)
        return NULL;
    tickets_abandon(&f->waiting);
    aside_release(&f->aside);
    buffer_release(&f->lines.input);
    fd_close(f->lines.fd);
    free(f->name);
    free(f);
    return NULL;
}

static void stop_for_now(struct drop_file *f)
{
    f->again = true;
    f->at_end = true;
}

static void check_aside(struct drop_file *f, int r)
{
    if (r == 0)
        return;
    log_plain(LOG_ERR, "rejected lines of %s cannot be put aside: %s", f->name, strerror(-r));
    stop_for_now(f);
}

static void put_line_aside(struct drop_file *f, const char *line, size_t size)
{
    int r = aside_add(&f->aside, f->dir, line, size);

    check_aside(f, r == 0 ? aside_add(&f->aside, f->dir, "\n", 1) : r);
}

static void explain(struct drop_file *f, const struct ticket *t)
{
    struct buffer reason = BUFFER(REASON_MOST);
    int r = ticket_answer(t, f->line, &reason); /* with the number, as the issuer's people look for it */

    if (r == 0)
        r = aside_explain(&f->aside, f->dir, &reason);
    buffer_release(&reason);
    check_aside(f, r);
}

/* True when T is refused for good, which is known at once also where its answer waits for the commit (a conflict). */
static bool is_refused(struct drop_file *f, const struct ticket *t)
{
    if (t->verdict == VERDICT_REJECTED && t->retry_after > 0)
        stop_for_now(f);
    return t->verdict == VERDICT_REJECTED && t->retry_after == 0;
}

static void forget_settled(struct drop_file *f)
{
    struct ticket *t;

    while ((t = tickets_pop(&f->waiting)) != NULL) {
        if (t->retry_after > 0)
            stop_for_now(f);
        ticket_free(t);
    }
}

static void on_settled(void *owner)
{
    struct drop_file *f = owner;

    forget_settled(f);
    f->notify(f->owner);
}

static bool is_blank(const char *line, size_t size)
{
    return strspn(line, " \t\r") == size;
}

static struct ticket *add_ticket(struct drop_file *f)
{
    struct ticket *t = ticket_new(f->admit, on_settled, f);

    if (t)
        tickets_push(&f->waiting, t);
    else
        stop_for_now(f);
    return t;
}

static void take_line(struct drop_file *f, const char *line, size_t size)
{
    struct ticket *t;

    f->line++;
    if (is_blank(line, size))
        return;
    t = add_ticket(f);
    if (!t)
        return;
    admit_line(f->admit, t, &f->origin, line, size);
    if (is_refused(f, t)) {
        explain(f, t);
        put_line_aside(f, line, size);
    }
}

/* A line that is too long comes in pieces. */
static void take_piece(struct drop_file *f)
{
    struct ticket *t = NULL;

    f->lines.taken = buffer_size(&f->lines.input);
    if (!f->skipping) {
        f->skipping = true;
        f->line++;
        t = add_ticket(f);
    }
    if (t) {
        admit_too_long(f->admit, t);
        explain(f, t);
    }
    check_aside(f, aside_add(&f->aside, f->dir, buffer_bytes(&f->lines.input), f->lines.taken));
}

static void take_last_piece(struct drop_file *f, const char *line, size_t size)
{
    f->skipping = false;
    put_line_aside(f, line, size);
}

static void read_line(struct drop_file *f)
{
    char *line = "";
    size_t size = 0;
    int r = lines_next(&f->lines, true, &line, &size);

    if (r == -ENOBUFS)
        take_piece(f);
    else if (r < 0)
        stop_for_now(f);
    else if (f->skipping)
        take_last_piece(f, line, size);
    else if (r > 0)
        take_line(f, line, size);
    if (r == 0)
        f->at_end = true;
}

static enum drop_state conclude(struct drop_file *f)
{
    int r;

    if (f->again)
        return DROP_AGAIN;
    CRASH_POINT("drop.committed");
    r = aside_publish(&f->aside);
    CRASH_POINT("drop.published");
    if (r == 0 && unlinkat(f->dir, f->name, 0) < 0 && errno != ENOENT)
        r = -errno;
    CRASH_POINT("drop.cleared");
    if (r == 0)
        return DROP_DONE;
    aside_withdraw(&f->aside);
    log_plain(LOG_ERR, "%s is taken but cannot be cleared away: %s", f->name, strerror(-r));
    return DROP_AGAIN;
}

enum drop_state drop_file_step(struct drop_file *f)
{
    for (unsigned i = 0; i < LINES_TURN && !f->at_end && f->waiting.n < WAITING_MOST; i++)
        read_line(f);
    forget_settled(f);
    if (!f->at_end && f->waiting.n < WAITING_MOST)
        return DROP_READING;
    return f->waiting.n > 0 ? DROP_WAITING : conclude(f);
}

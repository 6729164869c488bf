#include <pindispatch/intake.h>

#include <errno.h>
#include <stdlib.h>

#include <pindispatch/commit.h>
#include <pindispatch/site.h>

#include "admit.h"
#include "drop.h"
#include "submit.h"

struct intake {
    struct admit admit;
    struct submit *submit;
    struct drop *drop;
};

int intake_new(const struct site *site, struct intake **ret)
{
    struct intake *i = calloc(1, sizeof(*i));

    if (!i)
        return -ENOMEM;
    i->admit.site = site;
    *ret = i;
    return 0;
}

struct intake *intake_free(struct intake *i)
{
    if (!i)
        return NULL;
    submit_free(i->submit);
    drop_free(i->drop);
    /* The commit still knows tickets that nobody waits for: they end with it. */
    if (i->admit.pending > 0)
        (void)commit_flush(i->admit.site->commit);
    free(i);
    return NULL;
}

int intake_listen(struct intake *i, int fd)
{
    if (i->submit) {
        fd_close(fd);
        return -EALREADY;
    }
    return submit_new(&i->admit, fd, &i->submit);
}

int intake_watch(struct intake *i, const char *dir)
{
    i->drop = drop_free(i->drop);
    return dir ? drop_new(&i->admit, dir, &i->drop) : 0;
}

void intake_stop(struct intake *i)
{
    if (i->submit)
        submit_stop(i->submit);
    if (i->drop)
        drop_stop(i->drop);
}

bool intake_is_busy(const struct intake *i)
{
    return i->admit.pending > 0 || (i->drop && drop_is_busy(i->drop));
}

void intake_stat(const struct intake *i, struct intake_stat *ret)
{
    *ret = i->admit.stat;
}

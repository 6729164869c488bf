#include "print_former.h"

#include <stdio.h>
#include <string.h>

#include "print_target.h"

static int open_one(struct print_former *f, struct desk *d, size_t n, struct spooler **ret)
{
    struct print_place place;
    int r = 0;
    print_place_read(d->settings, &place);
    snprintf(place.server, sizeof(place.server), "%s", settings_list(d->settings, "print.former")[n]);
    if (strstr(place.printer, "://"))
        snprintf(place.printer, sizeof(place.printer), "-"); /* no queue is asked for there */
    if (!f->spoolers[n])
        r = spooler_new(d, &place, &f->spoolers[n]);
    *ret = f->spoolers[n];
    return r;
}

/* Moves the letters that are at SERVER from B to THERE; those that nobody looks for yet stay. */
static void take_items(struct batch *b, struct batch *there, const char *server)
{
    size_t kept = 0;
    for (size_t k = 0; k < b->n; k++) {
        struct item *i = &b->items[k];
        bool is_there = strcmp(i->place.server, server) == 0 && batch_is_open(i, STAGES_OLD | 1 << STAGE_BEGUN);
        struct item *to = is_there ? &there->items[there->n++] : &b->items[kept++];
        if (to != i)
            *to = *i;
    }
    b->n = kept;
}

/* What is to be made anew. */
static void give_back(struct batch *b, const struct batch *there)
{
    for (size_t k = 0; k < there->n; k++) {
        struct item *i = &b->items[b->n];
        if (there->items[k].done)
            continue;
        item_begin(i, there->items[k].parcel, spooler_place(b->spooler));
        i->place = *spooler_place(b->spooler);
        b->n++;
    }
}

/* Nothing goes to a server that does not answer, and new letters do not wait for it. */
static int settle_unreachable(struct batch *there, struct outcome *trouble)
{
    trouble->destination = false;
    for (size_t k = 0; k < there->n; k++)
        there->items[k].parked = true;
    return batch_settle_all(there, STAGES_OLD | 1 << STAGE_BEGUN, trouble);
}

static int work_there(struct batch *there)
{
    struct outcome trouble = { 0 };
    int e = batch_find(there, &trouble);
    if (!e)
        e = batch_fence(there, &trouble);
    if (e > 0)
        return settle_unreachable(there, &trouble);
    if (!e)
        e = batch_release(there);
    return e ? e : batch_follow(there);
}

static int work_one(struct print_former *f, struct batch *b, size_t n, const char *server)
{
    struct print_watch idle = { .judged = false };
    struct batch there = { .desk = b->desk,
                           .watch = &idle,
                           .habits = &f->habits[n],
                           .release = batch_release_held,
                           .former = true,
                           .accepted = b->accepted };
    take_items(b, &there, server);
    int r = there.n ? open_one(f, b->desk, n, &there.spooler) : 0;
    if (r == 0 && there.n)
        r = work_there(&there);
    give_back(b, &there);
    return r;
}

int former_work(struct print_former *f, struct batch *b)
{
    const char *const *servers = settings_list(b->desk->settings, "print.former");
    const char *here = spooler_place(b->spooler)->server;
    int r = 0;
    for (size_t n = 0; r == 0 && n < FORMER_SERVERS && servers[n]; n++)
        if (strcmp(servers[n], here) != 0)
            r = work_one(f, b, n, servers[n]);
    return r;
}

int former_sweep(struct print_former *f, struct desk *d)
{
    const char *const *servers = settings_list(d->settings, "print.former");
    struct spooler *s;
    int r = 0, left = 0;
    for (size_t n = 0; r == 0 && n < FORMER_SERVERS && servers[n]; n++) {
        r = open_one(f, d, n, &s);
        int e = r == 0 ? print_sweep(d, s) : 0;
        r = e < 0 ? e : r;
        left |= e > 0;
    }
    return r < 0 ? r : left;
}

void former_close(struct print_former *f)
{
    for (size_t n = 0; n < FORMER_SERVERS; n++)
        f->spoolers[n] = spooler_free(f->spoolers[n]);
}

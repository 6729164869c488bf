#include "sqlite.h"

#include <errno.h>
#include <string.h>

static int refuse(struct sqlite *s, int r, struct problem *p)
{
    return problem_set(p, "store", s->path, "the store takes no changes: %s",
                       r == -EUCLEAN ? "the file is damaged" : strerror(-r));
}

/* Of its structure only: what the rows say is the audit chain's to prove. */
static int check_structure(struct sqlite *s)
{
    sqlite3_stmt *q = NULL;
    int r = -EUCLEAN;

    if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL) != SQLITE_OK)
        return sqlite_errno(s->db);
    if (sqlite3_step(q) != SQLITE_ROW)
        r = sqlite_errno(s->db);
    else if (column_text(q, 0) && strcmp(column_text(q, 0), "ok") == 0)
        r = 0;
    sqlite3_finalize(q);
    return r;
}

/* Closing copies what is committed from the log into the database, in new writes with a sync of their own, and
 * removes the log with what was undone. Where that fails the log stays, and opening copies it: with what was undone,
 * if that is whole in the file. Either way nothing hangs on a sync that failed before. */
static int reopen(struct sqlite *s, struct problem *p)
{
    int r;

    sqlite_stop(s);
    s->dead = 0;
    s->base.untidy = true;
    r = sqlite_start(s, p);
    if (r == 0 && s->suspect) {
        r = check_structure(s);
        if (r < 0)
            r = refuse(s, r, p);
    }
    /* All of it, which opening does only as far as no reader is in the way: what comes after frames of the log that
     * are not on disk would be lost with them. */
    if (r == 0) {
        r = sqlite_empty_log(s);
        if (r < 0)
            r = refuse(s, r, p);
    }
    s->suspect = s->suspect && r != 0;
    if (r == 0)
        return 0;
    sqlite_stop(s);
    s->dead = -EIO;
    return r;
}

int sqlite_revive(struct store *store, struct problem *p)
{
    struct sqlite *s = sqlite_of(store);
    int r = store->dirty ? -EBUSY : 0;

    if (r == 0 && (s->dead || s->suspect))
        r = reopen(s, p);
    if (r != 0)
        return r;
    r = sqlite_touch(s);
    return r == 0 || r == -ENOMEM ? r : refuse(s, r, p);
}

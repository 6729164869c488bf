/* What the tests of the SQLite backend share: a store of that kind, and another program's hand on its file. */
#ifndef PINDISPATCH_TEST_STORE_SQLITE_FIXTURE_H
#define PINDISPATCH_TEST_STORE_SQLITE_FIXTURE_H

#include "fixture.h"

#include <sqlite3.h>

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fixture_begin(f, "sqlite");
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    fixture_end(*state);
    free(*state);
    return 0;
}

/* The store is closed meanwhile. */
static inline void edit(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;

    fixture_close(f);
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#endif

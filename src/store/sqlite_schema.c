#include "sqlite.h"

#include <errno.h>
#include <stdio.h>

#include "schema_steps.h"

#include <pindispatch/crashpoint.h>

enum { APPLICATION_ID = 0x50494e44 }; /* "PIND", in the file's header */

unsigned sqlite_newest_schema(void)
{
    return ARRAY_SIZE(schema_steps);
}

static int read_number(sqlite3 *db, const char *query, int64_t *ret)
{
    sqlite3_stmt *q = NULL;
    int r = 0;

    if (sqlite3_prepare_v2(db, query, -1, &q, NULL) != SQLITE_OK || sqlite3_step(q) != SQLITE_ROW)
        r = sqlite_errno(db);
    else
        *ret = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return r;
}

static int refuse_other(sqlite3 *db, const char *path, int64_t schema, struct problem *p)
{
    int64_t id = 0, tables = 0;
    int r = read_number(db, "PRAGMA application_id", &id);

    if (r == 0)
        r = read_number(db, "SELECT count(*) FROM sqlite_master", &tables);
    if (r < 0)
        return r;
    if (id != APPLICATION_ID && (schema != 0 || id != 0 || tables != 0))
        return problem_set(p, "store", path, "this is a database of another program");
    if (schema > (int64_t)ARRAY_SIZE(schema_steps))
        return problem_set(p, "schema", path,
                           "the store has schema %lld; this program knows up to %zu: use a newer one",
                           (long long)schema, ARRAY_SIZE(schema_steps));
    return 0;
}

/* One step is one transaction: a crash leaves the schema before it. */
static int take_step(sqlite3 *db, size_t i)
{
    char finish[128];

    snprintf(finish, sizeof(finish), "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT", APPLICATION_ID,
             i + 1);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, schema_steps[i], NULL, NULL, NULL) == SQLITE_OK) {
        CRASH_POINT("store.migrating");
        if (sqlite3_exec(db, finish, NULL, NULL, NULL) == SQLITE_OK)
            return 0;
    }
    return sqlite_errno(db);
}

int sqlite_migrate(sqlite3 *db, const char *path, struct problem *p)
{
    int64_t schema = 0;
    int r = read_number(db, "PRAGMA user_version", &schema);

    if (r == 0)
        r = refuse_other(db, path, schema, p);
    for (size_t i = (size_t)schema; r == 0 && i < ARRAY_SIZE(schema_steps); i++)
        r = take_step(db, i);
    CRASH_POINT("store.migrated");
    return r;
}

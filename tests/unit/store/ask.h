/* A number that a query gives. Include cmocka.h before. */
#ifndef PINDISPATCH_TEST_STORE_ASK_H
#define PINDISPATCH_TEST_STORE_ASK_H

#include <sqlite3.h>

static inline int64_t ask(sqlite3 *db, const char *query)
{
    sqlite3_stmt *q = NULL;
    int64_t answer;

    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    answer = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return answer;
}

#endif

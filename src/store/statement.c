#include "statement.h"

/* What record_read() takes, in its order. */
#define RECORD                                                                                                       \
    "d.id, d.tail, d.job_uuid, d.secret, d.state, d.stage, d.method, d.attempts, d.copy, d.stated, d.created, "      \
    "d.updated, d.due, e.source, e.id, e.body, d.outcome, d.mark"

#define FIND_BY(KEYS)                                                                                                \
    "SELECT source, id, digest, pin, puk FROM " KEYS " k CROSS JOIN event e ON e.number = k.event WHERE k.key = ?1"

#define AUDIT "seq, prior, time, id, tail, was, became, cause, words, uid, generation, template, detail, hash"

const char *const statement_texts[STATEMENTS] = {
    /* IMMEDIATE: whoever else writes is met at the begin, not in the middle. */
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",

    [SQL_HEAD_READ] = "SELECT events, audit_rows, audit_hash FROM head WHERE one = 1",
    [SQL_HEAD_WRITE] = "UPDATE head SET events = ?1, audit_rows = ?2, audit_hash = ?3 WHERE one = 1",
    [SQL_TALLY_READ] = "SELECT state, n FROM tally",
    [SQL_TALLY_WRITE] = "INSERT OR REPLACE INTO tally (state, n) VALUES (?1, ?2)",
    [SQL_NEWEST_ID] = "SELECT max(id) FROM delivery",

    [SQL_EVENT_FIND] = FIND_BY("recent_key") " UNION ALL " FIND_BY("old_key"),
    [SQL_EVENT_ADD] =
        "INSERT INTO event (key, source, id, digest, body, pin, puk) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_KEY_ADD] = "INSERT INTO recent_key (key, event) VALUES (?1, ?2)",
    [SQL_KEY_COUNT] = "SELECT count(*) FROM recent_key",
    /* The last of the ?2 keys that come after ?1. */
    [SQL_KEY_LAST] = "SELECT max(key) FROM (SELECT key FROM recent_key WHERE key > ?1 ORDER BY key LIMIT ?2)",
    [SQL_KEY_COPY] =
        "INSERT INTO old_key (key, event) SELECT key, event FROM recent_key WHERE key > ?1 AND key <= ?2",
    [SQL_KEY_DROP] = "DELETE FROM recent_key WHERE key > ?1 AND key <= ?2",
    /* Only when no other delivery of the event is still to go: those that are not final (?2: a final state's bit). */
    [SQL_EVENT_FORGET] = "UPDATE event SET body = NULL WHERE number = ?1 AND NOT EXISTS ("
                         "SELECT 1 FROM delivery WHERE id IN (event.pin, event.puk) AND (1 << state) & ?2 = 0)",

    [SQL_DELIVERY_ADD] =
        "INSERT INTO delivery (id, tail, event, secret, method, state, stage, attempts, copy, stated, created, "
        "updated, due, sealed, audit) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 1, ?7, ?8, ?8, ?9, ?10, ?11)",
    [SQL_DELIVERY_BRIEF] = "SELECT tail, secret, method, state, stated FROM delivery WHERE id = ?1",
    [SQL_DELIVERY_ROW] = "SELECT tail, event, state, stage, attempts, copy, created, updated, sealed, audit "
                         "FROM delivery WHERE id = ?1",
    [SQL_DELIVERY_CHANGE] =
        "UPDATE delivery SET state = ?2, stage = ?3, attempts = ?4, copy = ?5, job_uuid = coalesce(?6, job_uuid), "
        "updated = ?7, due = ?8, sealed = ?9, audit = ?10, outcome = coalesce(?11, outcome), "
        "mark = CASE WHEN ?12 THEN NULL ELSE mark END WHERE id = ?1",
    /* Of columns that no index holds. */
    [SQL_DELIVERY_MARK] = "UPDATE delivery SET stage = ?2, updated = ?3, audit = ?4, mark = coalesce(?5, mark) "
                          "WHERE id = ?1",

    [SQL_SEALED_ADD] = "INSERT INTO sealed (id, text) VALUES (?1, ?2)",
    /* The same size again, so that SQLite overwrites the bytes where they are. */
    [SQL_SEALED_ERASE] = "UPDATE sealed SET text = zeroblob(length(text)) WHERE id = ?1",
    /* Erased rows older than the oldest living one (?1 its id), some pages away from it. */
    [SQL_SEALED_PURGE] = "DELETE FROM sealed WHERE id IN (SELECT id FROM sealed WHERE id <= "
                         "(SELECT id FROM sealed WHERE id < ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2) "
                         "ORDER BY id LIMIT ?3)",

    [SQL_RECORD] = "SELECT " RECORD ", NULL FROM delivery d JOIN event e ON e.number = d.event WHERE d.id = ?1",
    [SQL_RECORD_SEALED] = "SELECT " RECORD ", CASE WHEN d.sealed THEN CAST((SELECT s.text FROM sealed s WHERE "
                          "s.id = d.id) AS TEXT) END FROM delivery d JOIN event e ON e.number = d.event "
                          "WHERE d.id = ?1",
    [SQL_DUE] = "SELECT id FROM delivery INDEXED BY delivery_due WHERE method = ?1 AND due <= ?2 "
                "ORDER BY due, id LIMIT ?3",
    /* ?5 is queued. */
    [SQL_HASTEN] = "UPDATE delivery SET due = ?2 WHERE id IN (SELECT id FROM delivery INDEXED BY delivery_due "
                   "WHERE method = ?1 AND due > ?2 AND (state = ?5 OR due > ?3) LIMIT ?4)",
    [SQL_NEXT_DUE] = "SELECT min(due) FROM delivery INDEXED BY delivery_due WHERE method = ?1 AND due IS NOT NULL",
    [SQL_STATE_BELOW] = "SELECT max(id) FROM delivery INDEXED BY delivery_state WHERE state = ?1 AND id < ?2",
    [SQL_STATE_ABOVE] = "SELECT min(id) FROM delivery INDEXED BY delivery_state WHERE state = ?1 AND id > ?2",

    [SQL_AUDIT_ADD] = "INSERT INTO audit (" AUDIT ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                      "?13, ?14)",
    [SQL_AUDIT_AFTER] = "SELECT " AUDIT " FROM audit WHERE seq > ?1 ORDER BY seq",
    [SQL_AUDIT_ONE] = "SELECT " AUDIT " FROM audit WHERE seq = ?1",
    [SQL_AUDIT_PRIOR] = "SELECT prior FROM audit WHERE seq = ?1",

    [SQL_ANCHOR_ADD] = "INSERT INTO anchor (number, seq, time, hash, key, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_ANCHORS] = "SELECT number, seq, time, hash, key, signature FROM anchor ORDER BY number",

    /* The next event after ?1 that still has a body: when it came and changed last, and whether all of it is over
     * (?2: the final states' bits). */
    [SQL_BODY_OLDEST] = "SELECT e.number, min(d.created), max(d.updated), min((1 << d.state) & ?2) FROM "
                        "(SELECT number, pin, puk FROM event INDEXED BY event_body WHERE body IS NOT NULL AND "
                        "number > ?1 ORDER BY number LIMIT 1) e JOIN delivery d ON d.id IN (e.pin, e.puk)",
};

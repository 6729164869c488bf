-- Schema 1. Numbers of states, stages and kinds are those of delivery.h; times are microseconds since 1970.
-- A delivery's id is the ordered part of its UUID (version 7) and tail is the rest: rows are appended in the order
-- of time, so that the largest b-trees grow at one end only.

CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    key INTEGER NOT NULL,       -- 48 bits of SHA-256(source, NUL, id): a short way to the identity, not unique
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,       -- SHA-256 of the body: the same identity with another one is a conflict
    body TEXT,                  -- without secrets; NULL once retention erased it
    pin INTEGER,                -- its deliveries' ids
    puk INTEGER
);
CREATE INDEX event_key ON event (key);

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    tail INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES event (number),
    secret INTEGER NOT NULL,
    method TEXT NOT NULL,
    state INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    copy INTEGER NOT NULL,
    job_uuid BLOB,              -- NULL: the delivery's own
    stated INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    due INTEGER,                -- NULL: nothing is scheduled
    sealed INTEGER NOT NULL,    -- is there a row in sealed that still holds the secret?
    audit INTEGER NOT NULL,     -- seq of its newest audit row
    outcome TEXT,
    mark TEXT                   -- evidence of the attempt that is on its way
);
CREATE INDEX delivery_due ON delivery (method, due) WHERE due IS NOT NULL;
CREATE INDEX delivery_state ON delivery (state, id);

-- Rows are only appended, overwritten in place and removed where no living one is near. SQLite's secure_delete
-- wipes what is deleted, but not the copies that moving rows between pages leaves behind, so they do not move.
CREATE TABLE sealed (
    id INTEGER PRIMARY KEY REFERENCES delivery (id),
    text BLOB NOT NULL
);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tail INTEGER NOT NULL,
    was INTEGER,                -- NULL: the first row of a delivery
    became INTEGER NOT NULL,
    cause TEXT NOT NULL,
    words TEXT,
    uid INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    template TEXT,
    detail TEXT,
    prior INTEGER NOT NULL,     -- seq of the same delivery's row before; 0: none
    hash BLOB NOT NULL
);

-- Written once a transaction. The head of the audit chain stands here, so that rows cut off its end are missed.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    events INTEGER NOT NULL,
    audit_rows INTEGER NOT NULL,
    audit_hash BLOB NOT NULL
);
INSERT INTO head VALUES (1, 0, 0, zeroblob(32));

CREATE TABLE tally (
    state INTEGER PRIMARY KEY,
    n INTEGER NOT NULL
);

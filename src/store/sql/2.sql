-- Schema 2: anchors of the audit trail, and a way to the holders' data that are still there.
CREATE TABLE anchor (
    number INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,       -- the audit row that it is over
    time INTEGER NOT NULL,
    hash TEXT NOT NULL,
    key TEXT NOT NULL,          -- id of the key that signed
    signature TEXT NOT NULL
);

CREATE INDEX event_body ON event (number) WHERE body IS NOT NULL;

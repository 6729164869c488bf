-- Schema 3: the way to an event by its key is in two tables. Keys come in no order, so in one that is large each event
-- would change a page of its own. New ones gather in the small one and move in their order, many to a page.
CREATE TABLE recent_key (
    key INTEGER NOT NULL,
    event INTEGER NOT NULL,     -- its number
    PRIMARY KEY (key, event)
) WITHOUT ROWID;

CREATE TABLE old_key (
    key INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (key, event)
) WITHOUT ROWID;

INSERT INTO old_key (key, event) SELECT key, number FROM event INDEXED BY event_key ORDER BY key, number;
DROP INDEX event_key;

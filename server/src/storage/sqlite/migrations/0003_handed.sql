-- Rows that devices handed back and that wait for a person: the highest revision of each.
CREATE TABLE handed_row (
    organizer BLOB NOT NULL,
    -- The table, as `replica` names it.
    name      BLOB NOT NULL,
    key       BLOB NOT NULL CHECK (length(key) = 16),
    bucket    INTEGER NOT NULL,
    revision  INTEGER NOT NULL,
    row       BLOB NOT NULL,
    device    BLOB NOT NULL,
    at        INTEGER NOT NULL,
    -- 0: it waits. 1: it was refused, and is kept so that it is not asked about again.
    judged    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (organizer, name, key)
) STRICT, WITHOUT ROWID;
-- Rows of one table, by key.
CREATE INDEX handed_row_by_table ON handed_row (name, key);

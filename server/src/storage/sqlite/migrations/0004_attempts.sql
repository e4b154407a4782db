-- An attempt belongs to the device that makes it: another device may write the same id, and ends nothing by it.
CREATE TABLE reservation_by_maker (
    scope     BLOB NOT NULL,
    subject   BLOB NOT NULL,
    attempt   BLOB NOT NULL CHECK (length(attempt) = 16),
    device    BLOB NOT NULL,
    -- NULL: the device stood at no gate.
    gate      BLOB,
    -- 0 in, 1 out.
    direction INTEGER NOT NULL,
    session   BLOB NOT NULL,
    -- NULL: the gate leads to the whole venue.
    zone      BLOB,
    at        INTEGER NOT NULL,
    answer    BLOB NOT NULL,
    PRIMARY KEY (scope, subject, attempt, device)
) STRICT, WITHOUT ROWID;
INSERT INTO reservation_by_maker
    (scope, subject, attempt, device, gate, direction, session, zone, at, answer)
SELECT scope, subject, attempt, device, gate, direction, session, zone, at, answer FROM reservation;
DROP TABLE reservation;
ALTER TABLE reservation_by_maker RENAME TO reservation;
-- The reservation that a record ends, and what a device is told that it holds; also keeps the attempts of a
-- device unique.
CREATE UNIQUE INDEX reservation_by_attempt ON reservation (device, attempt);
-- People on their way into a zone.
CREATE INDEX reservation_by_zone ON reservation (session, zone) WHERE direction = 0 AND zone IS NOT NULL;

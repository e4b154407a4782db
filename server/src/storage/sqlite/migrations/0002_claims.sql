-- Admissions that were granted and whose records have not come. Few: each lasts as long as a person walks.
CREATE TABLE reservation (
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
    PRIMARY KEY (scope, subject, attempt)
) STRICT, WITHOUT ROWID;
-- The reservation that a record ends; also keeps attempts unique.
CREATE UNIQUE INDEX reservation_by_attempt ON reservation (attempt);
-- What a device is told that it holds.
CREATE INDEX reservation_by_device ON reservation (device);
-- People on their way into a zone.
CREATE INDEX reservation_by_zone ON reservation (session, zone) WHERE direction = 0 AND zone IS NOT NULL;

-- Which devices may admit in a scope without asking.
CREATE TABLE duty (
    scope  BLOB NOT NULL,
    device BLOB NOT NULL,
    state  INTEGER NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (scope, device)
) STRICT, WITHOUT ROWID;
-- Duties of one device.
CREATE INDEX duty_by_device ON duty (device);

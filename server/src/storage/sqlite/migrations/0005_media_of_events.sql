-- A code is one of an event, not of an organizer: numbered wristbands and small shops give the same numbers
-- out at one event after the other.
CREATE TABLE medium_of_event (
    event  BLOB NOT NULL,
    key    BLOB NOT NULL CHECK (length(key) = 16),
    ticket BLOB NOT NULL,
    PRIMARY KEY (event, key)
) STRICT, WITHOUT ROWID;
INSERT INTO medium_of_event (event, key, ticket)
    SELECT ticket.event, medium.key, medium.ticket
    FROM medium JOIN ticket ON ticket.id = medium.ticket;
DROP TABLE medium;
ALTER TABLE medium_of_event RENAME TO medium;

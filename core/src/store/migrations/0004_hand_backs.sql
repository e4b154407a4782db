-- Rows that a restored server lacked and that this device gave it, as it gave them: kept until the server holds
-- them, or somebody there refused them. A server that is put back once more has forgotten them again.
CREATE TABLE hand_backs (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL CHECK (length(name) = 17),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    request BLOB NOT NULL
) STRICT;

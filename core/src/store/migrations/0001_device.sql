-- The store of one device.
--
-- Ids, hashes and keys are BLOBs of fixed length; times are milliseconds since 1970 (UTC).
-- `name` of a table is one byte for its kind and the 16 bytes of the id that it belongs to.

-- Who this device is and which server it belongs to, as one CBOR value with a mark in front: a rescuer
-- finds it by the mark even where the file's structure is destroyed.
CREATE TABLE identity (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    body     BLOB NOT NULL
) STRICT;

-- Signed documents: the highest version ever accepted of each, in the bytes received.
CREATE TABLE documents (
    name   BLOB    NOT NULL PRIMARY KEY CHECK (length(name) = 17),
    epoch  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),
    bytes  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Copies of tables. One generation of a name serves; another may be staged; dropped ones are emptied
-- in small steps. Numbers only grow, so a staged generation is written at the end of each B-tree.
CREATE TABLE generations (
    generation INTEGER PRIMARY KEY AUTOINCREMENT,
    name       BLOB    NOT NULL CHECK (length(name) = 17),
    state      INTEGER NOT NULL CHECK (state IN (0, 1, 2)), -- 0 staged, 1 serving, 2 dropped
    manifest   BLOB    NOT NULL,           -- signed, as received
    total      INTEGER NOT NULL DEFAULT 0, -- compressed bytes of the snapshot being staged
    staged     INTEGER NOT NULL DEFAULT 0  -- rows of it that are written
) STRICT;
-- One serving and one staged generation of a name at most.
CREATE UNIQUE INDEX generations_by_name ON generations (name, state) WHERE state < 2;

-- The compressed snapshot of a staged generation, part by part, so that a download goes on where it ended.
CREATE TABLE parts (
    generation INTEGER NOT NULL REFERENCES generations (generation),
    start      INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    PRIMARY KEY (generation, start)
) STRICT;

-- Rows as the server encoded them; clustered as digests and snapshots walk them.
CREATE TABLE rows (
    generation INTEGER NOT NULL,
    bucket     INTEGER NOT NULL,
    key        BLOB    NOT NULL,
    row        BLOB    NOT NULL,
    PRIMARY KEY (generation, bucket, key)
) STRICT, WITHOUT ROWID;

-- Opaque media of ticket sets, current and former.
CREATE TABLE media (
    generation INTEGER NOT NULL,
    medium     BLOB    NOT NULL,
    key        BLOB    NOT NULL,
    PRIMARY KEY (generation, medium, key)
) STRICT, WITHOUT ROWID;

-- Orders of ticket sets, for the entry of a group.
CREATE TABLE orders (
    generation INTEGER NOT NULL,
    order_id   BLOB    NOT NULL,
    key        BLOB    NOT NULL,
    PRIMARY KEY (generation, order_id, key)
) STRICT, WITHOUT ROWID;

-- Digests of the buckets of a generation, all 1,024 of them, kept along with every change.
CREATE TABLE digests (
    generation INTEGER NOT NULL PRIMARY KEY,
    buckets    BLOB    NOT NULL CHECK (length(buckets) = 32768)
) STRICT;

-- Logs, this device's and others', one scope each.
CREATE TABLE logs (
    log_no     INTEGER PRIMARY KEY,
    device     BLOB    NOT NULL CHECK (length(device) = 16),
    log        BLOB    NOT NULL CHECK (length(log) = 16),
    scope      BLOB    NOT NULL CHECK (length(scope) = 16),
    standing   INTEGER NOT NULL CHECK (standing IN (0, 1, 2)), -- 0 another's, 1 own and closed, 2 own and open
    on_server  INTEGER NOT NULL DEFAULT 0,  -- the last sequence that the server said it has
    UNIQUE (device, log)
) STRICT;
-- A device writes one log per scope at a time.
CREATE UNIQUE INDEX logs_open ON logs (scope) WHERE standing = 2;

-- Records in the order in which they came. Never changed; deleted only with their archived session.
CREATE TABLE records (
    place    INTEGER PRIMARY KEY,
    log_no   INTEGER NOT NULL REFERENCES logs (log_no),
    sequence INTEGER NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    scope_no INTEGER NOT NULL,
    subject  BLOB    NOT NULL, -- what the record speaks of; empty where it concerns the whole scope
    body     BLOB    NOT NULL
) STRICT;
-- A forked log has several records of one sequence: all are kept.
CREATE UNIQUE INDEX records_by_log ON records (log_no, sequence, hash);
CREATE INDEX records_by_subject ON records (scope_no, subject);
-- Eight bytes of a hash are enough to find it; the rest is compared.
CREATE INDEX records_by_hash ON records (substr(hash, 1, 8));

-- Scopes by a small number, and how far their feeds were read.
CREATE TABLE scopes (
    scope_no INTEGER PRIMARY KEY,
    scope    BLOB    NOT NULL UNIQUE CHECK (length(scope) = 16),
    epoch    INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    read_at  INTEGER NOT NULL DEFAULT 0 -- when the feed was last read to its end; 0 for never
) STRICT;

-- Batches of a feed that cannot be verified or read yet: a newer roster or program may.
CREATE TABLE parked (
    parked_no INTEGER PRIMARY KEY,
    scope     BLOB    NOT NULL,
    hash      BLOB    NOT NULL UNIQUE,
    batch     BLOB    NOT NULL
) STRICT;

-- Small facts, one CBOR value each.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Failed PINs of a member of staff; counted across restarts.
CREATE TABLE pin_failures (
    staff    BLOB    NOT NULL PRIMARY KEY CHECK (length(staff) = 16),
    failures INTEGER NOT NULL,
    wait_to  INTEGER NOT NULL -- no PIN is tried before
) STRICT, WITHOUT ROWID;

-- What a person should hear of, until somebody did.
CREATE TABLE notices (
    notice_no INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    body      BLOB    NOT NULL
) STRICT;
